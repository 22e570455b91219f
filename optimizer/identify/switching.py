"""When a PLC starts and stops the water-side economizer, learned from when it did.

It starts where the return water is warmer than the wet bulb by a span, which falls as the wet bulb
rises, for towers come nearer to it in warm air, and where fewer chillers run, for less water then goes
over the tower (`share` is how many of them run, of all):

    T_return − T_wb > start_k + start_per_k · (10 °C − T_wb) − start_per_share_k · (1 − share)

and stops where the exchanger cools the return water by less than `stop_k`. ASHRAE Guideline 36 §5.20.3
predicts the exchanger from the wet bulb in the same way, tunes the slope as it runs, stops below some
1 K, and keeps both for 20 minutes. Between the two lies what it did before: kelvins of span, in which
a plan that forgets it is wrong by a chiller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plant.forecast import Array

Mask: TypeAlias = NDArray[np.bool_]
Steps: TypeAlias = NDArray[np.intp]

REFERENCE_C = 10.0
_START_K, _START_STD_K = 9.0, 3.0
"""Tower approach 5 K + exchanger approach 2 K + Guideline 36's 2 K, and how unsure that is."""
_START_PER_SHARE_K, _START_PER_SHARE_STD_K = 5.0, 2.5
"""A tower's approach is about as much less as there is less water on it."""
_START_PER_K, _START_PER_STD = 0.2, 0.15
"""Guideline 36 begins with 0.2 and lets itself be tuned up to 0.5."""
_STOP_K, _STOP_STD_K = 1.0, 0.5
_LEAST_S, _LEAST_SPAN_K = 1200.0, 1.0
_EVENT_STD_K = 0.4
_FORGOTTEN_S = 14 * 86_400.0
_WARM_UP_S = 2400.0
"""Time the tower takes to come down after a start; what the exchanger does until then says nothing."""
_A = np.linspace(1.0, 20.0, 96)[:, None, None]
_B = np.linspace(0.0, 0.6, 16)[:, None]
_C = np.linspace(0.0, 12.0, 13)
_S = np.linspace(0.0, 5.0, 101)


@dataclass(frozen=True)
class SwitchingLaw:
    """The PLC's rule; the fields are Guideline 36's where nothing was seen."""

    start_k: float = _START_K
    start_per_k: float = _START_PER_K
    start_per_share_k: float = _START_PER_SHARE_K
    stop_k: float = _STOP_K
    min_on_s: float = _LEAST_S
    min_off_s: float = _LEAST_S
    starts_seen: int = 0
    stops_seen: int = 0

    def start_span_k(self, wet_bulb_c: ArrayLike, share: ArrayLike = 1.0) -> Array:
        """Span of return water over the wet bulb above which it starts. [K]"""
        line = self._line_k(wet_bulb_c) - self.start_per_share_k * (1.0 - np.asarray(share, float))
        return np.asarray(np.maximum(line, _LEAST_SPAN_K))

    def slack_k(self, span_k: ArrayLike, wet_bulb_c: ArrayLike) -> Array:
        """How far a span is above the line with every chiller running; −inf where it never starts. [K]"""
        span = np.asarray(span_k, float)
        return np.where(span > _LEAST_SPAN_K, span - self._line_k(wet_bulb_c), -np.inf)

    def _line_k(self, wet_bulb_c: ArrayLike) -> Array:
        return np.asarray(self.start_k + self.start_per_k * (REFERENCE_C - np.asarray(wet_bulb_c, float)))

    def starts(self, return_c: ArrayLike, wet_bulb_c: ArrayLike, share: ArrayLike = 1.0) -> Mask:
        """Whether the PLC would start it."""
        span = np.asarray(return_c, float) - np.asarray(wet_bulb_c, float)
        return np.asarray(span > self.start_span_k(wet_bulb_c, share))

    def stays(self, heat_kw: ArrayLike, flow_kw_k: ArrayLike) -> Mask:
        """Whether the PLC would let it run, by what it takes from the return water while it runs."""
        cooled = np.asarray(heat_kw, float) / np.maximum(np.asarray(flow_kw_k, float), 1e-6)
        return np.asarray(cooled > self.stop_k)

    def after(self, on: Array, since_s: Array, starts: Mask, stays: Mask) -> Array:
        """Whether it runs next (1 or 0) where it is `on` or not, and has been so for that long."""
        wanted = np.where(on > 0.5, stays, starts)
        least = np.where(on > 0.5, self.min_on_s, self.min_off_s)
        return np.where(since_s >= least, wanted, on).astype(float)


TEXTBOOK = SwitchingLaw()


@dataclass(frozen=True)
class Watched:
    """What telemetry saw of it. Arrays (samples,), NaN where unknown."""

    run: Array
    span_k: Array
    wet_bulb_c: Array
    cooled_k: Array
    """Heat taken over flow."""
    share: Array
    """How many of the chillers run; 1 where nobody says."""
    step_s: float


def learn_switching(seen: Watched) -> tuple[SwitchingLaw, tuple[str, ...]]:
    """The rule that fits the starts, the stops and every step in between, and what speaks against it."""
    known = ~(np.isnan(seen.run) | np.isnan(seen.span_k) | np.isnan(seen.wet_bulb_c))
    on, off = known & (seen.run > 0.99), known & (seen.run < 0.01)
    starts, stops = _turns(off, on, known), _turns(on, off, known)
    for_s = _held_for_s(on, off, seen.step_s)
    rested = off & (for_s > _LEAST_S)
    # What starts as soon as it may was past its line before.
    a, b, c = _start_line(seen, starts[rested[starts]], rested)
    stop = _stop_k(seen, stops, on & (for_s > _WARM_UP_S))
    runs, rests = _shortest_s(starts, stops, seen.step_s)
    law = SwitchingLaw(a, b, c, stop, runs, rests, starts.size, stops.size)
    if not starts.size:
        state = "never ran" if not on.any() else "always ran" if not off.any() else "was never seen to start"
        return law, (f"the economizer {state} in the data: its enabling point is a prior",)
    return law, ()


def _turns(before: Mask, after: Mask, known: Mask) -> Steps:
    """The last step before each turn; one step in which it turned may lie between."""
    directly = before[:-1] & after[1:]
    between = before[:-2] & ~before[1:-1] & ~after[1:-1] & known[1:-1] & after[2:]
    return np.union1d(np.flatnonzero(directly), np.flatnonzero(between))


def _held_for_s(on: Mask, off: Mask, step_s: float) -> Array:
    """How long it has been as it is, up to each step's end."""
    state = np.where(on, 1, np.where(off, -1, 0))
    changed = np.flatnonzero(np.diff(state, prepend=state[:1] + 2))
    last = np.zeros(len(state), dtype=np.intp)
    last[changed] = changed
    return np.asarray((np.arange(len(state)) - np.maximum.accumulate(last) + 1) * step_s)


def _start_line(seen: Watched, starts: Steps, rested: Mask) -> tuple[float, float, float]:
    """Least squares over a grid of lines: below what started it, above all in which it stayed off.

    Late ones weigh more, for a PLC that tunes itself moves the line.
    """
    end = len(seen.run)
    cost = ((_A - _START_K) / _START_STD_K) ** 2 + ((_B - _START_PER_K) / _START_PER_STD) ** 2
    cost = cost + ((_C - _START_PER_SHARE_K) / _START_PER_SHARE_STD_K) ** 2

    def passed_k(k: int) -> Array:
        """How far a step was above each line. Shape (levels, slopes by wet bulb, by share)."""
        line = _A + _B * (REFERENCE_C - seen.wet_bulb_c[k]) - _C * (1.0 - seen.share[k])
        return np.asarray(seen.span_k[k] - line)

    def counted(k: int, wrong_k: Array) -> Array:
        weight = np.exp(-(end - k) * seen.step_s / _FORGOTTEN_S)
        return np.asarray(weight * (np.maximum(wrong_k, 0.0) / _EVENT_STD_K) ** 2)

    for k in starts:
        # Somewhere in this step or the next the line was passed.
        cost = cost + counted(k, np.minimum(-passed_k(k), -passed_k(k + 1)))
    stayed = rested.copy()
    stayed[starts] = False
    near = seen.span_k + _START_PER_K * seen.wet_bulb_c - _START_PER_SHARE_K * seen.share
    hour = max(1, round(3600 / seen.step_s))
    for begin in range(0, end, hour):
        mine = np.flatnonzero(stayed[begin : begin + hour]) + begin
        if mine.size:
            # The step of the hour in which it came nearest to starting.
            k = int(mine[np.argmax(near[mine])])
            cost = cost + counted(k, passed_k(k))
    for k in starts[(starts > 0) & stayed[np.maximum(starts - 1, 0)]]:
        cost = cost + counted(k, passed_k(k - 1))
    i, j, m = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return float(_A[i, 0, 0]), float(_B[j, 0]), float(_C[m])


def _stop_k(seen: Watched, stops: Steps, running: Mask) -> float:
    """Least the return water is cooled by before it stops: between the last two whole steps of each run.

    Where no stop was seen it is no more than what it ran on with.
    """
    ran = seen.cooled_k[running & ~np.isnan(seen.cooled_k)]
    cost = ((_S - _STOP_K) / _STOP_STD_K) ** 2
    if ran.size and not stops.size:
        return float(min(_STOP_K, np.percentile(ran, 1)))
    for k in stops[stops > 0]:
        last, before = seen.cooled_k[k], seen.cooled_k[k - 1]
        wrong = np.maximum(last - _S, 0.0) + np.maximum(_S - max(last, before), 0.0)
        cost = cost + np.nan_to_num((wrong / _EVENT_STD_K) ** 2)
    return float(_S[int(np.argmin(cost))])


def _shortest_s(starts: Steps, stops: Steps, step_s: float) -> tuple[float, float]:
    """Shortest run and rest seen, at most what Guideline 36 keeps."""

    def shortest(begins: Steps, ends: Steps) -> float:
        lengths = [float(ends[ends > k].min() - k) * step_s for k in begins if (ends > k).any()]
        return min([*lengths, _LEAST_S])

    return shortest(starts, stops), shortest(stops, starts)
