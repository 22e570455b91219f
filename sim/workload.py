"""Workload: how busy the servers of each zone are. Seeded, the same whoever asks and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from sim.arrays import Array

_DAY_S = 86_400
_SLOT_S = 300
_SLOTS = _DAY_S // _SLOT_S


class WorkloadSource(Protocol):
    """Where utilization comes from."""

    def at(self, unix_s: Array) -> Array:
        """Utilization of each zone at instants. Shape (instants, zones). 0 to 1. [-]"""
        ...


@dataclass(frozen=True)
class ConstantWorkload:
    """The same work for ever, for tests."""

    utilization: tuple[float, ...]

    def at(self, unix_s: Array) -> Array:
        """The same work at every instant."""
        return np.tile(np.asarray(self.utilization), (np.size(unix_s), 1))


@dataclass(frozen=True)
class DiurnalWorkload:
    """Web traffic by day and week, batch jobs in steps, and noise; one mix for each zone.

    Even zones lean to web, odd ones to batch. A day's values come from the seed and the date
    alone, so any instant can be asked in any order.
    """

    zones: int
    seed: int
    utc_offset_h: float = 0.0
    timezone: str | None = None
    """People's clock, with its summer time, in place of a fixed offset: an IANA name."""

    def at(self, unix_s: Array) -> Array:
        """Utilization at instants, linear between 5-minute values."""
        unix = np.atleast_1d(np.asarray(unix_s, float))
        out = np.empty((unix.size, self.zones))
        days = np.floor_divide(unix, _DAY_S).astype(int)
        for day in np.unique(days):
            mine = days == day
            table = _day(self, int(day))
            slot = (unix[mine] - day * _DAY_S) / _SLOT_S
            for zone in range(self.zones):
                out[mine, zone] = np.interp(slot, np.arange(_SLOTS + 1), table[:, zone])
        return out

    def offset_h(self, day: int) -> float:
        """Of a UTC day, as the clock stands at its noon: clocks change in one of its nights. [h]"""
        if self.timezone is None:
            return self.utc_offset_h
        noon = datetime.fromtimestamp((day + 0.5) * _DAY_S, ZoneInfo(self.timezone))
        return (noon.utcoffset() or timedelta()).total_seconds() / 3600


@lru_cache(maxsize=64)
def _day(work: DiurnalWorkload, day: int) -> Array:
    """One day at 5-minute points, the next midnight included. Shape (289, zones)."""
    today, tomorrow = (_raw(work.zones, work.seed, work.offset_h(d), d) for d in (day, day + 1))
    return np.vstack([today, tomorrow[:1]])


def _raw(zones: int, seed: int, utc_offset_h: float, day: int) -> Array:
    rng = np.random.default_rng([seed, 0xB0B, day])
    hour = (np.arange(_SLOTS) * _SLOT_S / 3600 + utc_offset_h) % 24
    local_day = day + (utc_offset_h < 0) * -1
    weekend = (local_day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    # Low before dawn, high in the evening; the usual shape of interactive traffic.
    web = 0.55 + 0.22 * np.sin((hour - 10.0) / 24 * 2 * np.pi) + 0.06 * np.sin((hour - 7.0) / 12 * 2 * np.pi)
    web = web * (0.88 if weekend else 1.0)
    out = np.empty((_SLOTS, zones))
    for zone in range(zones):
        batch = _batch(rng)
        web_share = 0.8 if zone % 2 == 0 else 0.45
        jitter = np.convolve(rng.standard_normal(_SLOTS + 12), np.ones(12) / 12, mode="valid")[:_SLOTS]
        out[:, zone] = web_share * web + (1 - web_share) * batch + 0.02 * jitter
    return np.asarray(np.clip(out, 0.03, 0.98))


def _batch(rng: np.random.Generator) -> Array:
    """Jobs of some hours: a base and rectangular steps."""
    load = np.full(_SLOTS, 0.45)
    for _ in range(rng.integers(2, 6)):
        start, length = rng.integers(0, _SLOTS), rng.integers(12, 72)
        load[start : start + length] += rng.uniform(0.1, 0.35)
    return np.asarray(np.minimum(load, 0.98))
