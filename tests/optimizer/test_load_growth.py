"""How much a load may rise beside a trip: read off its own past, by counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import demo_site

from optimizer.identify.load_growth import LEAST, UNKNOWN, learn_load_growth
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity

ZONE = OwnerId("zone-a")
STEP_S, DAY = 300, 288


def told(load_kw: Array, ride_through_s: float = 900.0) -> float:
    site = demo_site()
    site = replace(site, safety=replace(site.safety, ride_through_s=ride_through_s))
    columns = {p.id: load_kw for p in site.points_in(ZONE, Quantity.IT_POWER)}
    return learn_load_growth(Signals(site, STEP_S, len(load_kw), columns), ZONE)


def days_with_jobs(hours: int) -> Array:
    """Ten days at 100 kW; every so many hours a job of half an hour draws 15 kW more."""
    load = np.full(10 * DAY, 100.0)
    for start in range(0, len(load), 12 * hours):
        load[start : start + 6] = 115.0
    return load


def test_jobs_that_start_often_are_room_to_be_kept() -> None:
    # Three samples see the start within a quarter of an hour: every four hours 3 of 48, more than one in 100
    assert told(days_with_jobs(4)) == pytest.approx(0.15)


def test_a_jump_seen_once_in_ten_days_is_not() -> None:
    # 3 of 2,880 samples
    assert told(days_with_jobs(240)) == LEAST


def test_a_longer_ride_through_sees_more_of_a_slow_rise() -> None:
    # 1 % in five minutes, up for an hour and down again: three steps more are 3 %, six are 6 %
    ramp = np.concatenate([np.arange(12), np.arange(12, 0, -1)])
    load = np.tile(100.0 * 1.01**ramp, 10 * DAY // 24)
    assert told(load, 900.0) == pytest.approx(1.01**3 - 1, abs=1e-9)
    assert told(load, 1800.0) == pytest.approx(1.01**6 - 1, abs=1e-9)


def test_without_enough_of_a_past_some_is_kept_all_the_same() -> None:
    assert told(days_with_jobs(4)[:DAY]) == UNKNOWN
    assert told(np.full(10 * DAY, np.nan)) == UNKNOWN
    assert told(np.array([100.0])) == UNKNOWN


def test_gaps_are_no_rise() -> None:
    load = days_with_jobs(240)
    load[::50] = np.nan
    assert told(load) == LEAST
