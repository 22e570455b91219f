"""How a zone's heat is shared between liquid and air, by hand, wherever the planner reckons with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import demo_site, outlook, snapshot_at

from optimizer.identify.liquid import LiquidLaw
from optimizer.loop_sums import loop_sums
from optimizer.model import PlantModel
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.room_side import Outside
from optimizer.static import levels, tabulate
from optimizer.static_sides import side_answers
from plant.history import History
from plant.points import OwnerId

SHARE, BASE_KW = 0.8, 2.0
LAW = LiquidLaw(OwnerId("cdu"), OwnerId("zone-a"), SHARE, BASE_KW, 0.005, 10.0, (1.0, 12.0, 0.0, 0.0), 0.9)


@pytest.fixture(scope="module")
def wet(model: PlantModel) -> PlantModel:
    return replace(model, liquid=(LAW,))


@pytest.fixture(scope="module")
def problem(history: History, wet: PlantModel) -> Problem:
    site, snapshot = demo_site(), snapshot_at(history, 600)
    posed = pose(site, wet, PlannerSettings.of(site), snapshot, outlook(site, snapshot.time))
    assert isinstance(posed, Problem)
    return posed


def test_a_loop_s_heat_pumps_and_leakage_are_those_of_paper() -> None:
    # 100 kW, liquid 32 °C, tower water 20 °C: leakage 80 x 0.005 x 2 = 0.8; heat 2 + 80 + 0.8 = 82.8;
    # x = 82.8 / (10 (32 + 8.28 - 20)) = 0.4083; pumps 1 + 12 x = 5.899.
    sums = loop_sums((LAW,), (0,), np.array([[100.0, 50.0]]), np.array([[32.0]]), np.array([20.0]))
    found = [float(a[0]) for a in (sums.heat_kw, sums.leak_kw, sums.pump_kw, sums.short_kw)]
    assert found == pytest.approx([82.8, 0.8, 5.899, 0.0], abs=1e-3)


def test_loops_of_two_zones_add_and_what_a_plate_cannot_pass_on_is_short() -> None:
    # Tower water 32 °C: span 8.28 K, so x = 1.000 of a plate that gives 0.95: 82.8 x 0.05 = 4.14 kW short.
    # The other loop has 50 kW: leakage 0.4, heat 42.4, span 4.24: x = 1 as well, 2.12 kW short.
    other = replace(LAW, unit=OwnerId("cdu-2"), zone=OwnerId("zone-b"))
    both = loop_sums(
        (LAW, other), (0, 1), np.array([[100.0, 50.0]]), np.array([[32.0, 32.0]]), np.array([32.0])
    )
    found = [float(a[0]) for a in (both.heat_kw, both.leak_kw, both.short_kw)]
    assert found == pytest.approx([82.8 + 42.4, 1.2, 4.14 + 2.12], abs=0.01)


def test_air_is_left_with_what_liquid_does_not_take(wet: PlantModel) -> None:
    bank, zones = wet.bank, len(wet.zones)
    it, fans = np.full((1, zones), 100.0), 10.0
    # A fifth of 100 kW leaves zone a by air, all of it elsewhere; fans heat the air everywhere.
    expected = np.array([[30.0, *[110.0] * (zones - 1)]])
    assert bank.it_by_air_kw(it) + fans == pytest.approx(expected)
    outside = Outside(np.full((1, 1), 25.0), np.ones((1, zones)))
    side = bank.room(it + fans, it, np.full((1, zones), 20.0), np.full((1, zones), 0.8), outside)
    assert side.left_kw == pytest.approx(expected)


def test_tower_water_is_given_the_loops_share_of_the_load(problem: Problem) -> None:
    duty = problem.duty.liquid_kw
    assert duty is not None
    # Loops stand at 30 °C where nobody says otherwise: no leakage.
    assert duty == pytest.approx(BASE_KW + SHARE * problem.world.it_reference_kw[:, 0])


def test_the_search_asks_coils_for_the_air_s_share_only(problem: Problem) -> None:
    steps, chw = np.array([0, 40]), levels(problem.board.chw, 1.0)
    table = tabulate(problem).zones[0]
    it = np.full((len(steps), len(table.supply_c)), 100.0)
    side = side_answers(problem, table, 0, it, steps, chw)
    assert side is not None
    assert side.water_kw == pytest.approx((1 - SHARE) * it + table.fan_kw)
    assert side_answers(problem, tabulate(problem).zones[1], 1, it, steps, chw) is None


def test_less_heat_in_the_air_asks_for_less_of_chilled_water(problem: Problem, model: PlantModel) -> None:
    path = np.tile(problem.board.present, (1, problem.grid.steps, 1))
    dry = replace(problem, model=model)
    rolled = [p.model.rollout(p.course(path), p.world) for p in (problem, dry)]
    # Nothing leaks at 30 °C: the racks draw the same, and what cools them draws less but for the pumps.
    assert rolled[0].it_kw == pytest.approx(rolled[1].it_kw, rel=1e-6)
    pumps = LAW.power_kw(1.2)
    assert (rolled[0].cooling_kw < rolled[1].cooling_kw + pumps).all()
    assert rolled[0].cooling_kw.mean() < rolled[1].cooling_kw.mean() - 5.0
