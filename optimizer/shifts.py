"""Ways to shift a path's levers, the zones together: what a plant is moved along when one thing is traded for
another."""

from __future__ import annotations

import numpy as np

from optimizer.problem import Problem
from plant.forecast import Array

_SPEED = 0.05
"""A unit of fan speed beside a kelvin of the others. [-]"""
_MOST_SPEED, _NUDGE, _FLATTEST = 0.15, 0.02, 1e-3


def shifts(problem: Problem, at: Array) -> Array:
    """Unit shifts, up and down, around a path ``at`` (steps, axes). Shape (shifts, steps, axes).

    One lever by itself, and what goes together: warmer air with warmer water; warmer air with as much more
    of it as keeps the racks where they are, the other edge of the same limit; both waters. What cannot move
    is left out.
    """
    zones, axes = len(problem.board.supply), at.shape[1]
    air, speed, both_waters = (slice(0, zones), slice(zones, 2 * zones), slice(2 * zones, 2 * zones + 2))
    chilled, condenser = 2 * zones, 2 * zones + 1
    units = np.zeros((8, len(at), axes))
    kept = _speed_for_a_kelvin(problem, at)
    units[0][:, air] = 1.0
    units[1][:, speed] = _SPEED
    units[2][:, chilled] = 1.0
    units[3][:, condenser] = 1.0
    units[4][:, [*range(zones), chilled]] = 1.0
    units[5][:, air], units[5][:, speed] = 1.0, kept
    units[6][:, [*range(zones), chilled]], units[6][:, speed] = 1.0, kept
    units[7][:, both_waters] = 1.0
    units = _different(units * problem.board.free)
    return np.concatenate([units, -units])


def _speed_for_a_kelvin(problem: Problem, at: Array) -> Array:
    """Fan speed that takes back from the warmest inlet what a kelvin of supply air adds. (steps, zones)."""
    bank, world = problem.model.bank, problem.world
    course = problem.board.unpack(at)
    bias = bank.padded(world.inlet_bias_k, 0.0)

    def rise(speed: Array) -> Array:
        gain = world.it_reference_kw / (bank.air_kw_k * speed)
        return np.asarray((bank.rise_k(gain, course.supply_c) + bias).max(axis=-1))

    slower, faster = np.maximum(course.speed - _NUDGE, _NUDGE), course.speed + _NUDGE
    per_speed = (rise(slower) - rise(faster)) / (faster - slower)
    return np.minimum(1.0 / np.maximum(per_speed, _FLATTEST), _MOST_SPEED)


def _different(units: Array) -> Array:
    """Without those that move nothing or what another moves."""
    kept: list[Array] = []
    for unit in units:
        if unit.any() and not any(np.array_equal(unit, other) for other in kept):
            kept.append(unit)
    return np.stack(kept) if kept else units[:0]
