"""What a path near a path costs, by step, on the mean of two days: as `optimizer.polish` asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.contingency import TripCuts, keeps_room, trip_cuts
from optimizer.costs import at_once, beside_each
from optimizer.course import each_in, joined, parted
from optimizer.letting_in import humidity_price
from optimizer.model import Rollout
from optimizer.problem import Problem
from optimizer.scoring import exceeded, first_moves, movement, passed_k
from plant.forecast import Array

_MORE_LOAD, _WARMER_K = 1.02, 0.4
"""The day that is a little worse: about what forecasts are off by some hours ahead."""
_ALONG_K = 0.3
"""Room for a trip that is kept beyond what is reckoned: the path is moved along it, not only to it. [K]"""
_AT_ONCE = 4096
"""Paths times zones that are rolled out together: what fits a processor's memory near to it."""


@dataclass(frozen=True)
class Judge:
    """Prices paths of one problem.

    `tolerated` is how far the path that is improved passes limits, which is no reason to pass them elsewhere
    (`passed_k`, shapes (steps, zones)), and `short_of_room` the same for room for a trip.
    """

    problem: Problem
    worse: Problem
    tolerated: tuple[Array, Array]
    room: TripCuts | None
    short_of_room: Array

    @classmethod
    def of(cls, problem: Problem, path: Array) -> Judge:
        """For paths near a path (steps, axes)."""
        rolled = problem.model.rollout(problem.course(path[None]), problem.world)
        over, into = passed_k(problem, rolled)
        room = _cuts(problem, path)
        short = np.zeros_like(problem.world.it_reference_kw)
        if room is not None:
            short = np.maximum(_missing_k(problem, room, path[None])[0], 0.0)
        return cls(problem, _worse(problem), (over[0], into[0]), room, short)

    def around(self, path: Array) -> Judge:
        """The same with the room for a trip reckoned around another path."""
        return replace(self, room=_cuts(self.problem, path))

    def walked(self, targets: Array) -> Array:
        """Target paths (paths, steps, axes) as levers may follow them, the first step as it is written."""
        paths = self.problem.board.ramped(targets, self.problem.grid.step_s)
        paths[:, 0] = first_moves(self.problem, paths[:, 0])
        return paths

    def costs(self, paths: Array) -> tuple[Array, Array]:
        """By step (paths, steps) what can be told by step, and all in all (paths,)."""
        each = [self._costs(some) for some in self._split(paths)]
        by_step, total = (np.concatenate(parts) for parts in zip(*each, strict=True))
        return by_step, total

    def _split(self, paths: Array) -> Iterator[Array]:
        size = max(1, _AT_ONCE // max(len(self.problem.model.zones), 1))
        for begin in range(0, len(paths), size):
            yield paths[begin : begin + size]

    def _costs(self, paths: Array) -> tuple[Array, Array]:
        """Limits count on the day that is expected: what may come beyond it is in the margins."""
        problem, days = self.problem, (self.problem, self.worse)
        course = joined([day.course(paths) for day in days])
        world = each_in([day.world for day in days], len(paths))
        rolled = parted(problem.model.rollout(course, world), len(paths))
        paid, once = (
            np.mean([price(day, r) for day, r in zip(days, rolled, strict=True)], axis=0)
            for price in (_by_step, at_once)
        )
        by_step = paid + exceeded(problem, rolled[0], self.tolerated) + movement(problem, paths)
        by_step = by_step + self._without_room(paths)
        schedules = np.broadcast_to(problem.schedule, (len(paths), *problem.schedule.shape))
        return by_step, by_step.sum(axis=1) + once + humidity_price(problem, paths, schedules)

    def _without_room(self, paths: Array) -> Array | float:
        """The price of room for a trip that the path had and these have not. Shape (paths, steps)."""
        if self.room is None:
            return 0.0
        missing = np.maximum(_missing_k(self.problem, self.room, paths) - self.short_of_room, 0.0)
        price = self.problem.settings.violation_cost_per_k_h * self.problem.grid.step_h
        return np.asarray(missing.max(axis=-1) * price)


def _by_step(problem: Problem, rolled: Rollout) -> Array:
    return problem.money(rolled) + beside_each(problem, rolled)


def _worse(problem: Problem) -> Problem:
    world = problem.world
    warmer = replace(
        world,
        it_reference_kw=_MORE_LOAD * world.it_reference_kw,
        wet_bulb_c=world.wet_bulb_c + _WARMER_K,
        dry_bulb_c=None if world.dry_bulb_c is None else world.dry_bulb_c + _WARMER_K,
    )
    return replace(problem, world=warmer)


def _cuts(problem: Problem, path: Array) -> TripCuts | None:
    """Room for a trip as lines around each step of a path: the march itself is slow."""
    return trip_cuts(problem, np.asarray, path) if keeps_room(problem) else None


def _missing_k(problem: Problem, cuts: TripCuts, paths: Array) -> Array:
    """How far a trip would carry racks beyond what is surely allowed. Shape (paths, steps, zones). [K]"""
    at = problem.board.unpack(paths)
    by_speed = (cuts.level + cuts.per_speed * at.speed[..., None]).max(axis=-1)
    beyond = by_speed + cuts.per_supply * at.supply_c + cuts.per_chw * at.chw_c[..., None]
    return np.asarray(beyond + _ALONG_K)
