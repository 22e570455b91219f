"""A unit stands still: the same fan speed moves less air, and plan and second check know it."""

from __future__ import annotations

import numpy as np
import pytest
from analytic_plant import demo_site, outlook, snapshot_at
from test_after_trip import AIR_KW_K, by_hand, rise_k

from controller.rollout_check import edge_rollout
from optimizer import candidates
from optimizer.identify.coils import CoilLaw
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.units_running import as_it_runs, of_share
from plant.history import History
from plant.idle_units import redundancy_now, running_speed
from plant.points import OwnerId
from plant.ports import Advice

A, B = OwnerId("zone-a"), OwnerId("zone-b")
SHARE = 0.45
"""Of design: low enough for half the coils to make the air that is asked for."""


def posed(model: PlantModel, history: History, **changes: float) -> Problem:
    snapshot = snapshot_at(history, 600, **changes)
    site = demo_site()
    found = pose(site, model, PlannerSettings.of(site), snapshot, outlook(site, snapshot.time, SHARE))
    assert isinstance(found, Problem)
    return found


def test_where_everything_runs_nothing_is_changed(model: PlantModel, history: History) -> None:
    facts = redundancy_now(demo_site(), snapshot_at(history, 600))
    assert as_it_runs(model, facts) == (model, facts)
    assert posed(model, history).model is model


def test_half_the_units_halve_the_air_of_their_zone_by_hand(model: PlantModel, history: History) -> None:
    problem = posed(by_hand(model), history, crah__1_fan__speed=0.0)
    course = problem.course(candidates.hold(problem)[None])
    rolled = problem.model.rollout(course, problem.world)
    bias = np.nan_to_num(problem.world.inlet_bias_k).max(axis=1)
    speed, supply = course.speed[0, -1], course.supply_c[0, -1]
    load = problem.world.it_reference_kw[-1]
    halved = supply[0] + rise_k(load[0] / (AIR_KW_K / 2 * speed[0])) + bias[0]
    whole = supply[1] + rise_k(load[1] / (AIR_KW_K * speed[1])) + bias[1]
    assert rolled.worst_inlet_c[0, -1, :2] == pytest.approx([halved, whole], abs=0.05)


def test_the_second_check_foretells_the_same_zone_with_less_air(model: PlantModel, history: History) -> None:
    site, hand = demo_site(), by_hand(model)
    forecast, ends = outlook(site, snapshot_at(history, 600).time, SHARE), []
    for changes in ({}, {"crah__1_fan__speed": 0.0}):
        snapshot = snapshot_at(history, 600, **changes)
        answer = MpcPolicy(site, hand).decide(snapshot_at(history, 600), forecast)
        assert isinstance(answer, Advice)
        assert answer.plan is not None
        found = edge_rollout(site, hand, answer.plan, forecast, snapshot).with_plan_c
        ends.append((float(found[A][-1]), float(found[B][-1])))
    assert ends[1][0] > ends[0][0] + 2.0
    assert ends[1][1] == ends[0][1]


def test_half_the_coils_do_for_half_the_air_what_all_do_for_all_of_it(model: PlantModel) -> None:
    zone = model.zones[0]
    half = of_share(zone, 0.5)
    whole: CoilLaw = zone.coil
    speed, heat = np.array([0.5, 0.8, 1.0]), np.array([90.0, 150.0, 200.0])
    made = [law.coolest_supply_c(speed, part * heat, 9.0) for law, part in ((whole, 1.0), (half.coil, 0.5))]
    assert made[0] == pytest.approx(made[1], abs=1e-9)
    assert half.fans.power_kw(speed) == pytest.approx(0.5 * zone.fans.power_kw(speed))
    # C = tau C_air: the same racks and floor, in half the air
    assert half.inlets.tau_s * half.inlets.air_kw_k == pytest.approx(zone.inlets.tau_s * zone.inlets.air_kw_k)


def test_a_plan_beside_a_unit_that_stands_still_names_the_model_that_was_learned(
    model: PlantModel, history: History
) -> None:
    snapshot = snapshot_at(history, 600, crah__1_fan__speed=0.0)
    answer = MpcPolicy(demo_site(), model).decide(snapshot, outlook(demo_site(), snapshot.time, 0.5))
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    assert answer.plan.model_version == model.version


def test_the_speed_of_a_zone_is_that_of_the_units_that_run(history: History) -> None:
    site = demo_site()
    both = snapshot_at(history, 600, crah__1_fan__speed=0.6, crah__2_fan__speed=0.8)
    one = snapshot_at(history, 600, crah__1_fan__speed=0.0, crah__2_fan__speed=0.8)
    none = snapshot_at(history, 600, crah__1_fan__speed=0.0, crah__2_fan__speed=0.0)
    assert running_speed(site, A, both) == pytest.approx(0.7)
    assert running_speed(site, A, one) == pytest.approx(0.8)
    assert running_speed(site, A, none) == 0.0
