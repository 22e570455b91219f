"""Carbon and price on other grids than the history's."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from plant.timegrid import TimeGrid
from reports.aligned import on_steps

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURLY = TimeGrid(START, 3600, 3)
VALUES = np.array([100.0, 200.0, np.nan])


def starts(freq_s: int, count: int, offset_s: int = 0) -> pd.DatetimeIndex:
    return pd.date_range(START + pd.Timedelta(seconds=offset_s), periods=count, freq=f"{freq_s}s")


def test_finer_steps_take_the_value_they_lie_in() -> None:
    out = on_steps(HOURLY, VALUES, starts(1800, 4), 1800)
    assert out.tolist() == [100, 100, 200, 200]


def test_coarser_steps_take_the_time_weighted_mean() -> None:
    assert on_steps(HOURLY, VALUES, starts(7200, 1), 7200).tolist() == [150]


def test_a_step_across_an_edge_is_weighted_by_time() -> None:
    # from 00:45 for an hour: a quarter of it at 100, three quarters at 200
    assert on_steps(HOURLY, VALUES, starts(3600, 1, offset_s=2700), 3600).tolist() == [175]


def test_gaps_and_what_lies_beyond_stay_gaps() -> None:
    out = on_steps(HOURLY, VALUES, starts(3600, 6, offset_s=-3600), 3600)
    assert np.isnan(out).tolist() == [True, False, False, True, True, True]
