"""Loads go by the clocks on the wall and weather by the sun, also around the days on which clocks change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from analytic_plant import flat_outlook, snapshot_at
from paper_plant import paper_plant, quiet_site

from optimizer.forecast import Forecaster
from optimizer.forecast.seasonal import Habit, Past, expect
from optimizer.forecast.skill import skill
from plant.forecast import Array
from plant.history import History
from plant.site import Site
from plant.timegrid import TimeGrid

NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"
# New York: two o'clock is three on 8 March 2026, and one again on 1 November. Lord Howe Island: two is
# half past one on 5 April 2026, and half past two on 4 October.
CHANGES = [
    (NEW_YORK, "2026-03-07 21:00"),  # across the change
    (NEW_YORK, "2026-03-08 12:00"),  # all of the past before it but nine hours
    (NEW_YORK, "2026-03-11 08:05"),
    (NEW_YORK, "2026-10-31 21:00"),
    (NEW_YORK, "2026-11-01 01:30-04:00"),  # half past one for the first time
    (NEW_YORK, "2026-11-01 12:00"),
    (NEW_YORK, "2026-11-04 08:05"),
    (LORD_HOWE, "2026-04-04 21:00"),
    (LORD_HOWE, "2026-04-06 12:00"),
    (LORD_HOWE, "2026-10-03 21:00"),
    (LORD_HOWE, "2026-10-05 12:00"),
]


def work(times: pd.DatetimeIndex) -> Array:
    """What people ask for by their clocks: a wave of a day, a small one at weekends. [kW]"""
    hour = times.hour + times.minute / 60 + times.second / 3600
    return np.asarray(150 + np.where(times.day_of_week < 5, 40, 10) * np.sin(2 * np.pi * hour / 24))


def alike(times: pd.DatetimeIndex) -> Array:
    """The same without weekends. [kW]"""
    hour = times.hour + times.minute / 60 + times.second / 3600
    return np.asarray(150 + 40 * np.sin(2 * np.pi * hour / 24))


def air(times: pd.DatetimeIndex) -> Array:
    """What the sun does, by UTC. [°C]"""
    return np.asarray(15 + 6 * np.sin(2 * np.pi * times.as_unit("s").asi8 / 86_400))


def at(text: str, zone: str) -> datetime:
    instant = pd.Timestamp(text)
    return (instant.tz_localize(zone) if instant.tz is None else instant).tz_convert("UTC").to_pydatetime()


def quarters(start: datetime, days: float, zone: str) -> pd.DatetimeIndex:
    """The middles of the quarter hours of so many days, as the site's clocks show them."""
    first = pd.Timestamp(start) + timedelta(seconds=450)
    return pd.date_range(first, periods=round(days * 96), freq="900s").tz_convert(zone)


def seconds(times: pd.DatetimeIndex) -> Array:
    return times.as_unit("s").asi8.astype(float)


@pytest.mark.parametrize("weekly", [True, False])
@pytest.mark.parametrize(("zone", "text"), CHANGES)
def test_work_is_expected_when_the_clock_on_the_wall_says_so(zone: str, text: str, weekly: bool) -> None:
    start = at(text, zone)
    before = quarters(start - timedelta(days=21), 21, zone)
    grid = TimeGrid(start, 900, 96)
    after = quarters(start, 1, zone)
    habit = Habit(memory_s=9000, days=21, weekly=weekly, least_std=0.1, clocks=ZoneInfo(zone))
    asked = work if weekly else alike
    band = expect(Past(seconds(before), asked(before)), np.nan, grid, habit)
    # Quarter hours are averaged with their neighbors; an hour off would be 10 kW.
    np.testing.assert_allclose(band.mean, asked(after), atol=1.0)
    # A past that was followed to the kilowatt leaves next to no doubt, whatever the clocks did.
    assert band.std.max() < 1.0


@pytest.mark.parametrize("zone", [NEW_YORK, "UTC", "Asia/Kathmandu"])
def test_while_clocks_do_not_change_it_is_the_same_to_the_last_bit(zone: str) -> None:
    rng = np.random.default_rng(1)
    start = at("2026-07-20 08:05", zone)
    before = quarters(start - timedelta(days=21), 21, zone)
    past = Past(seconds(before), work(before) + rng.normal(0, 5, len(before)))
    grid = TimeGrid(start, 900, 96)
    habit = Habit(memory_s=9000, days=21, weekly=True, least_std=0.1)
    by_sun = expect(past, 140.0, grid, habit)
    by_clock = expect(past, 140.0, grid, replace(habit, clocks=ZoneInfo(zone)))
    np.testing.assert_array_equal(by_clock.mean, by_sun.mean)
    np.testing.assert_array_equal(by_clock.std, by_sun.std)


def lived(
    site: Site, until: datetime, days: int, asked: Callable[[pd.DatetimeIndex], Array] = work
) -> History:
    """Days in which racks went by the site's clocks and the weather by the sun, at quarter hours."""
    middles = quarters(until - timedelta(days=days), days, site.timezone)
    columns = {f"{z.id}.it-power": asked(middles) for z in site.zones}
    columns |= {"outdoor.dry-bulb": air(middles), "outdoor.wet-bulb": air(middles) - 5}
    index = middles.tz_convert("UTC") - timedelta(seconds=450)
    frame = pd.DataFrame(columns, index=index)
    return History(site, 900, frame, frame.notna().astype(float))


@pytest.mark.parametrize(("zone", "text"), [CHANGES[0], CHANGES[1], CHANGES[3], CHANGES[9]])
def test_a_site_s_forecast_has_loads_by_its_clocks_and_weather_by_the_sun(zone: str, text: str) -> None:
    site = replace(quiet_site(), timezone=zone)
    start = at(text, zone)
    history = lived(site, start, 21)
    now = replace(snapshot_at(history, -1), time=start)
    carbon, price, grid = flat_outlook(site, start)
    made = Forecaster(site, paper_plant(site)).forecast(history, now, carbon, price, grid)
    after = quarters(start, 1, zone)
    for zone_id in (z.id for z in site.zones):
        # The snapshot is the quarter hour that ended at the start: an eighth of an hour old.
        np.testing.assert_allclose(made.it_reference_kw[zone_id].mean, work(after), atol=2.5)
    np.testing.assert_allclose(made.dry_bulb_c.mean, air(after), atol=0.4)


def test_skill_compares_with_the_time_that_the_clock_showed_yesterday() -> None:
    # Eight days alike, with a change in them: what the wall showed a day before is this very load, where
    # 24 hours before are up to 10 kW off. (No quarter hour looked at is in the hour that was not there.)
    site = quiet_site()
    history = lived(site, at("2026-03-13 01:00", NEW_YORK), 8, alike)
    found = {(s.what, s.ahead_s): s for s in skill(Forecaster(site, paper_plant(site)), history)}
    for ahead in (21_600, 86_400):
        load, dry = found["zone-a IT power", ahead], found["outdoor dry bulb", ahead]
        assert load.yesterday_mae == pytest.approx(0.0, abs=0.01)
        assert load.mae < 1.5
        # The sun knows of no clocks.
        assert dry.yesterday_mae == pytest.approx(0.0, abs=0.01)
        assert dry.mae < 0.5
