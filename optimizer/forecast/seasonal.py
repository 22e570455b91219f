"""A daily or weekly shape, and how the site departs from it: one forecast for load and weather alike."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from optimizer.forecast.clocks import as_clocks_stand
from plant.forecast import Array, Band
from plant.timegrid import TimeGrid

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_BIN_S = 900
_STILL_NEWS_S = 3600
_LEAST_STD_SHARE = 0.1
_LAGS = (1, 2, 4, 8, 16, 32, 64, 96)
_PRIOR_STRETCHES = 6.0


@dataclass(frozen=True)
class Past:
    """A series up to now: times in epoch seconds (ascending), values with NaN for gaps."""

    time_s: Array
    value: Array

    def known(self) -> Past:
        """Without the gaps."""
        there = ~np.isnan(self.value)
        return Past(self.time_s[there], self.value[there])


@dataclass(frozen=True)
class Habit:
    """How a series behaves: length of the shape, how long the unusual lasts, how far back to look."""

    memory_s: float
    days: int
    weekly: bool
    least_std: float
    clocks: ZoneInfo | None = None
    """Whose hours and weekdays the shape goes by; None: the sun's."""

    def shown(self, at: float, time_s: Array) -> Array:
        """Times that say by the clocks, as they stand ``at`` a time, which hour of which day it was."""
        return time_s if self.clocks is None else as_clocks_stand(at, time_s, self.clocks)


def expect(past: Past, now: float, grid: TimeGrid, habit: Habit) -> Band:
    """Expected values and spread on a grid.

    mean(h) = now + β(h) · (shape(t) − shape(now)) − γ(h) · (now − shape(now)): how much the usual
    course is followed and how much of the unusual is gone, regressed by time ahead on the site's own
    past (prior: β = 1, γ = 1 − exp(−h / memory)). The spread is what such forecasts were off by there.
    The shape goes by the habit's clocks; h, memory and how far back is looked are time that passed.

    Parameters
    ----------
    past : Past
        Nothing later than the grid's start counts.
    now : float
        The present value, NaN where it is not known. Then the last value of the past hour is used.

    Returns
    -------
    Band
        NaN throughout where there is neither past nor present.
    """
    start = grid.start.timestamp()
    times = np.asarray(start + grid.step_s * (np.arange(grid.steps) + 0.5), float)
    recent = past.known()
    inside = (recent.time_s < start) & (recent.time_s >= start - habit.days * _DAY_S)
    recent = Past(recent.time_s[inside], recent.value[inside])
    if not recent.value.size:
        return Band(np.full(grid.steps, now), np.full(grid.steps, habit.least_std))
    known_at = start
    if now != now and recent.time_s[-1] > start - _STILL_NEWS_S:
        now, known_at = float(recent.value[-1]), float(recent.time_s[-1])
    period = _WEEK_S if habit.weekly and _span_s(recent) >= 2 * _WEEK_S else _DAY_S
    seen = Past(habit.shown(start, recent.time_s), recent.value)
    shape = _shape(seen, period)
    ahead_s = times - start
    learned = _answers(recent, _usual_elsewhere(seen, period), habit)
    read = _read(shape, habit.shown(start, np.append(times, known_at)), period)
    usual, usual_now = read[:-1], float(read[-1])
    if now != now:
        now = usual_now
    mean = now + learned.at(ahead_s, learned.follow) * (usual - usual_now)
    mean = mean - learned.at(ahead_s, learned.forget) * (now - usual_now)
    return Band(mean, np.maximum(learned.at(ahead_s, learned.spread), habit.least_std))


@dataclass(frozen=True)
class _Answers:
    """By time ahead: how much of the shape's course is followed, of the unusual forgotten, and the spread."""

    ahead_s: Array
    follow: Array
    forget: Array
    spread: Array

    def at(self, ahead_s: Array, values: Array) -> Array:
        """One of them at other times ahead."""
        return np.asarray(np.interp(ahead_s, self.ahead_s, values))


def _answers(past: Past, usual: Array, habit: Habit) -> _Answers:
    """Regress what came on what was usual then, by what the other days say.

    The spread is half the 97.7 % quantile of the absolute error, not the second moment: loads step,
    and a plan keeps two of these away from a limit.
    """
    ahead_s = np.array(_LAGS) * float(_BIN_S)
    forget = 1 - np.exp(-ahead_s / habit.memory_s)
    std = max(float(np.std(past.value - usual)), habit.least_std)
    if len(past.value) < 2 * _LAGS[-2]:
        grown = np.sqrt(1 - np.exp(-2 * ahead_s / habit.memory_s))
        spread = std * np.maximum(grown, _LEAST_STD_SHARE)
        return _Answers(ahead_s, np.ones_like(ahead_s), forget, np.asarray(spread))
    rows = [
        _regress(past, usual, lag, gone, habit.least_std) for lag, gone in zip(_LAGS, forget, strict=True)
    ]
    follow, forget, spread = (np.array(column) for column in zip(*rows, strict=True))
    return _Answers(ahead_s, follow, forget, spread)


def _regress(past: Past, usual: Array, lag: int, gone: float, least_std: float) -> tuple[float, float, float]:
    """β, γ and the spread at one lag. Far ahead few stretches are independent, and the prior counts more."""
    passed = past.time_s[lag:] - past.time_s[:-lag]
    near = (passed < 1.5 * lag * _BIN_S) & (passed > 0.5 * lag * _BIN_S)
    change = (past.value[lag:] - past.value[:-lag])[near]
    course = (usual[lag:] - usual[:-lag])[near]
    unusual = (usual[:-lag] - past.value[:-lag])[near]
    x = np.column_stack([course, unusual])
    square = x.T @ x
    share = _PRIOR_STRETCHES * lag * _BIN_S / max(_span_s(past), 1.0)
    weight = share * np.diag(np.diag(square)) + 1e-9 * np.eye(2)
    prior = np.array([1.0, gone])
    found = np.linalg.solve(square + weight, x.T @ change + weight @ prior).clip(0.0, 1.0)
    if not change.size:
        return 1.0, gone, least_std
    spread = float(np.quantile(np.abs(change - x @ found), 0.977)) / 2
    return float(found[0]), float(found[1]), max(spread, least_std)


def _usual_elsewhere(past: Past, period: int) -> Array:
    """What the other periods (days, or weeks) say is usual at each sample's time of the period.

    A sample that shaped what it is compared with would make forecasts look better than they are.
    """
    which = (past.time_s // period).astype(int)
    usual = np.empty_like(past.value)
    for one in np.unique(which):
        mine = which == one
        others = Past(past.time_s[~mine], past.value[~mine])
        usual[mine] = _read(_shape(others if others.value.size else past, period), past.time_s[mine], period)
    return usual


def _span_s(past: Past) -> float:
    return float(past.time_s[-1] - past.time_s[0])


def _shape(past: Past, period_s: int) -> Array:
    """Mean by quarter hour of the period; unseen quarters are bridged, and neighbors averaged."""
    bins = period_s // _BIN_S
    index = ((past.time_s % period_s) // _BIN_S).astype(int)
    count = np.bincount(index, minlength=bins)
    total = np.bincount(index, weights=past.value, minlength=bins)
    seen = count > 0
    where = np.arange(bins)
    mean = np.asarray(np.interp(where, where[seen], total[seen] / count[seen], period=bins), float)
    return np.asarray((np.roll(mean, 1) + 2 * mean + np.roll(mean, -1)) / 4)


def _read(shape: Array, time_s: Array, period_s: int) -> Array:
    position = (time_s % period_s) / _BIN_S - 0.5
    return np.asarray(np.interp(position, np.arange(len(shape)), shape, period=len(shape)))
