"""The best path where the economizer remembers: each step's own optimum, running or not, and the turns.

Starting it may take warmer return water than is best for the hour, and what then runs may be kept long
past the point at which it would start. So each step is searched four times: off and staying off, off
and warm enough to start, running and kept, running and let go. The cheapest sequence through these is
dynamic programming over two states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Problem
from optimizer.search import Options, Search
from optimizer.static import StaticMap
from plant.forecast import Array

Mask: TypeAlias = NDArray[np.bool_]

SURE_K = 0.4
"""Beyond the learned thresholds a path is searched, so that rounding and a little error do not undo it."""
_DEARER = (1.0, 4.0)
"""Prices of flow that are tried, as multiples of what it costs: dear flow is warm return water."""


@dataclass(frozen=True)
class _Way:
    """From one state to one at each step: money an hour (steps,), from which options, where in them."""

    money: Array
    source: NDArray[np.intp]
    place: NDArray[np.intp]


def remembers(problem: Problem) -> bool:
    """Whether there is an economizer of which it is known whether it runs."""
    return problem.model.economizer.present and problem.world.economizer.known


def free_path(problem: Problem, tables: StaticMap, steps: Array, *, may_start: bool = True) -> Array:
    """The cheapest setpoints of some steps with the turns in mind. Shape (steps, axes)."""
    search, duty = Search(problem, tables, steps), problem.duty.at(steps)
    still, works = (replace(duty, free=np.full(len(steps), state)) for state in (0.0, 1.0))
    off = [search.options(still, dearer) for dearer in _DEARER]
    on = [search.options(works, dearer) for dearer in _DEARER]
    leave = np.ones(len(steps)) if duty.economizer is None else duty.economizer
    can = (leave > 0.5)[:, None, None]
    starts = [_starts(problem, steps, o) & can for o in off]
    stays = [_stays(problem, o) & can for o in on]
    none = [np.ones_like(o.money, dtype=bool) for o in on]
    ways = (
        (_way(off, [~s for s in starts]), _way(off, starts)),
        (_way(on, none), _way(on, stays)),
    )
    hours = np.diff(steps, append=problem.grid.steps) * problem.grid.step_h
    turns = _cheapest(ways, hours, may_start=may_start)
    state, path = round(problem.world.economizer.on), []
    for k in range(len(steps)):
        after = int(turns[k, state])
        way, sources = ways[state][after], off if state == 0 else on
        path.append(sources[int(way.source[k])].setpoints(tables, k, int(way.place[k])))
        state = after
    return np.stack(path)


def _starts(problem: Problem, steps: Array, found: Options) -> Mask:
    """Where the PLC would surely start it. Shape (steps, chilled levels, condenser levels)."""
    law, wet = problem.model.economizer.switching, problem.world.wet_bulb_c[steps][:, None]
    warm = found.chw_c + found.load_kw / np.maximum(found.flow_kw_k, 1.0)
    sure = warm - SURE_K - problem.world.economizer.start_bias_k
    return np.broadcast_to(law.starts(sure, wet)[..., None], found.money.shape)


def _stays(problem: Problem, found: Options) -> Mask:
    """Where it would surely be kept."""
    law, flow = problem.model.economizer.switching, np.maximum(found.flow_kw_k, 1.0)[..., None]
    return law.stays(found.economizer_kw - SURE_K * flow, flow)


def _way(found: list[Options], allowed: list[Mask]) -> _Way:
    """The cheapest place of each step among what is allowed; endless money where nothing is."""
    flat = [np.where(a, o.money, np.inf).reshape(len(a), -1) for a, o in zip(allowed, found, strict=True)]
    least = np.stack([f.min(axis=1) for f in flat])
    place = np.stack([f.argmin(axis=1) for f in flat])
    source = least.argmin(axis=0)
    rows = np.arange(len(source))
    return _Way(least[source, rows], source, place[source, rows])


def _cheapest(
    ways: tuple[tuple[_Way, _Way], tuple[_Way, _Way]], hours: Array, *, may_start: bool
) -> NDArray[np.intp]:
    """Which state to go to from each, at each step. Shape (steps, 2). A tie changes nothing."""
    value, turns = np.zeros(2), np.zeros((len(hours), 2), dtype=np.intp)
    for k in range(len(hours) - 1, -1, -1):
        cost = np.array([[ways[s][to].money[k] * hours[k] + value[to] for to in (0, 1)] for s in (0, 1)])
        if not may_start:
            cost[0, 1] = np.inf
        turns[k] = [int(cost[0, 1] < cost[0, 0]), int(cost[1, 1] <= cost[1, 0])]
        # Where every option would start it, off is what nobody can choose.
        value = np.array([cost[s, turns[k, s]] for s in (0, 1)])
    return turns
