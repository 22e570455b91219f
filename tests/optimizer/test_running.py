"""What no reading tells: times since starts and stops, the month's peak."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from analytic_plant import flat_outlook, snapshot_at
from scheduled_site import CHILLERS, ECONOMIZER, seen, with_levers

from optimizer.forecast import Forecaster
from optimizer.model import PlantModel
from optimizer.running import RunClock
from optimizer.switches import SwitchKind, read_switches
from plant.history import History
from plant.site import EquipmentKind


def test_a_start_and_a_stop_are_timed_from_when_they_were_seen(history: History) -> None:
    clock, row = RunClock(), snapshot_at(history, 700)
    counts = [(0, 1.0, 0.0), (10, 1.0, 1.0), (20, 1.0, 1.0), (30, 1.0, 0.0)]
    found = []
    for minutes, first, second in counts:
        now = seen(row, history.site, chiller__1_run=first, chiller__2_run=second)
        found.append(clock.observe(replace(now, time=row.time + timedelta(minutes=minutes))))
    assert [f.chillers for f in found] == [1, 2, 2, 1]
    assert [f.started_s_ago for f in found] == [None, 0, 600, 1200]
    assert [f.stopped_s_ago for f in found] == [None, None, None, 0]


def test_outdoor_air_dampers_are_no_water_side_economizer(history: History, model: PlantModel) -> None:
    site = with_levers(history.site, CHILLERS, ECONOMIZER)
    now = seen(snapshot_at(history, 700), site)
    by_water = read_switches(site, model, now)
    assert [s.kind for s in by_water.each] == [SwitchKind.CHILLERS, SwitchKind.ECONOMIZER]
    dampers = tuple(
        replace(e, kind=EquipmentKind.AIR_ECONOMIZER) if e.id == "economizer-1" else e for e in site.equipment
    )
    by_air = read_switches(replace(site, equipment=dampers), model, now)
    assert by_air.each[1].kind is SwitchKind.OUTDOOR_AIR
    assert not by_air.each[1].axis.free
    assert any("economizer-1.enable" in why for why in by_air.left_alone)


def test_the_month_s_peak_is_the_meter_s_highest_quarter_hour_so_far(
    history: History, model: PlantModel
) -> None:
    row = snapshot_at(history, 700)
    carbon, price, grid = flat_outlook(history.site, row.time)
    forecast = Forecaster(history.site, model).forecast(history, row, carbon, price, grid)
    metered = history.values["utility-meter.power"]
    past = metered[metered.index < row.time]
    quarters = past.to_numpy()[len(past) % 3 :].reshape(-1, 3).mean(axis=1)
    assert forecast.month_peak_kw == pytest.approx(quarters.max())
    # The first hours of a month know nothing of the month before.
    begun = replace(grid, start=grid.start.replace(month=7, day=1, hour=5))
    fresh = Forecaster(history.site, model).forecast(
        history, row, replace(carbon, grid=begun), replace(price, grid=begun), begun
    )
    assert fresh.month_peak_kw == 0.0
