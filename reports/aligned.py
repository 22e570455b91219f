"""Putting a series given on one grid (carbon, price) onto the steps of a history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.timegrid import TimeGrid

Array = NDArray[np.float64]


def on_steps(grid: TimeGrid, values: Array, starts: pd.DatetimeIndex, step_s: int) -> Array:
    """Time-weighted mean of a piecewise-constant series over each step.

    Parameters
    ----------
    grid, values : TimeGrid and ndarray, shape (grid.steps,)
        The series; NaN is a gap.
    starts : DatetimeIndex, shape (steps,)
        Starts of the steps, UTC.

    Returns
    -------
    ndarray, shape (steps,)
        NaN for a step that touches a gap or reaches beyond the grid.
    """
    begin = (starts - pd.Timestamp(grid.start)).total_seconds().to_numpy() / grid.step_s
    end = begin + step_s / grid.step_s
    first = np.floor(begin + 1e-9).astype(int)
    last = np.ceil(end - 1e-9).astype(int) - 1
    inside = (first >= 0) & (last < grid.steps)
    out = np.full(len(starts), np.nan)
    whole = inside & (first == last)
    out[whole] = values[first[whole]]
    for i in np.flatnonzero(inside & (first != last)):
        cells = np.arange(first[i], last[i] + 1)
        weights = np.minimum(cells + 1, end[i]) - np.maximum(cells, begin[i])
        out[i] = float(np.average(values[cells], weights=weights))
    return out
