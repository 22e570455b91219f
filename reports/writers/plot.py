"""One way to make a figure of a report: plain axes, small print, SVG without a date in it."""

from __future__ import annotations

import io
from typing import Any

from reports.writers.extra import needed


def plain_axes(width_in: float, height_in: float, wanted_for: str) -> tuple[Any, Any]:
    """A figure and its axes.

    Raises
    ------
    ConfigError
        If the extra `reports` is not installed; ``wanted_for`` says which format asked.
    """
    figure = needed("matplotlib.figure", wanted_for).Figure(
        figsize=(width_in, height_in), layout="constrained"
    )
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7)
    return figure, axes


def to_svg(figure: Any, *, transparent: bool = False) -> bytes:
    """The figure as SVG, the same bytes whenever it is made."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, transparent=transparent)
    return out.getvalue()
