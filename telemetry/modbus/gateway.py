"""A Modbus gateway: the points behind one connection, read in blocks, written one by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from plant.commands import Command, Receipt, Refused
from plant.gateways import Gateway
from plant.points import ModbusAddress, Point, PointId
from plant.ports import Clock
from plant.quantities import Quantity
from plant.readings import Quality, Reading, missing
from plant.units import unit
from telemetry.complaints import Complaints
from telemetry.health import DeviceHealth, DevicePatience
from telemetry.modbus.link import SILENT, Fault, FaultKind, ModbusLink, Words
from telemetry.modbus.writing import is_counter, set_point
from telemetry.registers import Block, decode, plan_blocks, registers_of, split
from telemetry.registers.blocks import modbus_address

_TOO_MUCH_ASKED = frozenset({FaultKind.ILLEGAL_ADDRESS, FaultKind.ILLEGAL_VALUE, FaultKind.BAD_ANSWER})
"""Answers to a block of which only a part exists."""
_MOST_PLANS = 32


class ModbusGateway:
    """One gateway and the devices behind it. Satisfies `PointReader` and `PointWriter`.

    Parameters
    ----------
    gateway : Gateway
        Target, time-outs, retries, gap limit, TLS.
    points : sequence of Point
        Those of the site that live here (others are ignored).
    clock : Clock
        Stamps the readings.

    Raises
    ------
    ConfigError
        If the target or the certificates are not usable.
    """

    def __init__(self, gateway: Gateway, points: Iterable[Point], clock: Clock) -> None:
        self.gateway = gateway
        self._points = {p.id: p for p in points if self.serves(p)}
        self._clock = clock
        self._link = ModbusLink(gateway, random.Random(gateway.id))
        self._plans: dict[tuple[PointId, ...], list[Block]] = {}
        self._patience: dict[int, DevicePatience] = {}
        self._written: dict[PointId, float] = {}
        self._writing = asyncio.Lock()
        self._complaints = Complaints(gateway.id)

    def serves(self, point: Point) -> bool:
        """Whether the point lives on this gateway."""
        return isinstance(point.address, ModbusAddress) and point.address.gateway == self.gateway.id

    @property
    def health(self) -> tuple[DeviceHealth, ...]:
        """Every device asked so far."""
        return tuple(self._patience[device].health for device in sorted(self._patience))

    async def read(self, points: Sequence[Point]) -> list[Reading]:
        """One reading a point, in order. A device that does not answer gives `MISSING`."""
        found: dict[PointId, Reading] = {}
        plan = self._plan(points)
        devices = {block.device_id for block in plan}
        # Those that failed last time are asked last, so that they keep nobody waiting.
        for device in sorted(devices, key=lambda d: (self._device(d).suspect, d)):
            fault = await self._read_device(device, plan, found)
            if fault is not None and fault.kind is FaultKind.NOT_CONNECTED:
                break
        now = self._clock.now()
        return [found.get(p.id) or missing(p.id, now) for p in points]

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        """Write setpoints one by one, each read back. Anything but a setpoint is refused."""
        receipts: list[Receipt] = []
        async with self._writing:
            for command in commands:
                receipts.append(await self._write_one(command))  # noqa: PERF401 one at a time
        return receipts

    async def look(self, point: Point) -> Words | str:
        """The raw registers of a point, or why there are none. For the probe."""
        address = modbus_address(point)
        count = registers_of(address.type)
        tries = self.gateway.retries + 1
        answer = await self._link.read(address.table, address.device_id, address.address, count, tries=tries)
        return str(answer) if isinstance(answer, Fault) else answer

    async def look_aside(self, point: Point, step: int) -> float | None:
        """What the point would read ``step`` registers further, in the inside unit. For the probe."""
        address = modbus_address(point)
        if not 0 <= address.address + step <= 65535:
            return None
        words = await self.look(replace(point, address=replace(address, address=address.address + step)))
        return None if isinstance(words, str) else unit(point.unit).to_inside(decode(address, words))

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _read_device(
        self, device: int, plan: list[Block], found: dict[PointId, Reading]
    ) -> Fault | None:
        patience = self._device(device)
        if not patience.ready():
            return None
        tries = 1 if patience.suspect else self.gateway.retries + 1
        todo = [block for block in plan if block.device_id == device]
        while todo:
            block = todo.pop(0)
            answer = await self._link.read(block.table, device, block.start, block.count, tries=tries)
            if not isinstance(answer, Fault):
                patience.succeeded()
                self._take(block, answer, found)
            elif answer.kind in SILENT:
                if answer.kind is not FaultKind.NOT_CONNECTED:  # the link has its own patience
                    patience.failed(str(answer))
                return answer
            elif answer.kind in _TOO_MUCH_ASKED and len(block.points) > 1:
                halves = split(block)
                if block in plan:  # another read may have split it meanwhile
                    at = plan.index(block)
                    plan[at : at + 1] = halves  # remembered: the next poll does not ask in vain
                todo[:0] = halves
            else:  # the device answers, and does not give these
                for point in block.points:
                    self._complaints.note(point.id, f"{answer} at {block.table.value} {block.start}")
        return None

    def _take(self, block: Block, words: Words, found: dict[PointId, Reading]) -> None:
        now = self._clock.now()
        for point in block.points:
            address = modbus_address(point)
            at = address.address - block.start
            mine = words[at : at + registers_of(address.type)]
            value = unit(point.unit).to_inside(decode(address, mine, counter=is_counter(point)))
            quality = Quality.GOOD if value == value else Quality.NOT_AVAILABLE
            found[point.id] = Reading(point.id, now, value, quality)
            self._complaints.note(point.id, "")

    async def _write_one(self, command: Command) -> Receipt:
        point = self._points.get(command.point)
        if point is None:
            return Refused(command, f"gateway {self.gateway.id} has no point {command.point}")
        recently = self._written_ago_s(point)
        written = await set_point(
            self._link, point, command, tries=self.gateway.retries + 1, written_ago_s=recently
        )
        if written.sent:
            self._written[point.id] = self._clock.now().timestamp()
        return written.receipt

    def _written_ago_s(self, point: Point) -> float | None:
        """Seconds since the last write where that is too recent for another, else None."""
        last = self._written.get(point.id)
        if last is None or point.quantity is Quantity.HEARTBEAT:
            return None
        ago = self._clock.now().timestamp() - last
        return ago if ago < self.gateway.min_write_interval_s else None

    def _device(self, device: int) -> DevicePatience:
        if device not in self._patience:
            self._patience[device] = DevicePatience(f"{self.gateway.id}/{device}")
        return self._patience[device]

    def _plan(self, points: Sequence[Point]) -> list[Block]:
        key = tuple(p.id for p in points)
        if key not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            mine = [p for p in points if p.id in self._points]
            self._plans[key] = list(plan_blocks(mine, self.gateway.gap_limit))
        return self._plans[key]
