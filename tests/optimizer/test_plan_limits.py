"""Limits: a plan keeps each in a rollout that is not the planner's, and relaxing one that binds saves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from paper_plant import (
    KEEP,
    limited,
    paper_day,
    paper_plant,
    paper_problem,
    planned,
    quiet_site,
    ranged,
    standing,
)
from scheduled_site import with_levers

from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.scoring import first_moves
from plant.forecast import Array
from plant.plan import Plan
from plant.setpoints import LeverId
from plant.site import Site

STEPS = 24
ROOM_K, MARGIN_K = 0.5, 0.4
"""Planning stays half a kelvin under the recommended limit, and twice the inlets' scatter, 0.2 K, below."""


@dataclass(frozen=True)
class Case:
    """A day on the paper plant: what is asked for, under which limits, from inlets at which temperature."""

    site: Site
    it_kw: Array
    inlet_c: float = 22.0


def rolled_on_paper(case: Case, plan: Plan) -> Array:
    """Zone a's warmest inlet by the laws in `paper_plant`, written out once more. Shape (steps,). [°C]"""
    path = {name.split(".")[-1]: values for name, values in plan.trajectory.items() if "zone-a" in name}
    chw = plan.trajectory[LeverId("plant.chilled-water")]
    inlets, warmest = np.full(2, case.inlet_c), []
    for k, it in enumerate(case.it_kw):
        speed = path["fan-speed"][k]
        drawn = it + 2 * np.maximum(inlets - 24, 0).mean()
        span = (drawn + 8 * speed**3) / (40 * speed)
        air = max(path["supply-air"][k], chw[k] + span * (1 / _open_valve(speed) - 1))
        d = drawn / (40 * speed)
        settled = air + np.array([0.5 + 0.1 * d, 0.1 * d + 0.5 * max(d - 8, 0)])
        before, inlets = inlets, settled + KEEP * (inlets - settled)
        warmest.append(max(inlets.max(), before.max() if k else -99.0))
    return np.array(warmest)


def _open_valve(speed: float) -> float:
    """Counterflow, Incropera (11.29a)."""
    air = 40 * speed
    ratio = air / 80
    gone = np.exp(-60 / (0.6 * speed**-0.8 + 0.4) / air * (1 - ratio))
    return float((1 - gone) / (1 - ratio * gone))


BUSY = np.full(STEPS, 300.0)
CASES = {
    "racks at their limit": Case(limited(quiet_site(), 24.0), BUSY),
    "load that jumps": Case(limited(quiet_site(), 24.0), np.where(np.arange(STEPS) < 6, 200.0, 320.0)),
    "narrow ranges": Case(
        ranged(ranged(quiet_site(), "supply-air", high=18.5), "chilled-water", high=9.0), BUSY
    ),
    "slow levers": Case(
        ranged(ranged(quiet_site(), "fan-speed", max_move=0.01), "water", max_move=0.1), BUSY
    ),
    "racks too warm already": Case(limited(quiet_site(), 24.0), BUSY, inlet_c=24.5),
}


@pytest.fixture(scope="module", params=list(CASES))
def kept(request: pytest.FixtureRequest) -> tuple[str, Case, Plan]:
    case = CASES[request.param]
    return (
        request.param,
        case,
        planned(case.site, paper_day(case.site, case.it_kw), standing(case.site, case.inlet_c)),
    )


def test_inlets_stay_under_their_limit_where_somebody_else_rolls_the_plan_out(
    kept: tuple[str, Case, Plan],
) -> None:
    _, case, plan = kept
    limit = case.site.zones[0].limits.recommended_max_c - ROOM_K - MARGIN_K
    warmest = rolled_on_paper(case, plan)
    assert plan.prediction.worst_inlet_c[case.site.zones[0].id] == pytest.approx(warmest, abs=0.02)
    settled = warmest[4:] if case.inlet_c > limit else warmest
    assert settled.max() <= limit + 0.06
    if case.site.zones[0].limits.recommended_max_c < 27:
        assert settled.max() >= limit - 0.25, "what may be used is used"


def test_levers_stay_in_range_and_within_their_moves(kept: tuple[str, Case, Plan]) -> None:
    name, case, plan = kept
    used = set()
    for lever in case.site.levers:
        path = plan.trajectory[lever.id]
        assert lever.low - 1e-9 <= path.min() <= path.max() <= lever.high + 1e-9
        first = path[0] - lever.as_found
        assert abs(first) <= lever.max_move + 1e-9
        assert path[0] / lever.resolution == pytest.approx(round(path[0] / lever.resolution), abs=1e-6)
        # A step of a quarter hour has three periods of five minutes. (The first move is written on the
        # lever's resolution, and what that leaves over may be made up in the step after.)
        later = np.abs(np.diff(path))[1:].max() / (3 * lever.max_move)
        assert later <= 1 + 1e-6
        assert abs(path[1] - lever.as_found) <= 4 * lever.max_move + 1e-6
        used |= {"range"} if path.max() > lever.high - 1e-6 else set()
        used |= {"moves"} if later > 0.999 else set()
    if name == "narrow ranges":
        assert "range" in used
    if name == "slow levers":
        assert "moves" in used


def test_a_zone_that_is_too_warm_gets_no_less_cooling_at_first() -> None:
    # Inlets of 24.5 °C, planning limit 23.5: warmer air and slower fans are refused, cooler air is not.
    site = limited(quiet_site(), 24.0)
    problem = pose(site, paper_plant(site), PlannerSettings(), standing(site, 24.5), paper_day(site, BUSY))
    assert isinstance(problem, Problem)
    now = problem.board.present
    less, more = now.copy(), now.copy()
    less[:4], less[4:8] = now[:4] + 0.3, now[4:8] - 0.03
    more[:4], more[4:8] = now[:4] - 0.3, now[4:8] + 0.03
    far = now - 2.0
    found = first_moves(problem, np.stack([less, more, far]))
    assert found[0] == pytest.approx(now)
    assert found[1] == pytest.approx(more)
    # Nothing is written that is further than one move (0.5 K, 5 %).
    assert found[2] == pytest.approx(now)


def test_a_walk_stops_at_the_range_and_less_air_begins_slowly() -> None:
    # From 18 °C by 0.5, then 1.5 a quarter hour, to 20.8 at most; fans from 90 % by 2 %, then 15 %, to 40 %.
    problem = paper_problem(300.0, site=ranged(quiet_site(), "supply-air", high=20.8))
    zones = len(problem.site.zones)
    target = np.tile(np.r_[[30.0] * zones, [0.1] * zones, problem.board.present[-2:]], (6, 1))
    walked = problem.board.ramped(target, 900)
    assert walked[:, 0] == pytest.approx([18.5, 20.0, 20.8, 20.8, 20.8, 20.8])
    assert walked[:, zones] == pytest.approx([0.88, 0.73, 0.58, 0.43, 0.40, 0.40])


# -- what limits are worth ----------------------------------------------------------------------------


def money(site: Site, settings: PlannerSettings | None = None) -> float:
    plan = planned(site, paper_day(site, BUSY), settings=settings)
    assert plan.costs is not None
    return plan.costs.total


RELAXED = {
    "an inlet limit": [limited(quiet_site(), c) for c in (22.0, 23.0, 24.0)],
    "the warmest water": [ranged(quiet_site(), "chilled-water", high=c) for c in (8.0, 11.0, 16.0)],
    "the slowest fan": [ranged(quiet_site(), "fan-speed", low=c) for c in (0.85, 0.7, 0.5)],
    "how fast levers go": [ranged(quiet_site(), "chilled-water", max_move=c) for c in (0.05, 0.1, 0.3)],
}


@pytest.mark.parametrize("what", list(RELAXED))
def test_relaxing_a_limit_that_binds_saves_and_tightening_it_costs(what: str) -> None:
    tight, middle, loose = (money(site) for site in RELAXED[what])
    assert tight > middle + 0.3
    assert middle > loose + 0.3


def test_less_room_for_doubt_never_costs_more() -> None:
    site = limited(quiet_site(), 24.0)
    sure, usual, unsure = (money(site, PlannerSettings(sigmas=s)) for s in (0.0, 2.0, 6.0))
    assert sure < usual - 0.3 < unsure - 0.6


# -- prices -------------------------------------------------------------------------------------------


WAVE = 0.1 + 0.05 * np.cos(np.arange(STEPS) / 4)


def planned_at(factor: float, *, use_solver: bool) -> Plan:
    """A day of changing load and price under a demand charge, with everything that is money scaled."""
    site = with_levers(limited(quiet_site(), 24.0), demand_charge=3.0 * factor, start_cost=5.0 * factor)
    tariff = replace(
        site.tariff,
        carbon_price_per_tonne=factor * site.tariff.carbon_price_per_tonne,
        water_price_per_m3=factor * 10.0,
    )
    plain = PlannerSettings.of(site)
    settings = replace(
        plain,
        use_solver=use_solver,
        move_cost=factor * plain.move_cost,
        violation_cost_per_k_h=factor * plain.violation_cost_per_k_h,
        margin_cost_per_k_h=factor * plain.margin_cost_per_k_h,
    )
    day = paper_day(site, 280 + 40 * np.sin(np.arange(STEPS) / 5))
    day = replace(day, price=replace(day.price, per_kwh=factor * WAVE))
    return planned(replace(site, tariff=tariff), day, settings=settings)


@pytest.fixture(scope="module", params=[False, True])
def at_usual_prices(request: pytest.FixtureRequest) -> tuple[bool, Plan]:
    return request.param, planned_at(1.0, use_solver=request.param)


@pytest.mark.parametrize("factor", [0.125, 8.0])
def test_all_prices_scaled_alike_leave_the_setpoints(
    at_usual_prices: tuple[bool, Plan], factor: float
) -> None:
    use_solver, usual = at_usual_prices
    other = planned_at(factor, use_solver=use_solver)
    assert other.first() == usual.first()
    assert usual.costs is not None
    assert other.costs is not None
    assert other.costs.total == pytest.approx(factor * usual.costs.total, rel=2e-4)
    if not use_solver:  # whose tolerances are absolute: among equals it may take another later course
        for lever, path in usual.trajectory.items():
            np.testing.assert_allclose(other.trajectory[lever], path, atol=1e-9, err_msg=lever)
