"""The Protocols the packages meet at. Each has one or two methods; fakes are a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from plant.commands import Command, Receipt
from plant.forecast import CarbonSeries, Forecast, PriceSeries, WeatherSeries
from plant.plan import NoPlan, Plan
from plant.points import Point
from plant.readings import Reading
from plant.setpoints import Setpoints
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid


class Clock(Protocol):
    """Time, handed in: wall, accelerated or simulated."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return once ``instant`` has come (at once if it has passed)."""
        ...


class PointReader(Protocol):
    """Where readings come from. A device fault is a reading with bad quality, not an exception."""

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading for each point asked, in order, in inside units."""
        ...


class PointWriter(Protocol):
    """Where setpoints go. A device fault is a receipt, not an exception."""

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """Write and read back, one receipt for each command, in order."""
        ...


class Plant(Protocol):
    """A facility that can be stepped: the bundled simulator, EnergyPlus, an FMU, yours."""

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin at ``start`` and give the first readings."""
        ...

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Apply the commands, let ``seconds`` pass, give the readings at the end."""
        ...


@dataclass(frozen=True)
class Advice:
    """A policy's answer: setpoints for now, and the plan behind them where it made one."""

    setpoints: Setpoints
    reason: str
    plan: Plan | None = None


PolicyAnswer: TypeAlias = Advice | NoPlan


class Policy(Protocol):
    """Snapshot + forecast → setpoints. `fixed`, `trim-and-respond`, `mpc`."""

    @property
    def name(self) -> str:
        """The policy's name, as users type it."""
        ...

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """What this policy would set now. Must not block on I/O."""
        ...


class CarbonFeed(Protocol):
    """Carbon intensity, history and forecast."""

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """Intensity on a grid; gaps are NaN."""
        ...


class WeatherFeed(Protocol):
    """Outdoor air, past and to come."""

    async def weather(self, grid: TimeGrid) -> WeatherSeries:
        """Dry and wet bulb on a grid; gaps are NaN."""
        ...


class PriceFeed(Protocol):
    """Energy price."""

    async def price(self, grid: TimeGrid) -> PriceSeries:
        """Price on a grid."""
        ...
