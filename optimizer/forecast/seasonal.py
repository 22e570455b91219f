"""A daily shape plus what is unusual now, which fades: one forecast for load and weather alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.forecast import Array, Band
from plant.timegrid import TimeGrid

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_BIN_S = 900
_STILL_NEWS_S = 3600
_LEAST_STD_SHARE = 0.1
_LAGS = (1, 2, 4, 8, 16, 32, 64)


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


def expect(past: Past, now: float, grid: TimeGrid, habit: Habit) -> Band:
    """Expected values and spread on a grid.

    mean(h) = shape(t) + (now − shape(now)) · exp(−h / memory); the spread is what such forecasts
    were off by in the past.

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
    shape = _shape(recent, period)
    residual = recent.value - _read(shape, recent.time_s, period)
    unusual = 0.0 if now != now else now - float(_read(shape, np.array([known_at]), period)[0])
    fade = np.exp(-(times - start) / habit.memory_s)
    spread = _spread(recent.time_s, residual, times - start, habit)
    return Band(_read(shape, times, period) + unusual * fade, spread)


def _spread(time_s: Array, residual: Array, ahead_s: Array, habit: Habit) -> Array:
    """How far such forecasts were off in the past, by time ahead, as a standard deviation.

    Half the 97.7 % quantile of the absolute error, not the second moment: loads step, and a plan
    keeps two of these away from a limit.
    """
    std = max(float(np.std(residual)), habit.least_std)
    if len(residual) < 2 * _LAGS[-1]:
        grown = np.sqrt(1 - np.exp(-2 * ahead_s / habit.memory_s))
        return np.asarray(std * np.maximum(grown, _LEAST_STD_SHARE))
    found = []
    for lag in _LAGS:
        passed = time_s[lag:] - time_s[:-lag]
        error = residual[lag:] - residual[:-lag] * np.exp(-passed / habit.memory_s)
        near = passed < 1.5 * lag * _BIN_S
        found.append(float(np.quantile(np.abs(error[near]), 0.977)) / 2 if near.any() else std)
    lags_s = np.array(_LAGS) * float(_BIN_S)
    return np.asarray(np.maximum(np.interp(ahead_s, lags_s, found), habit.least_std))


def _span_s(past: Past) -> float:
    return float(past.time_s[-1] - past.time_s[0])


def _shape(past: Past, period_s: int) -> Array:
    """Mean by quarter hour of the period; unseen quarters are bridged, and neighbours averaged."""
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
