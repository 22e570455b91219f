"""A plant in this process as a gateway: replay and tests without a wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from plant.commands import Command, Confirmed, Receipt, Refused
from plant.errors import BrokenPromise
from plant.points import Point, PointId
from plant.ports import Plant
from plant.quantities import Role
from plant.readings import Reading, missing
from telemetry.health import DeviceHealth


class InProcessGateway:
    """A stepped plant. Satisfies `PointReader` and `PointWriter`.

    Parameters
    ----------
    plant : Plant
        What is stepped.
    start : datetime
        The instant it begins at.
    points : iterable of Point, optional
        The site's points; where given, a write to anything but a setpoint among them, or outside
        its possible range, is refused, as a real gateway would.
    """

    def __init__(self, plant: Plant, start: datetime, points: Iterable[Point] = ()) -> None:
        self._plant = plant
        self._now = start
        self._points = {p.id: p for p in points}
        self._queued: dict[PointId, Command] = {}
        self._readings = {r.point: r for r in plant.reset(start)}

    @property
    def now(self) -> datetime:
        """The instant the plant has come to."""
        return self._now

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """Nothing that could fail."""
        return ()

    def serves(self, point: Point) -> bool:
        """Every point: one plant is the whole site."""
        return True

    def advance_to(self, instant: datetime) -> None:
        """Apply what was written and let the plant run until ``instant``.

        Raises
        ------
        BrokenPromise
            If the instant has passed.
        """
        seconds = (instant - self._now).total_seconds()
        if seconds < 0:
            raise BrokenPromise(f"a plant does not go back from {self._now} to {instant}")
        if seconds == 0:
            return
        commands = tuple(self._queued.values())
        self._queued.clear()
        self._readings = {r.point: r for r in self._plant.advance(commands, seconds)}
        self._now = instant

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """The readings at the instant the plant has come to."""
        return [self._readings.get(p.id) or missing(p.id, self._now) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """Queue commands for the next advance; the last one for a point counts."""
        return [self._write_one(command) for command in commands]

    async def close(self) -> None:
        """Nothing to close."""

    def _write_one(self, command: Command) -> Receipt:
        if self._points:
            point = self._points.get(command.point)
            if point is None:
                return Refused(command, f"there is no point {command.point}")
            if point.role is not Role.SETPOINT:
                return Refused(command, f"{point.id} is a {point.role}; only setpoints are written")
            low, high = point.facts.low, point.facts.high
            if not low <= command.value <= high:
                return Refused(command, f"{command.value:g} is outside {low:g} to {high:g}")
        self._queued[command.point] = command
        return Confirmed(command, command.value)
