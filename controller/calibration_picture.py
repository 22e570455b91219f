"""A calibration as a picture: every submodel's measured against predicted. Needs the extra `reports`."""

from __future__ import annotations

from io import BytesIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from controller.calibration import Calibration
from optimizer.identify.compare import Comparison

_COLUMNS = 4


def picture(made: Calibration) -> bytes:
    """Measured against predicted for every submodel with data, as an SVG."""
    shown = [c for c in made.comparisons if c.measured.size]
    rows = -(-len(shown) // _COLUMNS)
    figure = Figure(figsize=(3.4 * _COLUMNS, 3.2 * rows), layout="tight")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axis, one in zip(axes.flat, shown, strict=False):
        _scatter(axis, one)
    for axis in list(axes.flat)[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle(f"{made.model.site_id}: measured against predicted, model {made.model.version}")
    out = BytesIO()
    with mpl.rc_context({"svg.hashsalt": made.model.version}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _scatter(axis: Axes, one: Comparison) -> None:
    thin = slice(None, None, max(1, one.measured.size // 800))
    low = min(one.measured.min(), one.predicted.min())
    high = max(one.measured.max(), one.predicted.max())
    axis.plot([low, high], [low, high], color="0.7", linewidth=1)
    axis.plot(one.measured[thin], one.predicted[thin], ".", markersize=3, color="#1b6ca8", rasterized=True)
    axis.set_title(f"{one.name}  (RMSE {one.rmse:.3g} {one.unit})", fontsize=9)
    axis.set_xlabel("measured", fontsize=8)
    axis.set_ylabel("predicted", fontsize=8)
    axis.tick_params(labelsize=7)
