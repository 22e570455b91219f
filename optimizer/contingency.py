"""Room for a trip: what a path leads to if any one air unit or chiller stops at any of its steps.

For many candidates at once: the planner keeps this room, and the supervisor checks it again by other
code (`controller.contingency`). The physics is in `optimizer.after_trip`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.after_trip import after_trip_c
from optimizer.problem import Problem
from plant.forecast import Array

KEPT_K = 0.15
"""Room the planner keeps beyond its own reckoning, so that the supervisor's finds it kept too. [K]"""
_CLOSELY_H = 4.0
"""How far ahead each step is looked at for missing room; beyond it one an hour is. [h]"""
SPEED_OFFSETS = np.array([-0.1, 0.0, 0.1])
_NUDGE_K, _MOST_K = 0.5, 60.0


@dataclass(frozen=True)
class TripRoom:
    """Shapes (candidates, steps, zones): warmest inlet after the worst trip, and its limit less margins."""

    inlet_c: Array
    allowed_c: Array

    @property
    def excess_k(self) -> Array:
        """How far the limit would be passed. [K]"""
        return np.asarray(self.inlet_c - self.allowed_c)


def keeps_room(problem: Problem) -> bool:
    """Whether the site asks for this at all."""
    return problem.settings.n_minus_one and bool(problem.site.safety.n_minus_one)


def trip_room(
    problem: Problem, paths: Array, put_off_kw: Array | None = None, at: NDArray[np.intp] | None = None
) -> TripRoom:
    """What each step of candidate paths (candidates, steps, axes) would lead to if a machine tripped then.

    Paths may be cut short: their steps are the first ones. ``put_off_kw`` (candidates, steps, zones) is what
    a schedule of each candidate's own takes from the problem's load. ``at`` is which steps are looked at.
    """
    at = np.arange(paths.shape[1]) if at is None else at
    course, world = problem.board.unpack(paths[:, at]), problem.world
    where = (course.supply_c, course.speed, course.chw_c)
    load, spread = world.it_reference_kw[at], world.it_std_kw[at]
    if put_off_kw is not None:
        load = np.maximum(load - put_off_kw[:, at], 0.0)
        spread = np.broadcast_to(spread, load.shape)
    warmest = after_trip_c(problem, *where, load, spread)
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones]) - KEPT_K
    return TripRoom(warmest, np.broadcast_to(allowed, warmest.shape))


def room_price(problem: Problem, paths: Array, before_h: Array, put_off_kw: Array | None = None) -> Array:
    """What the missing room costs candidate paths in the score. Shape (candidates,).

    `before_h` weighs steps by how soon they come. Priced as inlets above their limit are, at every hour: who
    lacks room tomorrow is not cheaper than who keeps it.
    """
    if not keeps_room(problem):
        return np.zeros(paths.shape[0])
    at = _looked_at(problem)
    lasts_h = problem.grid.step_h * np.diff(at, append=problem.grid.steps)
    over = np.maximum(trip_room(problem, paths, put_off_kw, at).excess_k, 0.0).max(axis=-1)
    return np.asarray((over * before_h[at] * lasts_h).sum(axis=1) * problem.settings.violation_cost_per_k_h)


def _looked_at(problem: Problem) -> NDArray[np.intp]:
    """Every step soon, and one an hour later."""
    steps, step_h = problem.grid.steps, problem.grid.step_h
    soon, hourly = min(steps, round(_CLOSELY_H / step_h)), max(1, round(1.0 / step_h))
    return np.concatenate([np.arange(soon), np.arange(soon, steps, hourly)])


@dataclass(frozen=True)
class TripCuts:
    """Cuts of the room for a trip around a path: (blocks, zones, cuts) twice, (blocks, zones) twice."""

    level: Array
    per_speed: Array
    per_supply: Array
    per_chw: Array

    def only(self, zones: NDArray[np.intp]) -> tuple[Array, Array, Array, Array]:
        """Some zones' cuts, in the order the law loads them."""
        return (
            self.level[:, zones],
            self.per_speed[:, zones],
            self.per_supply[:, zones],
            self.per_chw[:, zones],
        )


def trip_cuts(problem: Problem, mean: Callable[[Array], Array], at: Array) -> TripCuts:
    """Chords over fan speed, and slopes over supply air and water, around a path ``at`` (blocks, axes).

    ``mean`` gathers steps into blocks.
    """
    blocks, zones, cuts = len(at), len(problem.model.zones), len(SPEED_OFFSETS) - 1
    if not keeps_room(problem):
        none = np.zeros((blocks, zones))
        return TripCuts(np.full((blocks, zones, cuts), -_MOST_K), np.zeros((blocks, zones, cuts)), none, none)
    course, world = problem.board.unpack(at), problem.world
    load = mean(world.it_reference_kw), mean(world.it_std_kw)
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones]) - KEPT_K

    supply, chw, speed = course.supply_c, course.chw_c, course.speed
    # All points at once: the reference, air and water warmer, then the speeds.
    points = 3 + len(SPEED_OFFSETS)
    supplies = np.broadcast_to(supply, (points, *supply.shape)).copy()
    waters = np.broadcast_to(chw, (points, *chw.shape)).copy()
    speeds = np.broadcast_to(speed, (points, *speed.shape)).copy()
    supplies[1] += _NUDGE_K
    waters[2] += _NUDGE_K
    speeds[3:] = np.clip(speed + SPEED_OFFSETS[:, None, None], 0.1, 1.1)
    over = after_trip_c(problem, supplies, speeds, waters, *load) - allowed
    per_supply, per_chw = (over[1] - over[0]) / _NUDGE_K, (over[2] - over[0]) / _NUDGE_K
    values, speeds = np.moveaxis(over[3:], 0, -1), np.moveaxis(speeds[3:], 0, -1)
    slope = np.diff(values, axis=-1) / np.maximum(np.diff(speeds, axis=-1), 1e-6)
    fixed = (per_supply * supply + per_chw * chw[:, None])[..., None]
    return TripCuts(values[..., :-1] - slope * speeds[..., :-1] - fixed, slope, per_supply, per_chw)


def room_binds(problem: Problem, path: Array, steps: int, within_k: float) -> tuple[str, ...]:
    """Zones whose room for a trip limits a path (steps, axes) in its first steps, in plant words."""
    if not keeps_room(problem):
        return ()
    spare = -trip_room(problem, path[None, :steps]).excess_k[0].max(axis=0)
    return tuple(
        f"{z.id} must stay under {z.limits.allowable_max_c:g} °C if one of its air units or a chiller trips"
        for z, s in zip(problem.site.zones, spare, strict=True)
        if s < within_k
    )
