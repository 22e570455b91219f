"""What is looked at: samples on a grid, rollups as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from plant.history import History
from plant.points import PointId
from plant.site import Site
from telemetry.historian.chunks import EMPTY, Samples
from telemetry.historian.rollup import Rolled, on_grid

_ROLLUP_COLUMNS = ("point", "start", "samples", "good", "usable", "low", "high", "mean")


def gridded(
    site: Site, samples: Mapping[PointId, Samples], begin: datetime, step_s: int, steps: int
) -> History:
    """Every point of the site on the grid of ``steps`` from ``begin``; all NaN where there is nothing."""
    values = np.full((steps, len(site.points)), np.nan)
    share = np.zeros((steps, len(site.points)))
    for j, point in enumerate(site.points):
        series = samples.get(point.id, EMPTY)
        values[:, j], share[:, j] = on_grid(series, int(begin.timestamp()), step_s, steps)
    index = pd.date_range(begin, periods=steps, freq=pd.Timedelta(seconds=step_s), name="time")
    columns = [p.id for p in site.points]
    return History(
        site,
        step_s,
        pd.DataFrame(values, index=index, columns=columns),
        pd.DataFrame(share, index=index, columns=columns),
    )


def rolled_frame(point: PointId, rolled: Rolled) -> pd.DataFrame:
    """Rollups just made."""
    usable = rolled.usable > 0
    columns: dict[str, Any] = {
        "point": [point] * len(rolled.start_s),
        "start": pd.to_datetime(rolled.start_s, unit="s", utc=True),
        "samples": rolled.samples,
        "good": rolled.good,
        "usable": rolled.usable,
        "low": np.where(usable, rolled.low, np.nan),
        "high": np.where(usable, rolled.high, np.nan),
        "mean": rolled.mean,
    }
    return pd.DataFrame(columns)


def stored_frame(rows: Sequence[tuple[object, ...]], names: Mapping[int, PointId]) -> pd.DataFrame:
    """Rollups from the database; ``names`` are the points by number."""
    frame = pd.DataFrame.from_records(list(rows), columns=list(_ROLLUP_COLUMNS))
    frame["point"] = frame["point"].map(dict(names))
    frame["start"] = pd.to_datetime(frame["start"], unit="s", utc=True)
    values = ["low", "high", "mean"]
    frame[values] = frame[values].astype(float)
    return frame


def joined_frame(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows by point and time; a table without rows where there are none."""
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return stored_frame([], {})
    return pd.concat(filled, ignore_index=True).sort_values(["point", "start"], ignore_index=True)
