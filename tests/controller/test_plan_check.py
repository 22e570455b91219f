"""The second check of a plan finds what the optimizer must not have done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from supervision_kit import A_AIR, START, FakePlant, demo_site

from controller.case import draft_of_plan
from controller.drafts import draft_of
from controller.effect_error import EffectError
from controller.envelope import review
from controller.rollout_check import EdgeRollout
from controller.verify import check_plan
from plant.plan import Plan, PlanStatus, Prediction, SolverFacts
from plant.setpoints import LeverId
from plant.timegrid import TimeGrid

SITE = demo_site()
STEPS = 8
GRID = TimeGrid(START, 900, STEPS)


def prediction(inlet_c: float, kw: float, std_k: float = 0.2) -> Prediction:
    def flat(value: float) -> np.ndarray:
        return np.full(STEPS, value)

    return Prediction(
        worst_inlet_c={z.id: flat(inlet_c) for z in SITE.zones},
        worst_inlet_std_k={z.id: flat(std_k) for z in SITE.zones},
        it_kw=flat(900),
        cooling_kw=flat(kw),
        facility_kw=flat(900 + kw),
        water_l=flat(10),
        carbon_kg=flat(kw * 0.1),
        cost=flat(kw * 0.02),
    )


def plan() -> Plan:
    return Plan(
        id="plan-1",
        made_at=START,
        grid=GRID,
        status=PlanStatus.OPTIMAL,
        chosen="mpc",
        trajectory={lv.id: np.full(STEPS, lv.as_found) for lv in SITE.levers}
        | {A_AIR: np.linspace(18.4, 21.9, STEPS)},
        prediction=prediction(24.0, 180.0),
        hold=prediction(22.0, 200.0),
        candidates=(),
        binding=("zone-c inlet",),
        reason="warmer air saves chiller work",
        model_version="1",
        solver=SolverFacts("highs", "optimal", 0.0, 1, 1),
    )


def test_a_sound_plan_passes() -> None:
    assert check_plan(plan(), SITE, at=START).passed


def with_air(*values: float) -> Callable[[Plan], Plan]:
    return lambda p: replace(p, trajectory={**p.trajectory, A_AIR: np.array(values)})


BROKEN: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "gap": (with_air(18, 18, 18, np.nan, 18, 18, 18, 18), "has gaps"),
    "too short": (with_air(18, 18), "has gaps"),
    "range": (with_air(*[26.0] * STEPS), "outside 17 to 25.5"),
    # 0.5 K in 300 s is 1.5 K in a step of 900 s
    "ramp": (with_air(18, 18, 18, 19.6, 19.6, 19.6, 19.6, 19.6), "moves 1.6 in one step"),
    "unknown lever": (
        lambda p: replace(p, trajectory={**p.trajectory, LeverId("x"): np.zeros(STEPS)}),
        "no such lever",
    ),
    # 26.7 + 2 x 0.2 is above 27
    "pessimistic edge": (lambda p: replace(p, prediction=prediction(26.7, 180.0)), "may reach 27.1"),
    "wide spread": (lambda p: replace(p, prediction=prediction(25.0, 180.0, std_k=1.2)), "may reach 27.4"),
    "unknown inlet": (lambda p: replace(p, prediction=prediction(np.nan, 180.0)), "is not predicted"),
    "old": (lambda p: replace(p, made_at=START - timedelta(hours=1)), "3600 s ago"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plan_is_found(fault: str) -> None:
    break_it, says = BROKEN[fault]
    check = check_plan(break_it(plan()), SITE, at=START)
    assert not check.passed
    assert says in check.reason


def test_a_second_models_rollout_is_checked_too() -> None:
    cool, warm = np.full(STEPS, 26.0), np.full(STEPS, 27.2)
    fine = {z.id: cool for z in SITE.zones}
    over = {**fine, SITE.zones[1].id: warm}
    assert check_plan(plan(), SITE, at=START, edge=EdgeRollout(fine, fine)).passed
    found = check_plan(plan(), SITE, at=START, edge=EdgeRollout(over, fine))
    assert [f.about for f in found.findings] == ["zone-b"]
    assert "27.2" in found.reason
    assert check_plan(plan(), SITE, at=START, edge=EdgeRollout(over, over)).passed, "holding is no better"


def test_what_the_edge_does_not_tell_is_closed() -> None:
    fine = {z.id: np.full(STEPS, 26.0) for z in SITE.zones}
    broken = {**fine, SITE.zones[0].id: np.full(STEPS, np.nan)}
    assert "cannot be told" in check_plan(plan(), SITE, at=START, edge=EdgeRollout(broken, fine)).reason
    assert not check_plan(plan(), SITE, at=START, edge=EdgeRollout({}, fine)).passed
    assert not check_plan(plan(), SITE, at=START, edge=EdgeRollout(fine, fine, ("no chiller left",))).passed


def test_where_doing_nothing_is_hotter_a_plan_that_cools_passes() -> None:
    rescue = replace(plan(), prediction=prediction(27.5, 220.0), hold=prediction(28.5, 200.0))
    assert check_plan(rescue, SITE, at=START).passed
    worse = replace(plan(), prediction=prediction(28.9, 150.0), hold=prediction(28.5, 200.0))
    assert not check_plan(worse, SITE, at=START).passed


def test_the_case_shown_is_the_first_hour_against_doing_nothing() -> None:
    snapshot = FakePlant(SITE).snapshot(START)
    verdict = review(SITE, plan().first(), snapshot)
    draft = draft_of_plan(
        plan(), verdict, snapshot, SITE, at=START + timedelta(seconds=20), error=EffectError(0.1, 0.0, 0.0)
    )
    assert draft is not None
    assert set(draft.changes) == {A_AIR}
    effect = draft.effect
    # four steps of 20 kW less; 1.96 standard errors of 10 % either way
    assert effect.power_kw.value == pytest.approx(-20.0)
    assert effect.power_kw.low == pytest.approx(-20.0 - 3.92)
    assert effect.carbon_kg.value == pytest.approx(-8.0)
    assert effect.cost.value == pytest.approx(-1.6)
    assert effect.water_l.value == 0.0
    assert [i.margin_k for i in draft.inlets] == pytest.approx([3.0] * 4)
    assert draft.data_age_s == 20.0
    # 18.4 to 21.9 °C in eight quarters of an hour: half a kelvin up in the second.
    assert draft.stays_s == 900.0


def test_a_change_that_the_plan_leaves_alone_stays_for_all_of_it() -> None:
    snapshot = FakePlant(SITE).snapshot(START)
    calm = replace(plan(), trajectory={**plan().trajectory, A_AIR: np.array([18.4] * 5 + [19.4] * 3)})
    for steady, steps in (
        (calm, 5),
        (replace(calm, trajectory={**calm.trajectory, A_AIR: np.full(8, 18.4)}), 8),
    ):
        draft = draft_of_plan(steady, review(SITE, steady.first(), snapshot), snapshot, SITE, at=START)
        assert draft is not None
        assert draft.stays_s == steps * 900.0
        assert draft_of(draft.payload()).stays_s == draft.stays_s


def test_the_case_is_of_the_change_alone_where_the_plan_goes_on_to_more() -> None:
    snapshot = FakePlant(SITE).snapshot(START)
    goes_on = replace(plan(), alone=prediction(22.3, 197.0))
    verdict = review(SITE, goes_on.first(), snapshot)
    draft = draft_of_plan(goes_on, verdict, snapshot, SITE, at=START, error=EffectError(0.0, 0.0, 0.0))
    assert draft is not None
    # Three kilowatts by this move, not the twenty of all that may follow; inlets 27 - 22.3 below their limit.
    assert draft.effect.power_kw.value == pytest.approx(-3.0)
    assert [i.margin_k for i in draft.inlets] == pytest.approx([4.7] * 4)


def test_an_error_in_power_is_one_in_carbon_and_money_too() -> None:
    snapshot = FakePlant(SITE).snapshot(START)
    verdict = review(SITE, plan().first(), snapshot)
    draft = draft_of_plan(
        plan(), verdict, snapshot, SITE, at=START, error=EffectError(power_kw=5.0, water=0.1)
    )
    assert draft is not None
    effect = draft.effect
    # 5 kW standard error: 1.96 x 5 either way; an hour of it at 18 kg and 3.6 USD per 1080 kWh, four times
    assert effect.power_kw.high - effect.power_kw.value == pytest.approx(9.8)
    assert effect.carbon_kg.high - effect.carbon_kg.value == pytest.approx(9.8 * 4 * 18 / 1080)
    assert effect.cost.high - effect.cost.value == pytest.approx(9.8 * 4 * 3.6 / 1080)
    assert effect.water_l.high == effect.water_l.low == 0.0


def test_no_change_is_no_case() -> None:
    snapshot = FakePlant(SITE).snapshot(START)
    verdict = review(SITE, SITE.as_found, snapshot)
    assert draft_of_plan(plan(), verdict, snapshot, SITE, at=START) is None
