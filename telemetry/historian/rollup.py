"""Sums over equal intervals: what was counted, and how much of what should have been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.historian.chunks import GOOD, SUBSTITUTED, Samples

WIDTHS_S = (900, 3600)
_DAY_MS = 86_400_000

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rolled:
    """One row an interval that has samples. `mean`, `low`, `high` are NaN where none is usable."""

    start_s: NDArray[np.int64]
    samples: NDArray[np.int64]
    good: NDArray[np.int64]
    usable: NDArray[np.int64]
    low: Array
    high: Array
    mean: Array

    def rows(self, width_s: int, point: int) -> Iterator[dict[str, object]]:
        """As rows of the rollup table."""
        columns = (self.start_s, self.samples, self.good, self.usable, self.low, self.high, self.mean)
        for start, samples, good, usable, low, high, mean in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            yield {
                "width_s": width_s,
                "point": point,
                "start_s": start,
                "samples": samples,
                "good": good,
                "usable": usable,
                "low": low if usable else None,
                "high": high if usable else None,
                "mean": mean if usable else None,
            }


def roll(samples: Samples, width_s: int) -> Rolled:
    """Count, extremes and mean of usable samples over multiples of ``width_s``."""
    if not len(samples):
        nothing, none = np.zeros(0, np.int64), np.zeros(0)
        return Rolled(nothing, nothing, nothing, nothing, none, none, none)
    slot = samples.ms // (1000 * width_s)
    first = np.flatnonzero(np.diff(slot, prepend=slot[:1] - 1))
    usable = samples.usable
    counts = np.diff(first, append=len(samples))
    n_usable = np.add.reduceat(usable.astype(np.int64), first)
    total = np.add.reduceat(np.where(usable, samples.value, 0.0), first)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n_usable
    return Rolled(
        start_s=slot[first] * width_s,
        samples=counts.astype(np.int64),
        good=np.add.reduceat((usable & (samples.quality == GOOD)).astype(np.int64), first),
        usable=n_usable,
        low=np.minimum.reduceat(np.where(usable, samples.value, np.inf), first),
        high=np.maximum.reduceat(np.where(usable, samples.value, -np.inf), first),
        mean=mean,
    )


def minute_means(samples: Samples) -> Samples:
    """One sample a minute: the mean of its usable ones, at the minute's start.

    Good where any was good, substituted where only such were usable, else as the minute's last.
    """
    rolled = roll(samples, 60)
    last = np.cumsum(rolled.samples) - 1
    quality = np.where(rolled.usable > 0, np.where(rolled.good > 0, GOOD, SUBSTITUTED), samples.quality[last])
    return Samples(rolled.start_s * 1000, rolled.mean, quality.astype(np.uint8))


def on_grid(samples: Samples, start_s: int, step_s: int, steps: int) -> tuple[Array, Array]:
    """Mean of usable samples and measured share per step. Each of shape (steps,).

    A step without a usable sample is NaN: nothing is carried over a gap.
    """
    mean, share = np.full(steps, np.nan), np.zeros(steps)
    if not len(samples):
        return mean, share
    at = (samples.ms // 1000 - start_s) // step_s
    inside = (at >= 0) & (at < steps)
    at = at[inside]
    usable = samples.usable[inside]
    good = usable & (samples.quality[inside] == GOOD)
    total = np.bincount(at[usable], samples.value[inside][usable], steps)
    n_usable = np.bincount(at[usable], minlength=steps)
    np.divide(total, n_usable, out=mean, where=n_usable > 0)
    n_rows = np.bincount(at, minlength=steps)
    expected = np.maximum(
        n_rows, np.floor(step_s * 1000 / _period_ms(samples, start_s, step_s, steps) + 0.01)
    )
    share = np.bincount(at[good], minlength=steps) / np.maximum(expected, 1)
    return mean, share


def _period_ms(samples: Samples, start_s: int, step_s: int, steps: int) -> Array:
    """How often the point was sampled around each step: the median gap of that UTC day. Shape (steps,)."""
    day_of_sample = samples.ms // _DAY_MS
    day_of_step = (start_s + step_s * np.arange(steps, dtype=np.int64)) * 1000 // _DAY_MS
    overall = float(np.median(np.diff(samples.ms))) if len(samples) > 1 else step_s * 1000.0
    period = np.full(steps, max(overall, 1.0))
    for day in np.unique(day_of_step):
        a, b = np.searchsorted(day_of_sample, [day, day + 1])
        if b - a > 2:
            period[day_of_step == day] = max(float(np.median(np.diff(samples.ms[a:b]))), 1.0)
    return period
