"""Bringing what a provider tells onto the grid that was asked for, gaps and all."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from plant.timegrid import TimeGrid


@dataclass(frozen=True, slots=True)
class Interval:
    """A value that holds from `start` for `length_s` seconds."""

    start: datetime
    length_s: float
    value: float


def onto_grid(intervals: Sequence[Interval], grid: TimeGrid) -> NDArray[np.float64]:
    """Time-weighted mean in each step. Shape (steps,).

    A step that is covered by less than half is NaN. Nothing is held beyond its own interval, so a
    provider that answers a question about yesterday with the present fills nothing. Of intervals
    that begin together the last one counts.
    """
    known = {i.start.timestamp(): i for i in intervals if math.isfinite(i.value)}
    starts = sorted(known)
    out = np.full(grid.steps, np.nan)
    begin = grid.start.timestamp()
    for step in range(grid.steps):
        a, b = begin + step * grid.step_s, begin + (step + 1) * grid.step_s
        weight = total = 0.0
        for n in range(max(0, bisect.bisect_right(starts, a) - 1), len(starts)):
            at = starts[n]
            if at >= b:
                break
            ends = at + known[at].length_s
            if n + 1 < len(starts):
                ends = min(ends, starts[n + 1])
            shared = min(b, ends) - max(a, at)
            if shared > 0:
                weight += shared
                total += shared * known[at].value
        if weight >= grid.step_s / 2:
            out[step] = total / weight
    return out


def with_lengths(values: Sequence[tuple[datetime, float]], *, most_s: float = 3600.0) -> list[Interval]:
    """Instants as intervals: each holds until the next, for ``most_s`` at the longest.

    The usual distance is taken for the last one.
    """
    if not values:
        return []
    ordered = sorted(values)
    gaps = [(after[0] - before[0]).total_seconds() for before, after in pairwise(ordered)]
    usual = min(sorted(gaps)[len(gaps) // 2], most_s) if gaps else most_s
    return [
        Interval(at, min(gap, usual), value) for (at, value), gap in zip(ordered, [*gaps, usual], strict=True)
    ]
