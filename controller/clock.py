"""Clocks: the wall's, an accelerated one for a simulated site, and one that a replay turns by hand."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from plant.errors import ConfigError


@dataclass(frozen=True, slots=True)
class WallClock:
    """The real time. Only `wiring` makes one."""

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        """Sleep until ``instant``."""
        await asyncio.sleep(max(0.0, (instant - self.now()).total_seconds()))


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """Plant time that runs `speed` times as fast as the wall: ``start + (wall - epoch) * speed``."""

    start: datetime
    epoch_wall_s: float
    speed: float

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.speed <= 0:
            raise ConfigError(
                "accelerated clock",
                "needs a start with a time zone and a positive speed",
                "give for example 2026-07-20T00:00:00Z,1753000000,240",
            )

    @classmethod
    def parse(cls, text: str) -> AcceleratedClock:
        """From ``START,EPOCH_WALL,SPEED`` as the simulator announces them."""
        try:
            start, epoch, speed = text.split(",")
            return cls(datetime.fromisoformat(start), float(epoch), float(speed))
        except ValueError:
            raise ConfigError(
                f"accelerated clock {text!r}",
                "is not START,EPOCH_WALL,SPEED",
                "give for example 2026-07-20T00:00:00Z,1753000000,240",
            ) from None

    def now(self) -> datetime:
        """The present plant instant, UTC."""
        return self.start + timedelta(seconds=(time.time() - self.epoch_wall_s) * self.speed)

    async def sleep_until(self, instant: datetime) -> None:
        """Sleep until plant time reaches ``instant``."""
        await asyncio.sleep(max(0.0, (instant - self.now()).total_seconds() / self.speed))


@dataclass(slots=True)
class SimulatedClock:
    """A clock that stands still until it is turned: replay's time."""

    _now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """The present simulated instant."""
        return self._now

    async def sleep_until(self, instant: datetime) -> None:
        """Jump to ``instant`` at once (never backwards)."""
        self.turn_to(instant)

    def turn_to(self, instant: datetime) -> None:
        """Set the time, never backwards."""
        self._now = max(self._now, instant)
