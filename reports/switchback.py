"""Randomized switchback: which blocks run as found and which under control, drawn by seed beforehand.

Blocks come in pairs of the same kind of day (and hour), one of each arm in random order, so that weather
and week do not favor an arm. The schedule is a pure function of its seed: whoever runs it and whoever
analyses it get the same one, and nobody can choose it afterwards.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from plant.errors import ConfigError

METHOD_VERSION = "switchback/1"
_DAY_H = 24
_SATURDAY = 5


class Arm(StrEnum):
    """How a block is run."""

    BASELINE = "baseline"
    """Every lever where the site had it before us."""
    CONTROL = "control"
    """The plan is applied."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block, UTC; `stratum` is what it was paired by."""

    start: datetime
    end: datetime
    arm: Arm
    stratum: str


@dataclass(frozen=True)
class Schedule:
    """A drawn schedule. After each switch `washout_h` hours belong to neither arm."""

    seed: int
    timezone: str
    block_h: int
    washout_h: float
    blocks: tuple[Block, ...]
    method_version: str = METHOD_VERSION

    @property
    def id(self) -> str:
        """Hash of the whole schedule: publish it before the first block."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    @cached_property
    def _starts(self) -> list[datetime]:
        return [b.start for b in self.blocks]

    @cached_property
    def pairs(self) -> tuple[int, ...]:
        """For each block the number of the pair it was drawn in: the unit of randomization."""
        numbers: dict[tuple[str, int], int] = {}
        found: dict[int, int] = {}
        for stratum in dict.fromkeys(b.stratum for b in self.blocks):
            members = [i for i, b in enumerate(self.blocks) if b.stratum == stratum]
            for place, block in enumerate(members):
                found[block] = numbers.setdefault((stratum, place // 2), len(numbers))
        return tuple(found[i] for i in range(len(self.blocks)))

    def block_at(self, instant: datetime) -> int | None:
        """Number of the block an instant lies in; None before the first and after the last."""
        number = bisect_right(self._starts, instant) - 1
        inside = number >= 0 and instant < self.blocks[number].end
        return number if inside else None

    def arm_at(self, instant: datetime) -> Arm | None:
        """What the plant is to run under; None outside the schedule."""
        number = self.block_at(instant)
        return None if number is None else self.blocks[number].arm

    def counts(self, instant: datetime) -> bool:
        """Whether an instant counts: inside a block and not in the washout after a switch.

        The first block counts as a switch too: nobody says what was before it.
        """
        number = self.block_at(instant)
        if number is None:
            return False
        first = number
        while first > 0 and self.blocks[first - 1].arm is self.blocks[number].arm:
            first -= 1
        return instant >= self.blocks[first].start + timedelta(hours=self.washout_h)

    def to_json(self) -> str:
        """The schedule as JSON; `from_json` reads it back equal."""
        blocks = [[b.start.isoformat(), b.end.isoformat(), b.arm.value, b.stratum] for b in self.blocks]
        plain = {
            "seed": self.seed,
            "timezone": self.timezone,
            "block_h": self.block_h,
            "washout_h": self.washout_h,
            "method_version": self.method_version,
            "blocks": blocks,
        }
        return json.dumps(plain, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Read what `to_json` wrote."""
        d = json.loads(text)
        blocks = tuple(
            Block(datetime.fromisoformat(a), datetime.fromisoformat(b), Arm(arm), stratum)
            for a, b, arm, stratum in d["blocks"]
        )
        return cls(d["seed"], d["timezone"], d["block_h"], d["washout_h"], blocks, d["method_version"])


def draw_schedule(
    first_day: date,
    days: int,
    timezone: str,
    *,
    seed: int,
    block_h: int = _DAY_H,
    washout_h: float = 2.0,
) -> Schedule:
    """Draw a schedule.

    Parameters
    ----------
    first_day : date
        First local day.
    days : int
        How many days.
    block_h : int
        Length of a block on the local clock; divides 24. A block that holds a change of the clocks is
        an hour shorter or longer. [h]
    washout_h : float
        What is dropped after each switch. [h]

    Raises
    ------
    ConfigError
        If blocks do not divide a day, the washout eats half a block, or no two days are of a kind.
    """
    if block_h < 1 or _DAY_H % block_h:
        raise ConfigError("switchback block", f"of {block_h} h does not divide a day", "use 6, 8, 12 or 24 h")
    if not 0 <= washout_h < block_h / 2:
        raise ConfigError("switchback washout", f"of {washout_h:g} h eats the blocks", "use longer blocks")
    _refuse_without_pairs(first_day, days)
    spans = _spans(first_day, days, ZoneInfo(timezone), block_h)
    arms = _paired([stratum for _, _, stratum in spans], np.random.default_rng(seed))
    blocks = tuple(Block(a, b, arm, stratum) for (a, b, stratum), arm in zip(spans, arms, strict=True))
    return Schedule(seed, timezone, block_h, washout_h, blocks)


def _refuse_without_pairs(first: date, days: int) -> None:
    """Blocks are paired across days of a kind: without two such days every arm would be a coin's toss."""
    kinds = [_kind(first + timedelta(days=i)) for i in range(max(days, 3))]
    if len(set(kinds[:days])) < days:
        return
    needed = next(n for n in (2, 3) if len(set(kinds[:n])) < n)
    raise ConfigError(
        "switchback schedule",
        f"of {days} d from {first.isoformat()} has no pair of blocks (the same hours of two workdays or of "
        "two weekend days)",
        f"use {needed} days or more",
    )


def _spans(first: date, days: int, zone: ZoneInfo, block_h: int) -> list[tuple[datetime, datetime, str]]:
    """Start, end and stratum of every block."""
    blocks = [
        (day, hour)
        for day in (first + timedelta(days=i) for i in range(days))
        for hour in range(0, _DAY_H, block_h)
    ]
    return [
        (_at(day, hour, zone), _at(day, hour + block_h, zone), f"{_kind(day)} {hour:02d}h")
        for day, hour in blocks
    ]


def _kind(day: date) -> str:
    return "weekend" if day.weekday() >= _SATURDAY else "workday"


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    shifted = day + timedelta(days=hour // _DAY_H)
    return datetime.combine(shifted, time(hour % _DAY_H), zone).astimezone(UTC)


def _paired(strata: list[str], rng: np.random.Generator) -> list[Arm]:
    """One of each arm in every two successive blocks of a stratum; a last odd one by a coin."""
    arms: list[Arm | None] = [None] * len(strata)
    for stratum in dict.fromkeys(strata):
        members = [i for i, s in enumerate(strata) if s == stratum]
        for one, two in zip(members[::2], [*members[1::2], None], strict=False):
            flipped = bool(rng.integers(2))
            arms[one] = Arm.CONTROL if flipped else Arm.BASELINE
            if two is not None:
                arms[two] = Arm.BASELINE if flipped else Arm.CONTROL
    return [arm for arm in arms if arm is not None]
