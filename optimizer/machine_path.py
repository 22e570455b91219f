"""The best path where machines remember: each step's own optimum in every state, and the turns between.

Starting the economizer may take warmer return water than is best for the hour, and what then runs may be kept
long past the point at which it would start. So each step is searched off and staying off, off and warm enough
to start, running and kept, running and let go; and each of these with the fewest chillers that the PLC leaves
running at that load and with the most. The cheapest sequence through the states is dynamic programming; how
many chillers ran decides which of the two counts the next step has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.duty import Duty
from optimizer.identify.switching import Mask
from optimizer.problem import Problem
from optimizer.search import Options, Search
from optimizer.static import StaticMap
from plant.forecast import Array

Places: TypeAlias = NDArray[np.intp]

SURE_K = 0.4
"""Beyond the learned thresholds a path is searched, so that rounding and a little error do not undo it."""
_DEARER = (1.0, 4.0)
"""Prices of flow that are tried, as multiples of what it costs: dear flow is warm return water."""
_OFF, _ON = 0, 1
_FEW, _MANY = 0, 1


@dataclass(frozen=True)
class _Way:
    """Out of one state, the economizer off or on next: money an hour (steps,) and where in which options."""

    money: Array
    source: Places
    place: Places
    chillers: Array
    """How many run there."""


@dataclass(frozen=True)
class _State:
    """One state at all steps: what there is to choose from, and its ways to the economizer off and on."""

    found: list[Options]
    left_kw: list[Array]
    """What is left for chillers at each place of each."""
    ways: tuple[_Way, _Way]

    @cached_property
    def chillers(self) -> Array:
        """How many run where the step is cheapest. Shape (steps,)."""
        off, on = self.ways
        return np.where(on.money < off.money, on.chillers, off.chillers)


def remembers(problem: Problem) -> bool:
    """Whether it is known what runs now, of machines whose PLC keeps running what runs."""
    return free_known(problem) or _counted(problem)


@dataclass(frozen=True)
class MachineMap:
    """Every state of the machines at some steps: the economizer off or on, then few or many chillers."""

    problem: Problem
    tables: StaticMap
    steps: Array
    states: list[list[_State]]

    @classmethod
    def of(cls, problem: Problem, tables: StaticMap, steps: Array) -> MachineMap:
        """Search each state of a problem that `remembers`."""
        return cls(problem, tables, steps, _states(problem, tables, steps))

    def path(self, *, may_start: bool = True) -> Array:
        """The cheapest setpoints with the turns in mind. Shape (steps, axes).

        ``may_start`` is whether the economizer may be started.
        """
        states, grid, now = self.states, self.problem.grid, self.problem.world.machines
        hours = np.diff(self.steps, append=grid.steps) * grid.step_h
        turns = _cheapest(states, hours, may_start=may_start)
        on = round(now.economizer.on) if free_known(self.problem) else _OFF
        many, path = _branch(states, on, now.chillers, 0), []
        for k in range(len(self.steps)):
            state = states[on][many]
            after = int(turns[k, on, many])
            way = state.ways[after]
            found = state.found[int(way.source[k])]
            path.append(found.setpoints(self.tables, k, int(way.place[k])))
            if k + 1 < len(self.steps):
                on, many = after, _branch(states, after, float(way.chillers[k]), k + 1)
        return np.stack(path)


def free_known(problem: Problem) -> bool:
    """Whether there is an economizer of which it is known whether it runs."""
    return problem.model.economizer.present and problem.world.machines.economizer.known


def _counted(problem: Problem) -> bool:
    return problem.model.chillers.number > 1 and problem.world.machines.counted


def _states(problem: Problem, tables: StaticMap, steps: Array) -> list[list[_State]]:
    """Every state, by whether the economizer runs and how many chillers do."""
    search, duty = Search(problem, tables, steps), problem.duty.at(steps)
    both = [_OFF, _ON] if free_known(problem) else [_OFF]
    found = []
    for on in both:
        free = np.full(len(steps), float(on)) if free_known(problem) else None
        here = replace(duty, free=free)
        few = _state(problem, search, replace(here, before=_hint(problem, steps, _FEW)))
        if _counted(problem) and _matters(problem, few):
            found.append([few, _state(problem, search, replace(here, before=_hint(problem, steps, _MANY)))])
        else:
            found.append([few, few])
    return found


def _hint(problem: Problem, steps: Array, many: int) -> Array | None:
    return np.full(len(steps), float(many * problem.model.chillers.number)) if _counted(problem) else None


def _matters(problem: Problem, few: _State) -> bool:
    """Whether there is a step in which the PLC would keep more chillers than the fewest."""
    staging = problem.model.chillers.staging
    return any(bool((staging.most(left) > staging.fewest(left)).any()) for left in few.left_kw)


def _state(problem: Problem, search: Search, duty: Duty) -> _State:
    found, beside = search.options(duty, _DEARER), duty.beside(2)
    left = [beside.left_kw(o.load_kw[..., None], o.economizer_kw) for o in found]
    counts = [problem.model.chillers.running(kw, beside.chillers, beside.before) for kw in left]
    may = np.ones((1, 1, 1), dtype=bool) if beside.economizer is None else beside.economizer > 0.5
    everywhere = [np.ones_like(o.money, dtype=bool) for o in found]
    if duty.free is None:
        to_off, to_on = everywhere, [~e for e in everywhere]
    elif duty.free[0] > 0.5:
        to_off, to_on = everywhere, [_stays(problem, o) & may for o in found]
    else:
        to_on = [_starts(problem, search.steps, o, n) & may for o, n in zip(found, counts, strict=True)]
        to_off = [~s for s in to_on]
    return _State(found, left, (_way(found, counts, to_off), _way(found, counts, to_on)))


def _starts(problem: Problem, steps: Array, found: Options, chillers: Array) -> Mask:
    """Where the PLC would surely start the economizer."""
    law, wet = problem.model.economizer.switching, problem.world.wet_bulb_c[steps][:, None, None]
    warm = found.chw_c + found.load_kw / np.maximum(found.flow_kw_k, 1.0)
    sure = warm - SURE_K - problem.world.machines.economizer.start_bias_k
    return law.starts(sure[..., None], wet, chillers / max(problem.model.chillers.number, 1))


def _stays(problem: Problem, found: Options) -> Mask:
    """Where it would surely be kept."""
    law, flow = problem.model.economizer.switching, np.maximum(found.flow_kw_k, 1.0)[..., None]
    return law.stays(found.economizer_kw - SURE_K * flow, flow)


def _way(found: list[Options], chillers: list[Array], allowed: list[Mask]) -> _Way:
    """The cheapest place of each step among what is allowed; endless money where nothing is."""
    flat = [np.where(a, o.money, np.inf).reshape(len(a), -1) for a, o in zip(allowed, found, strict=True)]
    least = np.stack([f.min(axis=1) for f in flat])
    place = np.stack([f.argmin(axis=1) for f in flat])
    counts = np.stack([c.reshape(len(c), -1) for c in chillers])
    source = least.argmin(axis=0)
    rows = np.arange(len(source))
    chosen = place[source, rows]
    return _Way(least[source, rows], source, chosen, counts[source, rows, chosen])


def _branch(states: list[list[_State]], on: int, ran: float, step: int) -> int:
    """Whether a step has few or many chillers (0 or 1) where so many ``ran`` before it."""
    few, many = (states[on][x].chillers[step] for x in (_FEW, _MANY))
    return int(ran > few and many > few)


def _cheapest(states: list[list[_State]], hours: Array, *, may_start: bool) -> Places:
    """Whether to have the economizer on next, in each state at each step. Shape (steps, off/on, few/many).

    A tie changes nothing.
    """
    kinds = range(len(states))
    turns = np.zeros((len(hours), len(states), 2), dtype=np.intp)
    value = np.zeros((len(states), 2))
    for k in range(len(hours) - 1, -1, -1):
        worth = np.empty_like(value)
        for on, many in product(kinds, (_FEW, _MANY)):
            cost = np.full(2, np.inf)
            for to in kinds:
                way = states[on][many].ways[to]
                after = 0.0
                if k + 1 < len(hours):
                    after = value[to, _branch(states, to, float(way.chillers[k]), k + 1)]
                cost[to] = way.money[k] * hours[k] + after
            if on == _OFF and not may_start:
                cost[_ON] = np.inf
            better_on = cost[_ON] <= cost[_OFF] if on == _ON else cost[_ON] < cost[_OFF]
            turns[k, on, many] = int(better_on)
            # Where every option would start it, off is what nobody can choose.
            worth[on, many] = cost[int(better_on)]
        value = worth
    return turns
