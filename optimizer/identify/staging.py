"""When a PLC starts another chiller and when it stops one, learned from when it did.

It starts the next where those that run are loaded beyond `up_share` of what they are rated for, and stops
one where the others would be loaded below `down_share`. ASHRAE Guideline 36 §5.20.4 stages by such part-load
ratios, each held for a time. Between the two lies what it did before: a pump and a machine's own losses, for
hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plant.forecast import Array

RUNS_ABOVE_KW = 5.0
"""Load for which a machine starts at all."""
_UP, _UP_STD, _DOWN, _DOWN_STD = 0.95, 0.08, 0.85, 0.08
_EVENT_STD = 0.025
_WORST = 9.0
"""Most that one event may weigh: some starts have another reason, water that got too warm."""
_GAP = 0.01
_FORGOTTEN_S, _HELD_S, _SETTLED_S = 14 * 86_400.0, 900.0, 1800.0
_SHARES = np.arange(0.40, 1.255, 0.005)


@dataclass(frozen=True)
class StagingLaw:
    """The PLC's rule, and the machines it stages: `number` of `unit_kw`, or of `units_kw` in their order."""

    number: int
    unit_kw: float
    units_kw: tuple[float, ...] = ()
    up_share: float = _UP
    down_share: float = _DOWN
    starts_seen: int = 0
    stops_seen: int = 0

    def able_kw(self, running: ArrayLike) -> Array:
        """What so many machines are rated for together."""
        n = np.asarray(running, float)
        if not self.units_kw:
            return np.asarray(n * self.unit_kw)
        return np.asarray(np.interp(n, np.arange(self.number + 1), self._together))

    def fewest(self, load_kw: ArrayLike) -> Array:
        """The fewest it leaves running at a load."""
        return self._needed(load_kw, self.up_share)

    def most(self, load_kw: ArrayLike) -> Array:
        """The most it leaves running at a load."""
        return self._needed(load_kw, self.down_share)

    def running(self, load_kw: ArrayLike, before: ArrayLike | None = None) -> Array:
        """How many run at a load where so many ran ``before``; halfway between the two where nobody knows."""
        if before is None:
            return self._needed(load_kw, (self.up_share + self.down_share) / 2)
        # The fewest last: a machine too many is stopped later than one too few is started.
        kept = np.minimum(np.asarray(before, float), self.most(load_kw))
        return np.asarray(np.maximum(kept, self.fewest(load_kw)))

    def _needed(self, load_kw: ArrayLike, share: float) -> Array:
        q = np.asarray(load_kw, float)
        if self.units_kw:
            needed = np.searchsorted(self._together[1:], q / share) + 1.0
        else:
            needed = np.ceil(q / (share * self.unit_kw))
        return np.where(q < RUNS_ABOVE_KW, 0.0, np.clip(needed, 1, max(self.number, 1)))

    @property
    def _together(self) -> Array:
        return np.concatenate([[0.0], np.cumsum(self.units_kw)])


@dataclass(frozen=True)
class Staged:
    """What telemetry saw: machines running and the load on them, step by step. Shapes (samples,)."""

    count: Array
    load_kw: Array
    step_s: float


def learn_staging(seen: Staged, blank: StagingLaw) -> StagingLaw:
    """The two shares that fit each start, each stop, and every hour in which nothing turned."""
    n, q = np.round(seen.count), seen.load_kw
    known = ~np.isnan(seen.count) & ~np.isnan(q) & (np.abs(seen.count - n) < 0.01) & (n >= 1)
    used = _share(q, blank.able_kw(n))
    spared = np.where(n > 1, _share(q, blank.able_kw(n - 1)), np.nan)
    steps, hour = max(1, round(_HELD_S / seen.step_s)), max(1, round(3600 / seen.step_s))
    starts, stops = (_turns(n, known, way) for way in (1, -1))
    quiet = _quiet(n, known, round(_SETTLED_S / seen.step_s))
    age = np.exp(-(len(n) - np.arange(len(n))) * seen.step_s / _FORGOTTEN_S)
    # What it starts on lasts minutes, what it stops on a quarter of an hour.
    low = _rolling_max(spared, steps)
    up = ((_SHARES - _UP) / _UP_STD) ** 2
    down = ((_SHARES - _DOWN) / _DOWN_STD) ** 2
    for k in starts:
        up += age[k] * _counted(_SHARES - np.nanmax(used[max(k - 1, 0) : k + 1]))
    for k in stops:
        lasted = low[max(k - 1, 0) : k + 1]
        if not np.isnan(lasted).all():  # else it stopped before anything had lasted
            down += age[k] * _counted(np.nanmin(lasted) - _SHARES)
    for begin in range(0, len(n), hour):
        part = slice(begin, begin + hour)
        more = used[part][quiet[part] & (n[part] < blank.number)]
        fewer = low[part][quiet[part] & (n[part] > 1)]
        if more.size:
            up += age[begin] * _counted(np.nanmax(more) - _SHARES)
        if fewer.size and not np.isnan(fewer).all():
            down += age[begin] * _counted(_SHARES - np.nanmin(fewer))
    up_share, down_share = _lowest(up, down)
    return StagingLaw(
        blank.number, blank.unit_kw, blank.units_kw, up_share, down_share, len(starts), len(stops)
    )


def _share(load_kw: Array, able_kw: Array) -> Array:
    return np.asarray(load_kw / np.where(able_kw > 0, able_kw, np.nan))


def _turns(n: Array, known: NDArray[np.bool_], way: int) -> list[int]:
    """The last whole step before each start (+1) or stop (-1); one mixed step may lie between."""
    whole = np.flatnonzero(known)
    near = np.diff(whole) <= 2
    turned = np.sign(np.diff(n[whole])) == way
    return [int(k) for k in whole[:-1][near & turned]]


def _quiet(n: Array, known: NDArray[np.bool_], settled: int) -> NDArray[np.bool_]:
    """Where nothing turned for a while before, nor turns in the step after."""
    changed = ~known
    changed[1:] |= known[1:] & known[:-1] & (n[1:] != n[:-1])
    since = np.arange(len(n)) - np.maximum.accumulate(np.where(changed, np.arange(len(n)), -1))
    calm_after = np.append(~changed[1:], True)
    return np.asarray(known & (since > settled) & calm_after)


def _rolling_max(values: Array, steps: int) -> Array:
    """The highest of the last so many; NaN where one of them is."""
    padded = np.concatenate([np.full(steps - 1, np.nan), values])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, steps).max(axis=-1))


def _counted(wrong: Array) -> Array:
    """Cost of being wrong by so much, for each share that is tried."""
    return np.nan_to_num(np.minimum((np.maximum(wrong, 0.0) / _EVENT_STD) ** 2, _WORST))


def _lowest(up: Array, down: Array) -> tuple[float, float]:
    """The cheapest pair of which the one for stops is the lower."""
    both = up[:, None] + down[None, :]
    both[_SHARES[None, :] > _SHARES[:, None] - _GAP] = np.inf
    i, j = np.unravel_index(int(np.argmin(both)), both.shape)
    return float(_SHARES[i]), float(_SHARES[j])
