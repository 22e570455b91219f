"""Records of a switchback: what a person wishes for, the run that was started, and why one was not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from controller.two_person import NotOpen, SamePerson
from plant.site import Site
from reports.switchback import Schedule, draw_schedule


@dataclass(frozen=True, slots=True)
class Wish:
    """What one person asks for and another agrees to. `first_day` is local."""

    first_day: date
    days: int
    block_h: int
    washout_h: float
    seed: int

    def drawn(self, timezone: str) -> Schedule:
        """The schedule that follows from it.

        Raises
        ------
        ConfigError
            If there is none, for example because blocks do not divide a day.
        """
        return draw_schedule(
            self.first_day,
            self.days,
            timezone,
            seed=self.seed,
            block_h=self.block_h,
            washout_h=self.washout_h,
        )

    def payload(self) -> dict[str, Any]:
        """The wish as JSON; `wish_of` reads it back."""
        return {
            "first_day": self.first_day.isoformat(),
            "days": self.days,
            "block_h": self.block_h,
            "washout_h": self.washout_h,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A schedule that was started. It is over after its last block, or when somebody stopped it."""

    id: str
    schedule: Schedule
    by: str
    started_at: datetime
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    reason: str | None = None

    def over(self, at: datetime) -> bool:
        """Whether it no longer says what to run."""
        return self.stopped_at is not None or at >= self.schedule.blocks[-1].end


@dataclass(frozen=True, slots=True)
class Busy:
    """Another schedule is running or about to."""

    run: Run


StartAnswer: TypeAlias = Run | Busy | SamePerson | NotOpen


def wish_of(what: Mapping[str, Any]) -> Wish:
    """The wish that `Wish.payload` wrote down."""
    return Wish(
        date.fromisoformat(what["first_day"]),
        int(what["days"]),
        int(what["block_h"]),
        float(what["washout_h"]),
        int(what["seed"]),
    )


def settling_h(site: Site, cycle_s: float) -> float:
    """How long a switch takes: the slowest lever's way, one move a control period, and an hour. [h]"""
    ways = (
        max(abs(lever.high - lever.as_found), abs(lever.as_found - lever.low)) / lever.max_move
        for lever in site.levers
    )
    return math.ceil(10 * (max(ways, default=0.0) * cycle_s / 3600 + 1)) / 10


def first_day_after(at: datetime, timezone: str) -> date:
    """The next local day."""
    return at.astimezone(ZoneInfo(timezone)).date() + timedelta(days=1)
