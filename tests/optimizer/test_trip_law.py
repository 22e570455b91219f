"""Room for a trip in the linear program: solved by hand, and beside the march its cuts are taken from."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from analytic_plant import demo_site, outlook, snapshot_at
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.contingency import room_price, trip_cuts, trip_room
from optimizer.laws.trips import add_trip_room, load_trip_room
from optimizer.model import PlantModel
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from plant.history import History


@pytest.mark.parametrize(
    ("chw_c", "speed", "missing_k"),
    [
        # At supply 20 and water 10: -14 - 20 r + 20 + 5 = 11 - 20 r and -20.5 - 5 r + 20 + 5 = 4.5 - 5 r.
        # The second is the higher beyond r = 13/30, and falls to nothing at r = 0.9.
        (10.0, 0.9, 0.0),
        # Two kelvins of warmer water are one more: 5.5 - 5 r is half a kelvin at full speed.
        (12.0, 1.0, 0.5),
    ],
)
def test_fans_run_as_fast_as_room_for_a_trip_asks(chw_c: float, speed: float, missing_k: float) -> None:
    m = pyo.ConcreteModel()
    m.t, m.z, m.k, m.b = pyo.RangeSet(0, 0), pyo.RangeSet(0, 0), pyo.RangeSet(0, 1), pyo.Block()
    m.supply, m.chw = pyo.Var(m.t, m.z, initialize=20.0), pyo.Var(m.t, initialize=chw_c)
    m.speed = pyo.Var(m.t, m.z, bounds=(0.4, 1.0))
    m.supply.fix()
    m.chw.fix()
    add_trip_room(m.b, m.t, m.z, m.k, m.supply, m.speed, m.chw)
    cuts = (np.array(v).reshape(1, 1, 2) for v in ([-14.0, -20.5], [-20.0, -5.0]))
    load_trip_room(m.b, *cuts, np.array([[1.0]]), np.array([[0.5]]))
    m.cost = pyo.Objective(expr=100 * m.b.missing[0, 0] + 10 * m.speed[0, 0])
    SolverFactory("highs").solve(m)
    assert pyo.value(m.speed[0, 0]) == pytest.approx(speed)
    assert pyo.value(m.b.missing[0, 0]) == pytest.approx(missing_k)
    assert pyo.value(m.cost) == pytest.approx(100 * missing_k + 10 * speed)


def test_cuts_touch_the_march_where_they_are_taken_and_follow_it_nearby(
    history: History, model: PlantModel
) -> None:
    site, snapshot = demo_site(), snapshot_at(history, 600)
    problem = pose(site, model, PlannerSettings.of(site), snapshot, outlook(site, snapshot.time))
    assert isinstance(problem, Problem)
    zones, steps = len(site.zones), problem.grid.steps
    path = np.tile([*[22.0] * zones, *[0.7] * zones, 12.0, 20.0], (steps, 1))
    cuts = trip_cuts(problem, np.asarray, path)
    for shift in ((0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.0, 0.5), (0.0, 0.1, 0.0), (0.0, -0.1, 0.0)):
        moved = path + np.array([*[shift[0]] * zones, *[shift[1]] * zones, shift[2], 0.0])
        at = problem.board.unpack(moved)
        line = (cuts.level + cuts.per_speed * at.speed[..., None]).max(axis=-1)
        line = line + cuts.per_supply * at.supply_c + cuts.per_chw * at.chw_c[:, None]
        assert line == pytest.approx(trip_room(problem, moved[None]).excess_k[0], abs=1e-6)


def test_room_that_lacks_tomorrow_has_its_price_today(history: History, model: PlantModel) -> None:
    site, snapshot = demo_site(), snapshot_at(history, 600)
    problem = pose(site, model, PlannerSettings.of(site), snapshot, outlook(site, snapshot.time))
    assert isinstance(problem, Problem)
    zones, steps = len(site.zones), problem.grid.steps
    keeps = np.tile([*[18.0] * zones, *[0.95] * zones, 7.0, 20.0], (steps, 1))
    lacks = keeps.copy()
    # From the tenth to the sixteenth hour little air, and warm.
    lacks[40:64, : 2 * zones] = [*[25.0] * zones, *[0.5] * zones]
    missing = np.maximum(trip_room(problem, np.stack([keeps, lacks])).excess_k, 0.0).max(axis=-1)
    assert missing[0].max() == 0.0
    # Each step by itself, all of the same weight: kelvin-hours at the price of a warm inlet.
    by_hand = missing[1].sum() * problem.grid.step_h * problem.settings.violation_cost_per_k_h
    even = np.ones(steps)
    assert by_hand > 0.0
    assert room_price(problem, np.stack([keeps, lacks]), even) == pytest.approx([0.0, by_hand], rel=0.1)
    assert room_price(problem, lacks[None], 0.02 * even)[0] == pytest.approx(0.02 * by_hand, rel=0.1)
