"""Which limits stand against each other where none of the plans keeps them all.

Each limit that the best rescue leans on is widened by itself and the rescue rolled out again: a limit
is part of the conflict if a little more room there would lower the inlet that stays too warm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.board import Axis
from optimizer.plan import Contest
from optimizer.problem import Problem
from plant.forecast import Array
from plant.quantities import Quantity

_WIDER_SHARE = 0.2
"""How far a lever's range is widened to see whether it matters, as a share of the range."""
_HELPS_K = 0.05
_AFTER_H = 1.0

_WORDS = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: ("supply air", "°C", 1.0),
    Quantity.FAN_SPEED_SETPOINT: ("fan speed", "%", 100.0),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: ("chilled water", "°C", 1.0),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: ("condenser water", "°C", 1.0),
    Quantity.STORAGE_RATE_SETPOINT: ("tank rate", "kW", 1.0),
}


def too_warm(contest: Contest, i: int) -> tuple[int, ...]:
    """Zones that go above their allowable limit and stay there, by their place."""
    problem, steps = contest.problem, _after(contest.problem)
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones])
    later = contest.rolled.worst_inlet_c[i, steps:]
    return tuple(int(z) for z in np.flatnonzero(later.min(axis=0) > allowed)) if len(later) else ()


def least_over(contest: Contest, i: int, z: int) -> float:
    """The coolest a zone that stays too warm ever gets. [°C]"""
    return float(contest.rolled.worst_inlet_c[i, _after(contest.problem) :, z].min())


def conflict(contest: Contest, i: int) -> tuple[str, ...]:
    """The limits that cannot be kept together, in plant words: widening any one of them would help."""
    problem = contest.problem
    hot = too_warm(contest, i)
    if not hot:
        return ()
    zones = problem.site.zones
    found = [f"{zones[z].id} allowable inlet {zones[z].limits.allowable_max_c:g} °C" for z in hot]
    rescue = _all_the_way(problem)
    base = _inlets(problem, rescue, hot)
    for number, axis in enumerate(problem.board.axes):
        wider = rescue.copy()
        room = _WIDER_SHARE * max(axis.high - axis.low, axis.max_move)
        wider[:, number] += -room if axis.safe_is_down else room
        if (base - _inlets(problem, wider, hot) > _HELPS_K).any():
            found.append(_words(axis, rescue[-1, number]))
    less = replace(problem, world=replace(problem.world, it_reference_kw=0.9 * problem.world.it_reference_kw))
    for z in hot:
        if (base - _inlets(less, rescue, hot) > _HELPS_K)[hot.index(z)]:
            most = problem.world.it_reference_kw[:, z].max()
            found.append(f"{zones[z].id} IT load up to {most:.0f} kW")
    return tuple(found)


def _after(problem: Problem) -> int:
    return max(1, round(_AFTER_H / problem.grid.step_h))


def _all_the_way(problem: Problem) -> Array:
    """Every lever where it helps most, at once: what stands against it is no ramp."""
    helps = np.array([a.low if a.safe_is_down else a.high for a in problem.board.axes])
    return np.tile(helps, (problem.grid.steps, 1))


def _inlets(problem: Problem, path: Array, zones: tuple[int, ...]) -> Array:
    """Where the zones end up at their coolest. Shape (zones,). [°C]"""
    rolled = problem.model.rollout(problem.course(path[None]), problem.world)
    return np.asarray(rolled.worst_inlet_c[0, _after(problem) :][:, list(zones)].min(axis=0))


def _words(axis: Axis, at: float) -> str:
    """A lever's limit as a technician would say it."""
    if not axis.levers:
        return f"{axis.name} stands at {at:g} and is no lever"
    lever = axis.levers[0]
    name, unit, scale = _WORDS.get(lever.quantity, (str(lever.id), "", 1.0))
    bound = "no lower than" if axis.safe_is_down else "no more than"
    if not axis.free:
        bound = "held at"
    return f"{lever.owner} {name} {bound} {at * scale:g} {unit}".strip()
