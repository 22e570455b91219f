"""Work that was put off and caught up is neither forgotten nor expected to come twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import flat_outlook, snapshot_at
from scheduled_site import DEFERRAL, day, seen, with_levers

from controller.rollout_check import _Walk
from optimizer.forecast import Forecaster
from optimizer.forecast.moved_work import moved_work
from optimizer.forecast.skill import _truth
from optimizer.model import PlantModel
from optimizer.mpc import _scheduled
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.static import tabulate
from optimizer.waiting import moved_before
from plant.forecast import Array, Forecast
from plant.history import History
from plant.points import OwnerId
from plant.setpoints import LeverId
from plant.snapshot import Snapshot

A, FOUR = OwnerId("zone-a"), 4 * 288 + 48
"""A zone whose work may wait; four in the morning of the fifth day, in rows of five minutes."""
LEVER, POWER = DEFERRAL.points[0], "zone-a.it-power"


def test_what_was_asked_for_is_found_again_by_hand() -> None:
    # 100 kW asked for, 60 put off for two quarter hours: 30 kWh wait. Then a quarter of what waits each time.
    drawn = np.array([100.0, 40.0, 40.0, 130.0, 122.5, 116.875])
    off = np.array([0.0, 60.0, 60.0, 0.0, 0.0, 0.0])
    net, waits = moved_before(off, drawn, 1e3, np.full(6, 0.25))
    assert drawn + net == pytest.approx(np.full(6, 100.0))
    assert waits == pytest.approx(30 - 7.5 - 5.625 - 4.21875)


def test_full_machines_catch_up_no_faster_than_they_can() -> None:
    # 30 kWh wait and 20 kW are spare: two quarter hours at 120 kW, then 20 kWh wait and as much is run.
    drawn = np.array([100.0, 40.0, 40.0, 120.0, 120.0, 120.0, 115.0])
    net, waits = moved_before(np.array([0, 60.0, 60.0, 0, 0, 0, 0]), drawn, 120.0, np.full(7, 0.25))
    assert drawn + net == pytest.approx(np.full(7, 100.0))
    assert waits == pytest.approx(15 - 15 / 4)


def test_machines_that_run_a_little_more_than_was_thought_ask_for_no_more_each_time() -> None:
    # As above, but they are full at 122 kW where 120 was thought: 22 kW are caught up, then 19 of 19 kWh.
    drawn = np.array([100.0, 40.0, 40.0, 122.0, 122.0, 119.0, 114.25])
    net, waits = moved_before(np.array([0, 60.0, 60.0, 0, 0, 0, 0]), drawn, 120.0, np.full(7, 0.25))
    assert drawn + net == pytest.approx(np.full(7, 100.0))
    assert waits == pytest.approx(14.25 * 0.75)


def test_where_nobody_knows_where_the_lever_stood_nothing_is_mended() -> None:
    drawn = np.array([100.0, 40.0, 40.0, 130.0])
    net, waits = moved_before(np.full(4, np.nan), drawn, 1e3, np.full(4, 0.25))
    assert net.tolist() == [0, 0, 0, 0]
    assert waits == 0.0


def test_what_is_for_all_zones_is_shared_by_their_load(history: History) -> None:
    lever = replace(DEFERRAL, owner=OwnerId("site"), id=LeverId("plant.deferred"))
    site = with_levers(history.site, lever)
    power = {z.id: np.array([30.0 if z.id == A else 10.0]) for z in site.zones}
    found = moved_work(site, {lever.id: np.array([60.0])}, power, np.array([0.25]))
    assert found.net_kw[A][0] == pytest.approx(60 * 30 / (30 + 10 * (len(site.zones) - 1)))
    assert sum(net[0] for net in found.net_kw.values()) == pytest.approx(60.0)
    assert found.waiting_kwh == {lever.id: 15.0}


def put_off_each_night(history: History) -> History:
    """40 kW put off from two till four every night, and caught up after it."""
    quarters = len(history.values) // 3
    of_day = np.arange(quarters) % 96
    off = np.where((of_day >= 8) & (of_day < 16), 40.0, 0.0)
    moved, waiting = np.empty(quarters), 0.0
    for k in range(quarters):
        moved[k] = off[k] if off[k] else -waiting
        waiting += 0.25 * moved[k]
    values = history.values.copy()
    values[LEVER] = np.repeat(off, 3)
    values[POWER] -= np.repeat(moved, 3)
    site = with_levers(history.site, DEFERRAL)
    return History(site, history.step_s, values, values.notna().astype(float))


def foretold(history: History, model: PlantModel, snapshot: Snapshot) -> Forecast:
    carbon, price, grid = flat_outlook(history.site, snapshot.time)
    return Forecaster(history.site, model).forecast(history, snapshot, carbon, price, grid)


def mean_kw(forecast: Forecast) -> Array:
    return forecast.it_reference_kw[A].mean


def test_a_habit_is_learned_as_if_nothing_had_been_put_off(history: History, model: PlantModel) -> None:
    # At four: two hours of 40 kW wait, and the hour after it runs as much as waits.
    moved, row = put_off_each_night(history), FOUR
    honest = foretold(history, model, snapshot_at(history, row))
    now = seen(snapshot_at(moved, row), moved.site)
    mended = foretold(moved, model, now)
    assert mended.waiting_kwh[DEFERRAL.id] == pytest.approx(80.0, abs=0.05)
    np.testing.assert_allclose(mean_kw(mended), mean_kw(honest), atol=1.5)
    # What is not known is not mended: then the bump that is now goes on, and colors the day.
    untold = replace(moved, values=moved.values.drop(columns=[LEVER]))
    raw = foretold(untold, model, now)
    assert raw.waiting_kwh[DEFERRAL.id] == 0.0
    plain = foretold(replace(untold, site=history.site), model, now)
    np.testing.assert_array_equal(mean_kw(raw), mean_kw(plain))
    assert mean_kw(raw)[0] > mean_kw(honest)[0] + 40


def test_a_forecast_is_not_scored_for_work_that_levers_moved(history: History, model: PlantModel) -> None:
    moved = put_off_each_night(history)
    came = _truth(Forecaster(moved.site, model), moved)["zone-a IT power"]
    honest = _truth(Forecaster(history.site, model), history)["zone-a IT power"]
    # Quarter hours and the five minutes of this history follow one law a little unlike; 80 kW would be off.
    assert np.abs((came - honest).reshape(-1, 3).mean(axis=1)).max() < 8


def test_work_that_waits_is_counted_once(history: History, model: PlantModel) -> None:
    moved = put_off_each_night(history)
    now = seen(snapshot_at(moved, FOUR), moved.site)
    forecast = foretold(moved, model, now)
    forecast = replace(
        day(moved.site, now), it_reference_kw=forecast.it_reference_kw, waiting_kwh=forecast.waiting_kwh
    )
    problem = pose(moved.site, model, PlannerSettings.of(moved.site), now, forecast)
    assert isinstance(problem, Problem)
    asked = problem.world.it_reference_kw[:, 0]
    run = problem.under(problem.schedule, None, 0.0).world.it_reference_kw[:, 0]
    # 80 kWh: 80 kW in the first quarter hour as the meter shows it, 60 in the next, and all of it in the end.
    plain = foretold(history, model, snapshot_at(history, FOUR))
    assert asked[0] == pytest.approx(mean_kw(plain)[0], abs=1.5)
    assert (run - asked)[:2] == pytest.approx([80.0, 60.0], abs=0.1)
    assert 0.25 * (run - asked).sum() == pytest.approx(80.0, abs=0.1)


def test_the_supervisor_s_edge_has_waiting_work_on_top_and_trusts_no_lever_yet_to_be_moved(
    history: History, model: PlantModel
) -> None:
    site = with_levers(history.site, DEFERRAL)
    steps = 96

    def load_kw(stands: float, path: float, waits: float) -> Array:
        now = seen(snapshot_at(history, FOUR), site, zone__a_deferred_setpoint=stands)
        forecast = replace(day(site, now), waiting_kwh={DEFERRAL.id: waits})
        walk = _Walk(site, model, model, {DEFERRAL.id: np.full(steps, path)}, forecast, now)
        return walk._load_kw(A) - forecast.it_reference_kw[A].upper(2.0)

    assert load_kw(0.0, 0.0, 0.0) == pytest.approx(np.zeros(steps))
    assert load_kw(0.0, 0.0, 40.0)[:2] == pytest.approx([40.0, 30.0])
    assert load_kw(0.0, 60.0, 0.0) == pytest.approx(np.zeros(steps))
    assert load_kw(20.0, 60.0, 0.0) == pytest.approx(np.full(steps, -20.0))


def test_a_lever_that_is_held_puts_off_what_it_does_in_the_program_too(
    history: History, model: PlantModel
) -> None:
    # 60 kW are put off and stay so: the program is solved for 60 kW less, and the plan shows that much less.
    site = with_levers(history.site, DEFERRAL)
    now = seen(snapshot_at(history, FOUR), site, zone__a_deferred_setpoint=60.0)
    now = replace(now, held=frozenset({DEFERRAL.id}))
    problem = pose(site, model, PlannerSettings.of(site), now, day(site, now))
    assert isinstance(problem, Problem)
    found = _scheduled(problem, tabulate(problem))
    less = problem.world.it_reference_kw - found.world.it_reference_kw
    assert less[:, 0] == pytest.approx(np.full(96, 60.0))
    assert np.abs(less[:, 1:]).max() == 0.0
