"""The field: every gateway of a site as one reader and writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from plant.commands import Command, Receipt, Refused
from plant.gateways import Gateway, GatewayKind
from plant.points import Point, PointId
from plant.ports import Clock
from plant.readings import Reading, missing
from plant.site import Site
from telemetry.exporter import ExporterGateway
from telemetry.health import DeviceHealth
from telemetry.modbus import ModbusGateway
from telemetry.prometheus import PrometheusGateway
from telemetry.registers import check_register_map


class FieldGateway(Protocol):
    """A `PointReader` and `PointWriter` that knows which points are its own."""

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """Every device asked so far."""
        ...

    def serves(self, point: Point) -> bool:
        """Whether the point lives on this gateway."""
        ...

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading for each point, in order."""
        ...

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """One receipt for each command, in order."""
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


GatewayMaker = Callable[[Gateway, Iterable[Point], Clock], FieldGateway]

GATEWAYS: Mapping[GatewayKind, GatewayMaker] = MappingProxyType(
    {
        GatewayKind.MODBUS: ModbusGateway,
        GatewayKind.PROMETHEUS: PrometheusGateway,
        GatewayKind.EXPORTER: ExporterGateway,
    }
)
"""One line a kind: the place to register another protocol."""


def open_gateways(site: Site, clock: Clock) -> tuple[FieldGateway, ...]:
    """Every gateway of the site, in the file's order. Nothing is connected yet.

    Must be called where an event loop runs.

    Raises
    ------
    ConfigError
        If the register map, a target, a certificate or a secret is not usable.
    """
    check_register_map(site)
    return tuple(GATEWAYS[g.kind](g, site.points, clock) for g in site.gateways)


_NEVER = datetime.fromtimestamp(0, UTC)


class Field:
    """A site's gateways together. Satisfies `PointReader` and `PointWriter`.

    Gateways are asked at the same time; a point that none serves is `MISSING`.
    """

    def __init__(self, site: Site, gateways: Sequence[FieldGateway]) -> None:
        self.site = site
        self.gateways = tuple(gateways)
        self._owner: dict[PointId, int] = {}
        for point in site.points:
            for i, gateway in enumerate(self.gateways):
                if gateway.serves(point):
                    self._owner[point.id] = i
                    break

    def points_of(self, gateway: FieldGateway) -> tuple[Point, ...]:
        """The site's points that live on this gateway."""
        at = self.gateways.index(gateway)
        return tuple(p for p in self.site.points if self._owner.get(p.id) == at)

    def gateway_of(self, point: Point) -> FieldGateway | None:
        """The gateway a point lives on."""
        at = self._at(point.id)
        return self.gateways[at] if at >= 0 else None

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """Every device of every gateway asked so far: for metrics, alarms and the console."""
        return tuple(device for gateway in self.gateways for device in gateway.health)

    async def read_all(self) -> list[Reading]:
        """Read every point of the site, in the site's order. A point without a source is left out."""
        return await self.read([p for p in self.site.points if p.id in self._owner])

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading for each point, in order."""
        groups: dict[int, list[Point]] = {}
        for point in points:
            groups.setdefault(self._at(point.id), []).append(point)
        asked = [i for i in groups if i >= 0]
        answers = await asyncio.gather(*(self.gateways[i].read(groups[i]) for i in asked))
        found = {reading.point: reading for readings in answers for reading in readings}
        return [found.get(p.id) or missing(p.id, _NEVER) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """One receipt for each command, in order. Gateways write at the same time, each in order."""
        groups: dict[int, list[int]] = {}
        for n, command in enumerate(commands):
            groups.setdefault(self._at(command.point), []).append(n)
        receipts: dict[int, Receipt] = {
            n: Refused(commands[n], f"no gateway serves {commands[n].point}") for n in groups.pop(-1, [])
        }
        answers = await asyncio.gather(
            *(self.gateways[i].write([commands[n] for n in ns]) for i, ns in groups.items())
        )
        for ns, answer in zip(groups.values(), answers, strict=True):
            receipts.update(zip(ns, answer, strict=True))
        return [receipts[n] for n in range(len(commands))]

    async def close(self) -> None:
        """Close every gateway."""
        for gateway in self.gateways:
            await gateway.close()

    def _at(self, point: PointId) -> int:
        return self._owner.get(point, -1)
