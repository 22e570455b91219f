"""A snapshot: only usable readings are numbers, a partial sum is a lie, the worst inlet counts."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plant.errors import BrokenPromise
from plant.history import History
from plant.points import SITE, OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid, floor_to

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
A, B = OwnerId("zone-a"), OwnerId("zone-b")


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")


def snapshot(site: Site, *readings: tuple[str, float, Quality]) -> Snapshot:
    made = {PointId(p): Reading(PointId(p), NOW - timedelta(seconds=30), v, q) for p, v, q in readings}
    return Snapshot(site, NOW, made)


@pytest.mark.parametrize("quality", list(Quality))
def test_only_good_and_substituted_readings_are_numbers(site: Site, quality: Quality) -> None:
    seen = snapshot(site, ("zone-a.it-power", 250.0, quality))
    usable = quality in (Quality.GOOD, Quality.SUBSTITUTED)
    assert math.isnan(seen.value(PointId("zone-a.it-power"))) is not usable


def test_a_good_reading_that_is_nan_is_not_usable() -> None:
    assert not Reading(PointId("x"), NOW, math.nan, Quality.GOOD).usable


def test_a_partial_sum_is_no_sum(site: Site) -> None:
    half = snapshot(site, ("zone-a.it-power", 250.0, Quality.GOOD), ("zone-b.it-power", 200.0, Quality.STALE))
    assert math.isnan(half.total(Quantity.IT_POWER, [A, B]))
    assert half.total(Quantity.IT_POWER, [A]) == 250


def test_the_worst_inlet_is_the_warmest_usable_one(site: Site) -> None:
    seen = snapshot(
        site,
        ("zone-a.inlet-1", 23.0, Quality.GOOD),
        ("zone-a.inlet-2", 25.5, Quality.SUBSTITUTED),
        ("zone-a.inlet-3", 59.0, Quality.OUT_OF_RANGE),
    )
    assert seen.worst_inlet_c(A) == 25.5
    assert sorted(seen.inlets_c(A)) == [23.0, 25.5]
    assert math.isnan(seen.worst_inlet_c(B))


def test_a_zone_mean_covers_the_equipment_that_serves_it(site: Site) -> None:
    seen = snapshot(
        site, ("crah-1.supply-air", 17.0, Quality.GOOD), ("crah-2.supply-air", 19.0, Quality.GOOD),
        ("crah-3.supply-air", 30.0, Quality.GOOD),
    )  # fmt: skip
    assert seen.zone_mean(A, Quantity.SUPPLY_AIR_TEMPERATURE) == 18
    assert math.isnan(seen.mean(SITE, Quantity.OUTDOOR_DRY_BULB))


def test_a_lever_nobody_reports_is_not_among_the_setpoints(site: Site) -> None:
    seen = snapshot(site, ("plant.chw-supply.setpoint", 9.0, Quality.GOOD))
    assert dict(seen.setpoints()) == {"plant.chilled-water": 9.0}


def test_the_age_of_a_missing_reading_is_infinite(site: Site) -> None:
    seen = snapshot(site, ("zone-a.it-power", 1.0, Quality.STALE), ("zone-b.it-power", 1.0, Quality.MISSING))
    assert seen.age_s(PointId("zone-a.it-power")) == 30
    assert seen.age_s(PointId("zone-b.it-power")) == math.inf
    assert seen.age_s(PointId("zone-c.it-power")) == math.inf


def test_a_snapshot_survives_pickling_for_the_planning_process(site: Site) -> None:
    seen = snapshot(site, ("zone-a.it-power", 250.0, Quality.GOOD))
    again = pickle.loads(pickle.dumps(seen))
    assert again == seen
    assert again.value(PointId("zone-a.it-power")) == 250


def test_setpoints_compare_by_content_and_refuse_nan() -> None:
    one = Setpoints({LeverId("a"): 1.0})
    assert one == Setpoints({LeverId("a"): 1.0})
    assert hash(one) == hash(Setpoints({LeverId("a"): 1.0}))
    assert one[LeverId("a")] == 1.0
    with pytest.raises(BrokenPromise):
        Setpoints({LeverId("a"): math.nan})


def test_setpoints_do_not_follow_the_dictionary_they_were_made_from() -> None:
    source = {LeverId("a"): 1.0}
    made = Setpoints(source)
    source[LeverId("a")] = 9.0
    assert made[LeverId("a")] == 1.0
    assert pickle.loads(pickle.dumps(made)) == made


def test_a_lever_clamps_into_its_range(site: Site) -> None:
    lever = site.levers[0]
    assert [lever.clamp(v) for v in (0.0, 20.0, 99.0)] == [lever.low, 20.0, lever.high]


def test_a_time_grid_counts_in_utc_and_refuses_naive_starts() -> None:
    grid = TimeGrid(NOW, 900, 96)
    assert grid.end - grid.start == timedelta(days=1)
    assert len(grid.times()) == 96
    assert grid.times()[1] == NOW + timedelta(minutes=15)
    with pytest.raises(BrokenPromise):
        TimeGrid(datetime(2026, 7, 1), 900, 96)  # noqa: DTZ001
    with pytest.raises(BrokenPromise):
        TimeGrid(NOW, 0, 96)


@pytest.mark.parametrize(("minute", "second", "floored"), [(0, 0, 0), (14, 59, 0), (15, 0, 15), (59, 1, 45)])
def test_flooring_goes_to_the_last_quarter_hour(minute: int, second: int, floored: int) -> None:
    assert floor_to(NOW.replace(minute=minute, second=second), 900) == NOW.replace(minute=floored)


def test_a_history_without_a_point_has_gaps_for_it(site: Site) -> None:
    index = pd.date_range(NOW, periods=3, freq="60s")
    values = pd.DataFrame({"zone-a.it-power": [1.0, np.nan, 3.0]}, index=index)
    history = History(site, 60, values, values.notna().astype(float))
    assert (history.start, history.end) == (NOW, NOW + timedelta(minutes=2))
    assert np.isnan(history.column(PointId("zone-b.it-power"))).all()
    np.testing.assert_array_equal(history.column(PointId("zone-a.it-power")), [1.0, np.nan, 3.0])
