"""The wire between controller and plant, with the faults that show in a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from plant.commands import Command, Receipt, Refused, Unreachable
from plant.points import Point
from plant.readings import Reading
from plant.site import Site
from sim.faults import Fault, Place
from sim.faults.fault import points_hit
from telemetry.health import DeviceHealth
from telemetry.simulated import InProcessGateway

_SHOWING = frozenset({"write_timeout_executed", "write_timeout_lost", "write_refused", "gateway_timeout"})


class FaultyWire:
    """A gateway whose writes may be refused or not answered. Satisfies `FieldGateway`."""

    def __init__(self, gateway: InProcessGateway, site: Site, faults: Sequence[Fault]) -> None:
        self._gateway = gateway
        on_wire = [f for f in faults if f.place in (Place.WRITE, Place.GATEWAY) and f.kind in _SHOWING]
        self._faults = [(f, frozenset(points_hit(f, site))) for f in on_wire]

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """Of the gateway behind."""
        return self._gateway.health

    def serves(self, point: Point) -> bool:
        """Whatever the gateway behind serves."""
        return self._gateway.serves(point)

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """What the gateway behind reads: the plant has distorted it already."""
        return await self._gateway.read(points)

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """One receipt for each command, in order, as the faults in force have it."""
        return [await self._write_one(command, self._gateway.now) for command in commands]

    async def close(self) -> None:
        """Close the gateway behind."""
        await self._gateway.close()

    async def _write_one(self, command: Command, at: datetime) -> Receipt:
        kind = next((f.kind for f, points in self._faults if f.holds(at) and command.point in points), None)
        match kind:
            case "write_refused":
                return Refused(command, "exception 0x04: server device failure")
            case "write_timeout_lost" | "gateway_timeout":
                return Unreachable(command, "no answer within 2 s")
            case "write_timeout_executed":
                await self._gateway.write([command])
                return Unreachable(command, "no answer within 2 s")
            case _:
                return (await self._gateway.write([command]))[0]
