"""Plans at the edge: nothing to cool, too much to cool, strange days; and what limits are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at
from scheduled_site import DEFERRAL, TANK, day, seen, with_levers, with_tank

from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import Problem
from optimizer.program import LinearPlan, solver_options
from optimizer.solve import Solved, Solver
from plant.forecast import Band, Forecast
from plant.history import History
from plant.plan import NoPlan, NoPlanCause, Plan
from plant.points import OwnerId
from plant.ports import Advice, PolicyAnswer
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Equipment, EquipmentKind, Nameplate, Site
from plant.snapshot import Snapshot


@pytest.fixture(scope="module")
def site(history: History) -> Site:
    return with_levers(history.site)


@pytest.fixture(scope="module")
def row(history: History, site: Site) -> Snapshot:
    return seen(snapshot_at(history, 700), site)


def asked(site: Site, model: PlantModel, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
    return MpcPolicy(site, model).decide(snapshot, forecast)


def planned(site: Site, model: PlantModel, snapshot: Snapshot, forecast: Forecast) -> Plan:
    answer = asked(site, model, snapshot, forecast)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    for values in answer.plan.trajectory.values():
        assert np.isfinite(values).all()
    assert np.isfinite(answer.plan.prediction.cost).all()
    return answer.plan


@pytest.mark.parametrize("name", ["wet bulb", "IT power", "price"])
def test_a_gap_in_what_a_plan_needs_is_no_plan_and_says_which(
    site: Site, model: PlantModel, row: Snapshot, name: str
) -> None:
    forecast = outlook(site, row.time)
    hole = np.where(np.arange(96) == 50, np.nan, 1.0)
    match name:
        case "wet bulb":
            wet = forecast.wet_bulb_c
            forecast = replace(forecast, wet_bulb_c=Band(wet.mean * hole, wet.std))
        case "IT power":
            zone, band = next(iter(forecast.it_reference_kw.items()))
            loads = {**forecast.it_reference_kw, zone: Band(band.mean * hole, band.std)}
            forecast = replace(forecast, it_reference_kw=loads)
        case _:
            forecast = replace(forecast, price=replace(forecast.price, per_kwh=forecast.price.per_kwh * hole))
    answer = asked(site, model, row, forecast)
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.NO_DATA
    assert name in answer.reason


def test_where_nothing_helps_the_least_bad_is_advice_and_the_conflict_is_named(
    site: Site, model: PlantModel, row: Snapshot
) -> None:
    answer = asked(site, model, row, outlook(site, row.time, load_share=3.2, wet_c=30.0))
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.INFEASIBLE
    assert answer.advice is not None
    worst = max(v.max() for v in answer.advice.prediction.worst_inlet_c.values())
    assert worst <= max(v.max() for v in answer.advice.hold.worst_inlet_c.values()) + 1e-6
    assert any("allowable inlet 32 °C" in limit for limit in answer.conflict)
    assert any("IT load up to" in limit for limit in answer.conflict)
    assert any(
        "fan speed no more than 100 %" in limit or "no lower than" in limit for limit in answer.conflict
    )
    assert any("planning limit" in v.limit for v in answer.advice.violations)
    # Nothing that would not help is named: the condenser water matters to no rack.
    assert not any("condenser water" in limit for limit in answer.conflict)


def test_a_lever_without_a_law_stays_and_is_named(site: Site, model: PlantModel, row: Snapshot) -> None:
    cdu = Equipment(OwnerId("cdu-1"), EquipmentKind.CDU, None, Nameplate())
    quantity = Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT
    lever = Lever(LeverId("cdu-1.supply"), cdu.id, quantity, (), 25, 45, 1, 0.1, 30, 30)
    liquid = replace(site, equipment=(*site.equipment, cdu), levers=(*site.levers, lever))
    plan = planned(liquid, model, replace(row, site=liquid), outlook(liquid, row.time))
    assert set(plan.trajectory[lever.id]) == {30.0}
    assert "cdu-1.supply stays where it is" in plan.reason


def test_dx_units_are_left_alone_and_the_plan_says_why(site: Site, model: PlantModel, row: Snapshot) -> None:
    dx = tuple(replace(e, kind=EquipmentKind.DX_UNIT) if e.zone == "zone-a" else e for e in site.equipment)
    mixed = replace(site, equipment=dx)
    plan = planned(mixed, model, replace(row, site=mixed), outlook(mixed, row.time))
    for name in ("zone-a.supply-air", "zone-a.fan-speed"):
        lever = mixed.lever_by_id[LeverId(name)]
        assert set(plan.trajectory[lever.id]) == {row.lever_value(lever)}
    assert "no law of the compressors" in plan.reason


def test_work_waits_for_the_cheap_hours_and_is_not_lost(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    wide = with_levers(history.site, DEFERRAL)
    now = seen(row, wide)
    plan = planned(wide, model, now, day(wide, now, load=0.5, dear=0.6))
    lever = plan.trajectory[DEFERRAL.id]
    assert lever[24:40].max() == pytest.approx(60.0)
    assert lever[44:].max() == 0.0
    put_off = plan.hold.it_kw - plan.prediction.it_kw
    assert put_off[26:38].mean() > 20.0
    assert put_off[40:44].mean() < -20.0


def problem_for(site: Site, model: PlantModel, snapshot: Snapshot, forecast: Forecast) -> Problem:
    found = pose(site, model, MpcPolicy(site, model).settings, snapshot, forecast)
    assert isinstance(found, Problem)
    return found


def test_shadow_prices_are_what_the_program_saves_by_a_little_more_room(
    history: History, model: PlantModel, row: Snapshot
) -> None:
    # Finite differences of the same program, around the same path: an independent way to the number.
    wide = with_levers(history.site, TANK, demand_charge=10.0)
    now = seen(row, wide)
    strict = replace(
        wide,
        zones=tuple(replace(z, limits=replace(z.limits, recommended_max_c=24.0)) for z in wide.zones),
    )
    problem = problem_for(strict, with_tank(model), replace(now, site=strict), day(strict, now))
    policy = MpcPolicy(strict, with_tank(model))
    best = policy._search(problem).contest
    around, problem = best.paths[best.winner], replace(problem, stored_worth=best.problem.stored_worth)
    program = LinearPlan(problem)
    solved = program.solve(problem, around)
    assert isinstance(solved, Solved)
    said = {p.limit: p for p in solved.prices}

    def money(changed: Problem) -> float:
        matrix = program.matrices(program.numbers(changed, around))[0]
        ended = Solver(solver_options(changed.settings)).run(matrix)
        assert ended.values is not None
        return float(matrix.cost @ ended.values + matrix.offset)

    base, small = money(problem), 0.01
    warmer = problem.limit_c.copy()
    warmer[0] += small
    saved = (base - money(replace(problem, limit_c=warmer))) / small
    name = f"{strict.zones[0].id} inlet limit 23.5 °C"
    assert saved > 0.1
    assert said[name].saving == pytest.approx(saved, rel=0.05)
    assert said[name].unit == "K"
    month = replace(problem.bill.months[0], paid_kw=small)
    billed = (base - money(replace(problem, bill=replace(problem.bill, months=(month,))))) / small
    assert billed == pytest.approx(10.0, rel=1e-3)
    assert said["the month's peak so far"].saving == pytest.approx(billed, rel=1e-3)
