"""The ceiling: how good could setpoints be, with the plant itself as the model and the future known?

A direct search over whole-day setpoint paths; each candidate is run in the simulator. It knows no
law of the plant, only what paths cost. From every start (what the rivals did, the levers held,
the best constant setpoints) bumps of some hours are tried in many places of the day at once; what
a bump costs is counted in its own window. Improvements are put together, and their shape is learned
as in CMA-ES (Hansen, arXiv 1604.00772): drawn steps follow the covariance of those that helped.

A direct search finds no proof: the ceiling is the best anybody found, never worse than its starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.ceiling_rollout import PERIOD_S, Array, Money, Rolled, Rollouts, ramped

VIOLATION_PER_K_H = 100.0
"""What a kelvin-hour above the planning limit costs, as the planner prices it. [currency]"""
_PER_HOUR = 3600 // PERIOD_S
_PHASES = 6
"""Bumps of one rollout are so many hours apart: what they do has faded before the next. [h]"""
_WIDTHS_H = (1.0, 2.0, 3.0)
_EVERY_WHOLE_DAY = 8
"""Every so many generations the steps are of the whole day."""
_BEFORE_H, _LOW_SIZE, _HIGH_SIZE = 3, 0.002, 0.3
_ALONE_SHARE = 0.4
"""Share of candidates that move one lever only."""

RoomPrice = Callable[[Array], Array]
"""What paths (paths, periods, levers) owe for missing room, by period: a price of other conditions."""


@dataclass(frozen=True)
class Effort:
    """How long the search goes on: generations, and candidates in each."""

    constant: int = 16
    each_start: int = 50
    best: int = 300
    candidates: int = 48


@dataclass(frozen=True)
class Question:
    """One day to optimize: where the plant stands, what things cost, what inlets must keep to."""

    rollouts: Rollouts
    money: Money
    room: RoomPrice | None = None

    def paths(self, targets: Array) -> Array:
        """Targets as the levers may go."""
        return ramped(self.rollouts.site, self.rollouts.present, targets)

    def costs(self, paths: Array) -> Array:
        """Cost of each period of ramped paths, penalties inside. Shape (paths, periods)."""
        rolled = self.rollouts.roll(paths)
        costs = self.money.of(rolled.facility_kwh, rolled.water_l) + self.penalties(rolled)
        return costs if self.room is None else costs + self.room(paths)

    def penalties(self, rolled: Rolled) -> Array:
        """What inlets above the planning limit cost."""
        limit = np.array([z.limits.planning_max_c for z in self.rollouts.site.zones])
        over = np.maximum((rolled.inlet_c - limit).max(axis=-1), rolled.peak_c - limit.max())
        over = np.maximum(over, 0.0)
        return np.asarray(VIOLATION_PER_K_H * over * PERIOD_S / 3600)


@dataclass
class _Walk:
    """A search on its way: the path so far, its cost by period, and how steps are drawn."""

    path: Array
    costs: Array
    size: float = 0.04
    spread: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def total(self) -> float:
        """Cost of the whole path."""
        return float(self.costs.sum())


def best_path(
    question: Question, starts: Sequence[Array], effort: Effort, seed: int, final: Question | None = None
) -> tuple[Array, float]:
    """The cheapest path found, ramped, (periods, levers), and its cost with penalties.

    The last part of the search, and all that is compared at its end, is on `final` where given: the
    same question in finer physics.
    """
    rng = np.random.default_rng([seed, 0xCE11])
    held = np.broadcast_to(question.rollouts.present, starts[0].shape)
    paths = question.paths(np.stack([*starts, held]))
    walks = _begun(question, paths)
    walks.append(_constant(question, min(walks, key=lambda w: w.total), effort, rng))
    for walk in walks:
        for generation in range(effort.each_start):
            _generation(question, walk, effort, generation, rng)
    if final is not None:
        question = final
        walks = _begun(final, np.concatenate([np.stack([w.path for w in walks]), paths]))
    best = min(walks, key=lambda w: w.total)
    for generation in range(effort.best):
        _generation(question, best, effort, generation, rng)
    return best.path, best.total


def _begun(question: Question, paths: Array) -> list[_Walk]:
    levers = len(question.rollouts.site.levers)
    costs = question.costs(paths)
    return [_Walk(p, c, spread=np.eye(levers)) for p, c in zip(paths, costs, strict=True)]


def _spans(question: Question) -> Array:
    return np.array([v.high - v.low for v in question.rollouts.site.levers])


def _constant(question: Question, start: _Walk, effort: Effort, rng: np.random.Generator) -> _Walk:
    """The best setpoints that never move, by an evolution strategy around the start's mean."""
    spans, periods = _spans(question), len(start.path)
    low = np.array([v.low for v in question.rollouts.site.levers])
    mean, size = (start.path.mean(axis=0) - low) / spans, 0.2
    best = _Walk(start.path, start.costs, spread=np.eye(len(spans)))
    for _ in range(effort.constant):
        drawn = np.clip(mean + size * rng.standard_normal((effort.candidates, len(spans))), 0.0, 1.0)
        targets = np.broadcast_to((low + drawn * spans)[:, None], (len(drawn), periods, len(spans)))
        paths = question.paths(targets)
        costs = question.costs(paths)
        order = np.argsort(costs.sum(axis=1))
        mean = drawn[order[: len(order) // 4]].mean(axis=0)
        size *= 0.85
        if best.path is start.path or costs[order[0]].sum() < best.total:
            best.path, best.costs = paths[order[0]], costs[order[0]]
    return best


def _generation(
    question: Question, walk: _Walk, effort: Effort, generation: int, rng: np.random.Generator
) -> None:
    """Bumps at every sixth hour of the day, tried at once; what helps is put together and kept."""
    hours = len(walk.path) // _PER_HOUR
    if generation % _EVERY_WHOLE_DAY:
        centers = np.arange(float(generation * 5 % min(_PHASES, hours)), hours + 1, _PHASES)
        shape = _bumps(len(walk.path), centers, _WIDTHS_H[generation % len(_WIDTHS_H)])
    else:
        centers, shape = np.array([hours / 2]), np.ones((1, len(walk.path)))
    shares, sizes = _drawn(walk, effort.candidates, len(centers), rng)
    steps = shares * _spans(question)
    paths = question.paths(walk.path + np.einsum("wt,nwl->ntl", shape, steps))
    costs = question.costs(paths)
    gained = _windowed(walk.costs - costs, centers)
    winners = gained.argmax(axis=0)
    helps = np.take_along_axis(gained, winners[None], axis=0)[0] > 1e-6
    _learn(walk, shares, gained, sizes[winners[helps]])
    if helps.any():
        chosen = steps[winners, np.arange(len(centers))] * helps[:, None]
        together = np.stack([k * chosen for k in (0.5, 1.0, 1.5, 2.0)])
        joined = question.paths(walk.path + np.einsum("wt,nwl->ntl", shape, together))
        _keep(walk, joined, question.costs(joined))
    _keep(walk, paths, costs)


def _bumps(periods: int, centers: Array, width_h: float) -> Array:
    """Tents around hours of the day. Shape (centers, periods)."""
    hour = (np.arange(periods) + 0.5) / _PER_HOUR
    away = np.abs(hour - centers[:, None])
    return np.asarray(np.clip(1.5 * (1.0 - away / width_h), 0.0, 1.0))


def _drawn(walk: _Walk, count: int, windows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Steps in shares of each lever's range (count, windows, levers), and their sizes (count,)."""
    levers = len(walk.spread)
    root = np.linalg.cholesky(walk.spread + 1e-6 * np.eye(levers))
    steps = rng.standard_normal((count, windows, levers)) @ root.T
    alone = rng.random((count, windows)) < _ALONE_SHARE
    only = np.eye(levers)[rng.integers(0, levers, (count, windows))]
    steps = np.where(alone[..., None], steps * only * 1.5, steps)
    sizes = walk.size * np.exp(0.7 * rng.standard_normal((count, 1, 1)))
    return np.asarray(sizes * steps), sizes[:, 0, 0]


def _windowed(gain: Array, centers: Array) -> Array:
    """Gain by period as gain by window, from before a bump until the next begins. Shape (paths, windows)."""
    edges = np.clip((centers - _BEFORE_H) * _PER_HOUR, 0, gain.shape[1])
    edges[0] = 0
    return np.asarray(np.add.reduceat(gain, edges.astype(int), axis=1))


def _learn(walk: _Walk, shares: Array, gained: Array, helped: Array) -> None:
    """Steps become as large as those that helped, smaller where none did, and turn to where they helped."""
    toward = np.log(helped).mean() if helped.size else np.log(walk.size) - 1.0
    walk.size = float(np.clip(walk.size**0.8 * np.exp(0.2 * toward), _LOW_SIZE, _HIGH_SIZE))
    count = max(len(gained) // 6, 1)
    best = np.argsort(-gained, axis=0)[:count]
    found = np.take_along_axis(shares, best[..., None], axis=0).reshape(-1, shares.shape[-1])
    scale = np.sqrt((found**2).sum(axis=1, keepdims=True)) + 1e-12
    turned = (found / scale).T @ (found / scale) / len(found) * shares.shape[-1]
    walk.spread = 0.9 * walk.spread + 0.1 * turned


def _keep(walk: _Walk, paths: Array, costs: Array) -> None:
    """Go on from the cheapest, if it is cheaper."""
    best = int(costs.sum(axis=1).argmin())
    if costs[best].sum() < walk.total:
        walk.path, walk.costs = paths[best], costs[best]
