"""Dynamic programming over what runs, how long it must stay so, and how full the tank is.

The state of a step is (configuration, lock, tank level). A configuration is a number of chillers and
whether the economizer may run. A lock is what the last start or stop still forbids: after a start
nothing stops for the minimum run time, after a stop nothing starts for the minimum rest. With alike
machines taken in turn this keeps every machine's own limits. The tank moves by whole levels.

The program is exact on its tables and knows no solver; it ignores ramps and lag, which the linear
program around its answer brings in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plant.forecast import Array

Steps = NDArray[np.intp]


@dataclass(frozen=True)
class Configurations:
    """What can run. `chillers` and `economizer` (1 or 0) have shape (configurations,).

    Times are in steps, costs in money a start; `reach` is how many machines may change in a step.
    """

    chillers: Array
    economizer: Array
    min_on: int = 1
    min_off: int = 1
    start_cost: float = 0.0
    economizer_start_cost: float = 0.0
    reach: int = 1

    @property
    def count(self) -> int:
        """How many configurations there are."""
        return len(self.chillers)

    def switching(self) -> Array:
        """Money to go from one (row) to another (column); infinite where too many change at once."""
        more = self.chillers[None, :] - self.chillers[:, None]
        opened = np.maximum(self.economizer[None, :] - self.economizer[:, None], 0.0)
        cost = self.start_cost * np.maximum(more, 0.0) + self.economizer_start_cost * opened
        return np.asarray(np.where(np.abs(more) > self.reach + 1e-9, np.inf, cost))

    def locks(self) -> _Locks:
        """The locks these minimum times need."""
        return _Locks(max(self.min_on, 1) - 1, max(self.min_off, 1) - 1)


@dataclass(frozen=True)
class _Locks:
    """Locks by number: 0 none, 1…on: nothing stops for that many steps, then: nothing starts."""

    on: int
    off: int

    @property
    def count(self) -> int:
        return 1 + self.on + self.off

    def started(self, steps_ago: int) -> int:
        left = self.on - steps_ago
        return max(left, 0)

    def stopped(self, steps_ago: int) -> int:
        left = self.off - steps_ago
        return self.on + left if left > 0 else 0

    def after(self, lock: int, more: float) -> int | None:
        """The lock after a step in which ``more`` machines ran than before; None if it forbids that."""
        stop_forbidden, start_forbidden = 1 <= lock <= self.on, lock > self.on
        if more > 0:
            return None if start_forbidden else self.started(0)
        if more < 0:
            return None if stop_forbidden else self.stopped(0)
        if stop_forbidden:
            return lock - 1
        return (lock - 1 if lock - 1 > self.on else 0) if start_forbidden else 0


@dataclass(frozen=True)
class Standing:
    """Where the plant is: its configuration, and steps since the last start and stop (None: long ago)."""

    configuration: int
    steps_since_start: int | None = None
    steps_since_stop: int | None = None
    level: int = 0


@dataclass(frozen=True)
class Moves:
    """The tank's rates as whole levels a step: shape (rates,), with 0 among them; `levels` there are."""

    by: Steps
    levels: int = 1
    left_worth: float = 0.0
    """What one level left at the end is worth. [money]"""

    @classmethod
    def none(cls) -> Moves:
        """No tank."""
        return cls(np.zeros(1, dtype=np.intp))


@dataclass(frozen=True)
class Course:
    """The cheapest sequence: configuration and rate of each step (indices), and its money."""

    configuration: Steps
    rate: Steps
    cost: float


@dataclass(frozen=True)
class NoCourse:
    """No sequence keeps every limit; the first step at which nothing is possible."""

    step: int


def cheapest(cost: Array, can: Configurations, moves: Moves, start: Standing) -> Course | NoCourse:
    """The cheapest sequence through a table of money.

    Parameters
    ----------
    cost : ndarray, shape (steps, configurations, rates)
        Money of a step; infinite where it cannot be (what is not known cannot be either).
    """
    cost, steps = np.where(np.isnan(cost), np.inf, cost), len(cost)
    locks, switch = can.locks(), can.switching()
    ways = _ways(can, locks, switch)
    value = np.broadcast_to(
        -moves.left_worth * np.arange(moves.levels), (can.count, locks.count, moves.levels)
    ).copy()
    rates = np.empty((steps, can.count, locks.count, moves.levels), dtype=np.intp)
    turns = np.empty_like(rates)
    for t in range(steps - 1, -1, -1):
        stay, rates[t] = _charge(cost[t], value, moves)
        value, turns[t] = _turn(stay, ways)
        if not np.isfinite(value).any():
            return NoCourse(t)
    return _forward(value, rates, turns, can, locks, moves, start)


def _charge(cost: Array, value: Array, moves: Moves) -> tuple[Array, Steps]:
    """Best rate of a step in each configuration, lock and level: (configurations, locks, levels) twice."""
    found = np.full((len(moves.by), *value.shape), np.inf)
    for r, by in enumerate(moves.by):
        here = slice(max(0, -by), moves.levels - max(0, by))
        there = slice(max(0, by), moves.levels + min(0, by))
        found[r, :, :, here] = cost[:, r, None, None] + value[:, :, there]
    return found.min(axis=0), found.argmin(axis=0)


def _ways(can: Configurations, locks: _Locks, switch: Array) -> list[list[list[tuple[int, int, float]]]]:
    """For each configuration and lock: the configurations it may turn to, their lock, the money."""
    found: list[list[list[tuple[int, int, float]]]] = []
    for c in range(can.count):
        rows: list[list[tuple[int, int, float]]] = []
        for lock in range(locks.count):
            # Staying comes first, so that a tie moves nothing.
            order = sorted(range(can.count), key=lambda to: (to != c, to))
            row = []
            for to in order:
                after = locks.after(lock, float(can.chillers[to] - can.chillers[c]))
                if after is not None and np.isfinite(switch[c, to]):
                    row.append((to, after, float(switch[c, to])))
            rows.append(row)
        found.append(rows)
    return found


def _turn(stay: Array, ways: list[list[list[tuple[int, int, float]]]]) -> tuple[Array, Steps]:
    """Best configuration to turn to. `turns` holds its place in the row of `ways`."""
    value = np.full_like(stay, np.inf)
    turns = np.zeros(stay.shape, dtype=np.intp)
    for c, rows in enumerate(ways):
        for lock, row in enumerate(rows):
            if not row:
                continue
            offers = np.stack([stay[to, after] + money for to, after, money in row])
            turns[c, lock] = offers.argmin(axis=0)
            value[c, lock] = offers.min(axis=0)
    return value, turns


def _forward(
    value: Array,
    rates: Steps,
    turns: Steps,
    can: Configurations,
    locks: _Locks,
    moves: Moves,
    start: Standing,
) -> Course | NoCourse:
    ways = _ways(can, locks, can.switching())
    c, lock = start.configuration, _lock_now(locks, start)
    level = int(np.clip(start.level, 0, moves.levels - 1))
    total = float(value[c, lock, level])
    if not np.isfinite(total):
        return NoCourse(0)
    configurations, chosen = np.empty(len(rates), dtype=np.intp), np.empty(len(rates), dtype=np.intp)
    for t in range(len(rates)):
        c, lock, _ = ways[c][lock][turns[t, c, lock, level]]
        configurations[t], chosen[t] = c, rates[t, c, lock, level]
        level += int(moves.by[chosen[t]])
    return Course(configurations, chosen, total)


def _lock_now(locks: _Locks, start: Standing) -> int:
    """What still holds from the last start or stop, the later of the two."""
    on = start.steps_since_start
    off = start.steps_since_stop
    if off is not None and (on is None or off < on):
        return locks.stopped(off)
    return 0 if on is None else locks.started(on)
