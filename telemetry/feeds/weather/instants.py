"""Weather is told at instants; a plan needs means over steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from plant.timegrid import TimeGrid

_LONGEST_GAP_S = 3 * 3600.0
_PIECES = 6


def means(values: Sequence[tuple[datetime, float]], grid: TimeGrid) -> NDArray[np.float64]:
    """Mean in each step of the line through instants. Shape (steps,).

    NaN where the instants on both sides are more than three hours apart, or there is none.
    """
    known = sorted({at.timestamp(): v for at, v in values if v == v}.items())
    if len(known) < 2:
        return np.full(grid.steps, np.nan)
    at, value = (np.array(column, float) for column in zip(*known, strict=True))
    width = grid.step_s / _PIECES
    when = grid.start.timestamp() + width * (np.arange(grid.steps * _PIECES) + 0.5)
    line = np.interp(when, at, value, left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(at, when), 1, len(at) - 1)
    line[at[after] - at[after - 1] > _LONGEST_GAP_S] = np.nan
    return np.asarray(line.reshape(grid.steps, _PIECES).mean(axis=1))
