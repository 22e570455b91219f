"""The planner as its callers see it: what a plan keeps to, and when there is none."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at

from optimizer.explain import effect
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.problem import PlannerSettings
from plant.forecast import Forecast
from plant.history import History
from plant.plan import NoPlan, NoPlanCause, Plan, PlanStatus
from plant.points import PointId
from plant.ports import Advice
from plant.quantities import Quantity
from plant.readings import missing
from plant.site import Site
from plant.snapshot import Snapshot

ROW = 700


@pytest.fixture(scope="module")
def snapshot(history: History) -> Snapshot:
    return snapshot_at(history, ROW)


@pytest.fixture(scope="module")
def forecast(history: History, snapshot: Snapshot) -> Forecast:
    return outlook(history.site, snapshot.time)


@pytest.fixture(scope="module")
def policy(history: History, model: PlantModel) -> MpcPolicy:
    return MpcPolicy(history.site, model)


@pytest.fixture(scope="module")
def plan(policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast) -> Plan:
    return planned(policy, snapshot, forecast)


def planned(policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast) -> Plan:
    answer = policy.decide(snapshot, forecast)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    assert answer.setpoints == answer.plan.first()
    return answer.plan


def test_the_first_move_is_one_the_plc_would_take(plan: Plan, snapshot: Snapshot) -> None:
    for lever in snapshot.site.levers:
        now, then = snapshot.lever_value(lever), plan.first()[lever.id]
        assert lever.low - 1e-9 <= then <= lever.high + 1e-9
        assert abs(then - now) <= lever.max_move + 1e-9
        if then != pytest.approx(now):
            steps = then / lever.resolution
            assert steps == pytest.approx(round(steps), abs=1e-6)


def test_the_first_move_alone_is_foretold_beside_the_plan_that_goes_on(plan: Plan) -> None:
    assert plan.alone is not None
    # One first step for both; then the plan moves on, and whoever only agreed to the first does not.
    assert plan.alone.facility_kw[0] == pytest.approx(plan.prediction.facility_kw[0], abs=1e-6)
    assert np.abs(plan.alone.facility_kw - plan.prediction.facility_kw)[4:].max() > 1.0


def test_later_moves_keep_within_what_the_periods_of_a_step_allow(plan: Plan, snapshot: Snapshot) -> None:
    for lever in snapshot.site.levers:
        path = plan.trajectory[lever.id]
        assert (np.abs(np.diff(path)) <= 3 * lever.max_move + lever.resolution + 1e-9).all()
        assert (path >= lever.low - 1e-9).all()
        assert (path <= lever.high + 1e-9).all()


def test_inlets_stay_under_their_planning_limit_with_room_for_doubt(plan: Plan, snapshot: Snapshot) -> None:
    for zone in snapshot.site.zones:
        worst = plan.prediction.worst_inlet_c[zone.id][4:]
        spread = plan.prediction.worst_inlet_std_k[zone.id][4:]
        assert (worst + 2 * spread <= zone.limits.planning_max_c + 0.3).all()
        assert (worst <= zone.limits.planning_max_c).all()


def test_no_rule_is_better_in_the_rollout_than_what_is_proposed(plan: Plan) -> None:
    chosen = next(c for c in plan.candidates if c.name == plan.chosen)
    safe = [c.cost for c in plan.candidates if c.worst_excess_k <= -1.0]
    assert chosen.cost <= min(safe) + 0.5
    assert {c.name for c in plan.candidates} >= {"hold", "fixed", "reset", "per-step optimum", "solver"}


def test_it_saves_against_staying_at_cold_fixed_setpoints(history: History, model: PlantModel) -> None:
    fixed = {f"{p}": lever.as_found for lever in history.site.levers for p in lever.points}
    row = snapshot_at(history, ROW)
    readings = {k: replace(r, value=fixed.get(k, r.value)) for k, r in row.readings.items()}
    found = planned(
        MpcPolicy(history.site, model),
        replace(row, readings=readings),
        outlook(history.site, row.time),
    )
    worth = effect(found, hours=12)
    assert worth.facility_kw.expected < -10
    assert worth.facility_kw.low < worth.facility_kw.expected < worth.facility_kw.high
    assert worth.carbon_kg is not None
    assert worth.carbon_kg.expected == pytest.approx(worth.facility_kw.expected * 12 * 0.35, rel=0.01)


def test_the_same_input_gives_the_same_plan_also_from_a_used_and_a_copied_planner(
    policy: MpcPolicy, plan: Plan, snapshot: Snapshot, forecast: Forecast
) -> None:
    # Other problems in between must leave nothing behind in tables, parameters or basis.
    policy.decide(snapshot, outlook(snapshot.site, snapshot.time, load_share=0.4, wet_c=5.0))
    policy.decide(snapshot, outlook(snapshot.site, snapshot.time, load_share=0.9, wet_c=24.0))
    used = planned(policy, snapshot, forecast)
    copied = planned(pickle.loads(pickle.dumps(policy)), snapshot, forecast)
    for other in (used, copied):
        assert other.id == plan.id
        for lever, path in plan.trajectory.items():
            np.testing.assert_array_equal(other.trajectory[lever], path)


def test_dearer_energy_in_every_hour_leaves_the_setpoints(
    policy: MpcPolicy, plan: Plan, snapshot: Snapshot, forecast: Forecast
) -> None:
    # Water and movement have prices of their own, so they are scaled along.
    site = snapshot.site
    doubled = replace(
        site,
        tariff=replace(
            site.tariff,
            carbon_price_per_tonne=2 * site.tariff.carbon_price_per_tonne,
            water_price_per_m3=2 * site.tariff.water_price_per_m3,
        ),
    )
    settings = PlannerSettings(
        move_cost=2 * policy.settings.move_cost,
        violation_cost_per_k_h=2 * policy.settings.violation_cost_per_k_h,
        margin_cost_per_k_h=2 * policy.settings.margin_cost_per_k_h,
    )
    dear = replace(forecast, price=replace(forecast.price, per_kwh=2 * forecast.price.per_kwh))
    found = planned(MpcPolicy(doubled, policy.model, settings), snapshot, dear)
    for lever, value in plan.first().items():
        assert found.first()[lever] == pytest.approx(value, abs=0.11)
    assert found.prediction.cost.sum() == pytest.approx(2 * plan.prediction.cost.sum(), rel=2e-3)


def test_gaps_in_carbon_are_planned_without_and_said(
    policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast
) -> None:
    intensity = forecast.carbon.g_per_kwh.copy()
    intensity[10:20] = np.nan
    found = planned(policy, snapshot, replace(forecast, carbon=replace(forecast.carbon, g_per_kwh=intensity)))
    assert "carbon intensity has gaps" in found.reason
    assert np.isnan(found.prediction.carbon_kg[10:20]).all()
    assert np.isfinite(found.prediction.cost).all()
    assert effect(found, hours=12).carbon_kg is None


def without_readings(snapshot: Snapshot, *points: str) -> Snapshot:
    lost = {PointId(p): missing(PointId(p), snapshot.time) for p in points}
    return replace(snapshot, readings={**snapshot.readings, **lost})


def test_a_lever_whose_position_is_unknown_means_no_plan(
    policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast
) -> None:
    answer = policy.decide(without_readings(snapshot, "plant.chw-supply.setpoint"), forecast)
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.NO_DATA
    assert "plant.chilled-water" in answer.reason


def test_a_zone_without_any_inlet_means_no_plan(
    policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast
) -> None:
    lost = [f"zone-b.inlet-{k}" for k in range(1, 7)]
    answer = policy.decide(without_readings(snapshot, *lost), forecast)
    assert isinstance(answer, NoPlan)
    assert "zone-b" in answer.reason


def test_a_lost_inlet_is_taken_to_be_as_warm_as_the_warmest(
    policy: MpcPolicy, plan: Plan, snapshot: Snapshot, forecast: Forecast
) -> None:
    found = planned(policy, without_readings(snapshot, "zone-a.inlet-6"), forecast)
    assert found.prediction.worst_inlet_c["zone-a"].max() <= 26.5  # type: ignore[index]


def test_load_beyond_all_cooling_is_no_plan_in_plant_words(
    policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast
) -> None:
    crushing = outlook(snapshot.site, snapshot.time, load_share=3.2, wet_c=30.0)
    answer = policy.decide(snapshot, crushing)
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.INFEASIBLE
    assert "allowable" in answer.reason


def test_hot_racks_are_brought_down_at_once(
    policy: MpcPolicy, snapshot: Snapshot, forecast: Forecast
) -> None:
    hot = {
        k: replace(r, value=28.0) if k.startswith("zone-c.inlet") else r for k, r in snapshot.readings.items()
    }
    found = planned(policy, replace(snapshot, readings=hot), forecast)
    site = snapshot.site
    supply = site.lever(site.zones[2].id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
    speed = site.lever(site.zones[2].id, Quantity.FAN_SPEED_SETPOINT)
    assert supply is not None
    assert speed is not None
    cooler = found.first()[supply.id] - snapshot.lever_value(supply)
    faster = found.first()[speed.id] - snapshot.lever_value(speed)
    assert cooler <= -0.4 or supply.low == pytest.approx(snapshot.lever_value(supply), abs=0.2)
    assert faster >= 0


def test_without_the_solver_the_search_still_plans(
    history: History, model: PlantModel, snapshot: Snapshot, forecast: Forecast, plan: Plan
) -> None:
    found = planned(MpcPolicy(history.site, model, PlannerSettings(use_solver=False)), snapshot, forecast)
    assert found.status is PlanStatus.HEURISTIC
    assert found.prediction.cost.sum() >= plan.prediction.cost.sum() - 0.5


def with_levers(site: Site, *kept: str) -> Site:
    return replace(site, levers=tuple(lv for lv in site.levers if any(k in lv.id for k in kept)))


@pytest.mark.parametrize("kept", [("zone-a.supply",), ("fan-speed",), ("plant",), ("condenser",)])
def test_any_subset_of_levers_is_a_site(
    history: History, model: PlantModel, snapshot: Snapshot, kept: tuple[str, ...]
) -> None:
    site = with_levers(history.site, *kept)
    seen = replace(snapshot, site=site)
    found = planned(MpcPolicy(site, model), seen, outlook(site, seen.time))
    assert set(found.first()) == {lv.id for lv in site.levers}


def test_a_lever_the_model_may_not_move_stays_and_is_named(
    history: History, model: PlantModel, snapshot: Snapshot, forecast: Forecast
) -> None:
    doubted = tuple(
        replace(e, disqualified=("seen to drift",)) if e.name == "coils" else e for e in model.evidence
    )
    found = planned(MpcPolicy(history.site, replace(model, evidence=doubted)), snapshot, forecast)
    lever = next(lv for lv in history.site.levers if lv.id == "plant.chilled-water")
    assert found.first()[lever.id] == snapshot.lever_value(lever)
    assert "seen to drift" in found.reason


def test_the_sentence_names_each_change_and_its_worth(plan: Plan, snapshot: Snapshot) -> None:
    moves = {lv.id: plan.first()[lv.id] - snapshot.lever_value(lv) for lv in snapshot.site.levers}
    changed = [lv for lv in snapshot.site.levers if abs(moves[lv.id]) > lv.resolution]
    assert changed
    assert all(lv.owner in plan.reason for lv in changed if lv.owner != "site")
    if moves["plant.chilled-water"] > 0.1:
        assert "warmer chilled water" in plan.reason.lower()
    assert "\n" not in plan.reason


def test_what_is_held_is_planned_around(snapshot: Snapshot, forecast: Forecast, policy: MpcPolicy) -> None:
    held, *others = snapshot.site.levers
    answer = policy.decide(replace(snapshot, held=frozenset({held.id})), forecast)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    np.testing.assert_allclose(answer.plan.trajectory[held.id], snapshot.lever_value(held))
    moved = [lv.id for lv in others if np.ptp(answer.plan.trajectory[lv.id]) > 0]
    assert moved, "the others go on"
