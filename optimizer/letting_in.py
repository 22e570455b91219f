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
    limits, dew = problem.site.zones[zone].humidity, problem.world.dew_c
    # The air is moistest, relative to what it can hold, where it is coolest: at the supply.
    supply = problem.board.unpack(path).supply_c[:, zone]
    most = np.minimum(limits.dew_point_max_c, dew_point_c(supply, limits.relative_humidity_max))
    return np.asarray((dew <= most - _MARGIN_K) & (dew >= limits.dew_point_min_c + _MARGIN_K))


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
