"""One sentence a technician would accept, and what a plan is expected to be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.costs import parts
from optimizer.plan import Contest
from optimizer.problem import Problem
from plant.plan import Plan
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

_WORDS: Mapping[Quantity, tuple[str, str]] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: ("warmer supply air", "cooler supply air"),
    Quantity.FAN_SPEED_SETPOINT: ("more air", "less air"),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: ("warmer chilled water", "colder chilled water"),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: (
        "warmer condenser water",
        "colder condenser water",
    ),
    Quantity.STORAGE_RATE_SETPOINT: ("more cold into the tank", "more cold out of the tank"),
    Quantity.CHILLERS_ENABLED_SETPOINT: ("one more chiller may run", "one chiller less may run"),
    Quantity.ECONOMIZER_ENABLE_SETPOINT: ("the economizer may run", "the economizer stays off"),
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: ("warmer liquid", "colder liquid"),
    Quantity.DEFERRED_IT_POWER_SETPOINT: ("work put off", "waiting work let go"),
}
"""What a technician calls a move up and a move down."""
_MOST_NAMED = 3
_OUTDOOR_AIR = ("outdoor air may come in", "outdoor air stays out")

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
    """What changes now, what for, and what limits it, as a technician would say it."""
    limit = f"; limited by {binds[0]}" if binds else ""
    notes = f". Note: {contest.problem.notes[0]}" if contest.problem.notes else ""
    return f"{_what(contest, i)}: {_worth(contest, i)}{limit}{notes}"


def _what(contest: Contest, i: int) -> str:
    """The moves in words: the exact values stand beside the sentence wherever it is shown."""
    places: dict[str, list[str]] = {}
    problem = contest.problem
    dampers = {e.id for e in problem.site.equipment_of(EquipmentKind.AIR_ECONOMIZER)}
    axes = (*problem.board.axes, *(s.axis for s in problem.switches.each))
    values = (*contest.paths[i, 0], *contest.schedules[i, 0])
    for axis, value in zip(axes, values, strict=True):
        if axis.levers and abs(value - axis.present) > axis.resolution / 2:
            lever = axis.levers[0]
            word = _WORDS.get(lever.quantity, (f"higher {lever.id}", f"lower {lever.id}"))
            if lever.owner in dampers:
                word = _OUTDOOR_AIR
            places.setdefault(word[int(value < axis.present)], []).append(lever.owner)
    if not places:
        return "No change now"
    said = [word + in_zones(owners, problem.site) for word, owners in places.items()]
    text = "; ".join(said)
    return text[0].upper() + text[1:]


def in_zones(owners: Sequence[str], site: Site) -> str:
    """In which zones a move is made; of many how many, because a list of them is not read."""
    zones = {z.id for z in site.zones}
    if not (zones | {e.id for e in site.equipment if e.zone is not None}) & set(owners):
        return ""
    if len(owners) <= _MOST_NAMED or not zones.issuperset(owners):
        return f" in {', '.join(owners)}"
    many = f"all {len(zones)}" if len(owners) == len(zones) else f"{len(owners)} of {len(zones)}"
    return f" in {many} zones"


def _worth(contest: Contest, i: int) -> str:
    problem = contest.problem
    if contest.names[i] == "hold":
        return "nothing found that is better than leaving all as it is"
    held = contest.index("hold")
    soon = max(1, round(1 / problem.grid.step_h))
    excess = float(problem.excess_k(contest.rolled, with_margin=True)[held, :soon].max())
    if excess > 0:
        return f"keeps inlets inside their planning limit ({excess:.1f} K over within the hour if held)"
    now, then = (parts(problem, contest.rolled, contest.paths, k).total for k in (i, held))
    saved = then - now
    kw = (contest.rolled.facility_kw[held] - contest.rolled.facility_kw[i]).mean()
    over = f"on average over {_hours(problem):.0f} h"
    money = f"{abs(saved):.0f} {problem.site.tariff.currency}"
    if kw >= 0:
        return f"{kw:.0f} kW less {over} ({money} {'saved' if saved >= 0 else 'dearer'})"
    return f"{-kw:.0f} kW more {over}, {money} {'saved' if saved >= 0 else 'dearer'}"


def _hours(problem: Problem) -> float:
    return problem.grid.steps * problem.grid.step_h
