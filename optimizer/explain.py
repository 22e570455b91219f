"""One sentence a technician would accept, and what a plan is expected to be worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Contest
from optimizer.problem import Problem
from plant.plan import Plan
from plant.quantities import Quantity
from plant.setpoints import Lever

_ALL_OF_IT = 1.2815515594600038
"""80 % of a normal distribution lies within this many standard deviations."""
_MODEL_ERROR = 0.25
"""Relative error of a predicted saving, one standard deviation, until M&V has measured one."""


@dataclass(frozen=True)
class Amount:
    """An expected difference to holding, with its 80 % interval. Negative is a saving."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """What following a plan changes over its first `hours`, against leaving all as it is.

    `carbon_kg` is None where carbon intensity is not known for all of those hours.
    """

    hours: float
    facility_kw: Amount
    carbon_kg: Amount | None
    cost: Amount
    water_l: Amount


def effect(plan: Plan, hours: float = 4.0) -> Effect:
    """Mean power, and amounts of carbon, money and water, over the plan's first ``hours``."""
    steps = int(np.clip(round(hours / plan.grid.step_h), 1, plan.grid.steps))
    chosen, held = plan.prediction, plan.hold
    carbon = (chosen.carbon_kg - held.carbon_kg)[:steps]
    return Effect(
        hours=steps * plan.grid.step_h,
        facility_kw=_amount(float((chosen.facility_kw - held.facility_kw)[:steps].mean())),
        carbon_kg=None if np.isnan(carbon).any() else _amount(float(carbon.sum())),
        cost=_amount(float((chosen.cost - held.cost)[:steps].sum())),
        water_l=_amount(float((chosen.water_l - held.water_l)[:steps].sum())),
    )


def _amount(expected: float) -> Amount:
    half = _ALL_OF_IT * _MODEL_ERROR * abs(expected)
    return Amount(expected, expected - half, expected + half)


def reason(contest: Contest, i: int, binds: tuple[str, ...]) -> str:
    """What changes now, what for, and what limits it."""
    problem = contest.problem
    changes = [
        f"{axis.levers[0].id} {_amount_text(axis.levers[0], axis.present)} → "
        f"{_amount_text(axis.levers[0], value)}"
        for axis, value in zip(problem.board.axes, contest.paths[i, 0], strict=True)
        if axis.levers and abs(value - axis.present) > axis.resolution / 2
    ]
    what = "; ".join(changes) if changes else "No change now"
    held = contest.index("hold")
    saved = (contest.money[held] - contest.money[i]).sum()
    kw = (contest.rolled.facility_kw[held] - contest.rolled.facility_kw[i]).mean()
    money = f"{saved:.0f} {problem.site.tariff.currency}"
    worth = f"saves {kw:.0f} kW on average over {_hours(problem):.0f} h ({money})"
    if contest.names[i] == "hold":
        worth = "nothing found that is better than leaving all as it is"
    excess = float(problem.excess_k(contest.rolled, with_margin=True)[held].max())
    if excess > 0 and contest.names[i] != "hold":
        worth = f"brings inlets back inside their limit ({excess:.1f} K over if held)"
    limit = f"; limited by {binds[0]}" if binds else ""
    notes = f". Note: {problem.notes[0]}" if problem.notes else ""
    return f"{what}: {worth}{limit}{notes}"


def _hours(problem: Problem) -> float:
    return problem.grid.steps * problem.grid.step_h


def _amount_text(lever: Lever, value: float) -> str:
    if lever.quantity is Quantity.FAN_SPEED_SETPOINT:
        return f"{100 * value:.0f} %"
    return f"{value:.1f} °C"
