"""When outdoor air is let in, where a lever decides it: while it saves more than its fans draw, and not
while it would carry a room out of its humidity limits.

The PLC's own dew-point limits come on top. A room's moisture follows what comes in within the hour, so
outdoor air beyond a limit is taken to bring the room there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.identify.signals import Mask
from optimizer.problem import Problem
from optimizer.switches import Switch, SwitchKind
from plant.forecast import Array
from plant.psychrometrics import dew_point_c

_MARGIN_K = 0.5
"""Outdoor dew point stays so far inside a room's limits: forecasts and sensors err. [K]"""


def let_in(problem: Problem, path: Array, wanted: Array) -> Array:
    """The schedule (steps, switches) with the dampers' columns decided around a path (steps, axes)."""
    mine = [(i, s) for i, s in enumerate(problem.switches.each) if s.kind is SwitchKind.OUTDOOR_AIR]
    mine = [(i, s) for i, s in mine if s.axis.free and s.zone is not None]
    if not mine:
        return wanted
    pays = _pays(problem, path, wanted, [i for i, _ in mine])
    for i, switch in mine:
        wanted[:, i] = _without_gaps(pays & inside_limits(problem, path, switch))
    return wanted


def inside_limits(problem: Problem, path: Array, switch: Switch) -> Mask:
    """Steps at which outdoor air keeps the switch's zone inside its humidity limits. Shape (steps,)."""
    zone = 0 if switch.zone is None else switch.zone
    return np.asarray(_beyond_k(problem, path)[..., zone] <= -_MARGIN_K)


def humidity_price(problem: Problem, paths: Array, schedules: Array) -> Array:
    """What outdoor air beyond humidity limits costs candidates in the score. Shape (candidates,)."""
    if problem.model.bank.dampers is None:
        return np.zeros(len(paths))
    beyond = humidity_excess_kh(problem, paths, schedules).sum(axis=-1)
    return np.asarray(beyond * problem.settings.margin_cost_per_k_h)


def humidity_excess_kh(problem: Problem, paths: Array, schedules: Array) -> Array:
    """Kelvin-hours of outdoor dew point beyond each zone's limits, as far as dampers are open.

    Paths (candidates, steps, axes), schedules (candidates, steps, switches); (candidates, zones) comes.
    """
    zones, dampers = len(problem.model.zones), problem.model.bank.dampers
    if dampers is None:
        return np.zeros((len(paths), zones))
    asked = problem.switches.outdoor_air(schedules, zones)
    opened = dampers.leave(problem.world.dew_c) * (1.0 if asked is None else asked)
    over = np.maximum(_beyond_k(problem, paths), 0.0) * opened
    return np.asarray(over.sum(axis=-2) * problem.grid.step_h)


def _beyond_k(problem: Problem, paths: Array) -> Array:
    """How far outdoor dew point is beyond zones' limits; negative inside. Shape (…, steps, zones). [K]"""
    dew, zones = problem.world.dew_c[:, None], problem.site.zones
    # The air is moistest, relative to what it can hold, where it is coolest: at the supply.
    supply = problem.board.unpack(paths).supply_c
    at_supply = dew_point_c(supply, np.array([z.humidity.relative_humidity_max for z in zones]))
    most = np.minimum(np.array([z.humidity.dew_point_max_c for z in zones]), at_supply)
    least = np.array([z.humidity.dew_point_min_c for z in zones])
    return np.asarray(np.maximum(dew - most, least - dew))


def _pays(problem: Problem, path: Array, wanted: Array, columns: list[int]) -> Mask:
    """Steps at which all dampers free cost less than all shut, in the rollout. Shape (steps,)."""
    both = np.stack([wanted, wanted])
    both[0][:, columns], both[1][:, columns] = 1.0, 0.0
    course = replace(problem.course(np.stack([path, path]), both), put_off_kw=None)
    rolled = problem.model.rollout(course, problem.world)
    money = problem.money(rolled)
    return np.asarray(money[0] <= money[1])


def _without_gaps(on: Mask) -> Array:
    """As most of three neighbors have it: dampers are not stroked for a quarter of an hour."""
    padded = np.concatenate([on[:1], on, on[-1:]]).astype(int)
    return np.asarray(padded[:-2] + padded[1:-1] + padded[2:] >= 2, dtype=float)
