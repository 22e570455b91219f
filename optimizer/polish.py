"""The best path improved where it counts, in the nonlinear rollout.

The search knows no ramps and reads tables, the program has no thresholds: what starts a machine or
spares one is seen by the rollout alone. So blocks of hours of the levers are shifted, all zones
together, and what pays is kept. Blocks far enough apart do not feel each other: one rollout tries the
same shift in many blocks, and each block takes the shift that was best for it.

A threshold passed by a hair in the rollout may not be passed in the plant. So a shift must pay on the
mean of two days, the one that is expected and one with a little more load and warmer air. Every limit
that the path kept is kept, at every hour: nothing is won by counting on later plans.

The number of rollouts is fixed, whatever the clock says: the same input gives the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.plan import Contest, compare
from optimizer.polish_judge import Judge
from optimizer.problem import Problem
from optimizer.shifts import shifts
from plant.forecast import Array

_SETTLES_H = 1.5
"""How long a shift is felt after its block: ramps, then inlets with 10 to 20 minutes. [h]"""
_FEW_ZONES = 32
_LEAST_GAIN = 1e-7
"""Of the path's cost: less is noise."""
_NOT_POLISHED = ("hold", "fixed", "full cooling")
"""What is proposed for what it is, not for what it costs."""


@dataclass(frozen=True)
class Stage:
    """Blocks of so many hours, shifted by shares of the unit shifts of `optimizer.shifts`."""

    hours: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Blocks:
    """Blocks of steps, from and to, that do not feel each other, and the steps between them."""

    each: tuple[tuple[int, int], ...]
    settles: int


STAGES = (Stage(3.0, (1.0, 0.3, 0.1)), Stage(1.0, (1.0, 0.3, 0.1)), Stage(1.0, (0.3, 0.1)))
STAGES_OF_MANY = (Stage(2.0, (1.0, 0.3)), Stage(1.0, (0.3, 0.1)))
"""Where zones are many, a rollout costs more and the program leaves less."""


def with_polish(contest: Contest, problem: Problem) -> Contest:
    """The contest with its winner's polished path in it, where that is better by the contest's own score.

    ``problem`` is the one the candidates were made for: its schedule decided, as far as there is one.
    """
    name = contest.names[contest.winner]
    schedule = contest.schedules[contest.winner]
    if name in _NOT_POLISHED or not np.array_equal(schedule, problem.schedule):
        return contest
    path = polished(problem, contest.paths[contest.winner])
    if path is None:
        return contest
    paths = dict(zip(contest.names, contest.paths, strict=True))
    asked = dict(zip(contest.names, contest.schedules, strict=True))
    new = f"{name}, polished"
    schedules = {**asked, new: schedule} if problem.switches.each else None
    return compare(contest.problem, {**paths, new: path}, schedules)


def polished(problem: Problem, path: Array) -> Array | None:
    """A better path near a path (steps, axes) of the problem; None where none was found."""
    judge = Judge.of(problem, path)
    at = judge.walked(path[None])
    cost, total = (a[0] for a in judge.costs(at))
    at, began = at[0], total
    for stage in STAGES if len(problem.model.zones) <= _FEW_ZONES else STAGES_OF_MANY:
        judge = judge.around(at)
        cost, total = (a[0] for a in judge.costs(at[None]))
        for blocks in _phases(problem, stage.hours):
            found = _shifted(judge, at, cost, blocks, stage.shares)
            costs, totals = judge.costs(found)
            best = int(np.argmin(totals))
            if totals[best] < total - _LEAST_GAIN * abs(total):
                at, cost, total = found[best], costs[best], totals[best]
    return at if total < began else None


def _shifted(judge: Judge, at: Array, cost: Array, blocks: Blocks, shares: tuple[float, ...]) -> Array:
    """Every block shifted as was best for it, and the best single shift of all blocks."""
    inside = np.zeros(len(at), dtype=bool)
    for begin, end in blocks.each:
        inside[begin:end] = True
    units = shifts(judge.problem, at)
    moves = np.concatenate([share * units for share in shares])
    trials = judge.walked(np.where(inside[:, None], at + moves, at))
    gain = cost - judge.costs(trials)[0]
    each = at.copy()
    for begin, end in blocks.each:
        # A block is felt a little before it begins, where machines are kept for what comes.
        here = gain[:, max(begin - blocks.settles, 0) : end + blocks.settles].sum(axis=1)
        best = int(np.argmax(here))
        if here[best] > 0.0:
            each[begin:end] += moves[best, begin:end]
    return np.stack([judge.walked(each[None])[0], trials[int(np.argmax(gain.sum(axis=1)))]])


def _phases(problem: Problem, hours: float) -> Iterator[Blocks]:
    """All blocks of the horizon, so many at a time that no two feel each other."""
    steps, step_h = problem.grid.steps, problem.grid.step_h
    length, settles = max(1, round(hours / step_h)), max(1, round(_SETTLES_H / step_h))
    apart = -(-(length + settles) // length)
    for phase in range(min(apart, -(-steps // length))):
        begins = range(phase * length, steps, apart * length)
        yield Blocks(tuple((b, min(b + length, steps)) for b in begins), settles)
