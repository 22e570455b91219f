"""The simulated PLC on the wire: a real Modbus TCP server for one gateway of the site.

Reads are answered from the last published image. Writes are taken only at setpoints and the
heartbeat, only whole, and only within the PLC's clamps; one bad value refuses the whole request.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plant.gateways import Gateway
from plant.points import ModbusAddress, ModbusTable, Point, PointId
from plant.quantities import Role
from plant.site import Site
from sim.faces.ports import endpoint, port_taken, require_free_port
from sim.faces.registers import decode, encode, width

_TABLES = (ModbusTable.COIL, ModbusTable.DISCRETE, ModbusTable.HOLDING, ModbusTable.INPUT)
_TABLE_OF_FUNCTION = {
    1: ModbusTable.COIL, 5: ModbusTable.COIL, 15: ModbusTable.COIL, 2: ModbusTable.DISCRETE,
    3: ModbusTable.HOLDING, 6: ModbusTable.HOLDING, 16: ModbusTable.HOLDING, 22: ModbusTable.HOLDING,
    23: ModbusTable.HOLDING, 4: ModbusTable.INPUT,
}  # fmt: skip
_BIT_TABLES = {ModbusTable.COIL, ModbusTable.DISCRETE}


class SetpointDesk(Protocol):
    """What the server needs of a plant: may this be written, write it, what is it now."""

    def accepts(self, point: PointId, value: float) -> bool:
        """Whether the PLC would take the value as it is."""
        ...

    def write(self, point: PointId, value: float) -> None:
        """Write it."""
        ...

    def register(self, point: PointId) -> float:
        """What the register holds now."""
        ...


@dataclass
class DeviceImage:
    """The registers of one device: what is published, and who may write where."""

    blocks: dict[ModbusTable, list[int]]
    """Register values from address 0; coils and discretes are 16 to a register."""
    writable: dict[tuple[ModbusTable, int], Point] = field(default_factory=dict)
    """First address of each point that may be written."""

    def publish(self, point: Point, value: float) -> None:
        """Put a value (inside unit) where clients read it."""
        address = point.address
        assert isinstance(address, ModbusAddress)
        block = self.blocks[address.table]
        if address.table in _BIT_TABLES:
            self._set_bit(block, address.address // 16, address.address % 16, value == 1)
        elif address.bit is not None:
            self._set_bit(block, address.address, address.bit, value == 1)
        else:
            words = encode(point, value)
            block[address.address : address.address + len(words)] = words

    @staticmethod
    def _set_bit(block: list[int], word: int, bit: int, on: bool) -> None:
        block[word] = block[word] & ~(1 << bit) | (int(on) << bit)


class ModbusFace:
    """One gateway, served. Call `publish` after each tick of the plant."""

    def __init__(self, site: Site, gateway: Gateway, desk: SetpointDesk) -> None:
        self.gateway = gateway
        self.host, self.port = endpoint(gateway)
        self._desk = desk
        self._points = tuple(
            p for p in site.points if isinstance(p.address, ModbusAddress) and p.address.gateway == gateway.id
        )
        self._images = _images(self._points)
        self._server: ModbusTcpServer | None = None

    def publish(self, values: Mapping[PointId, float]) -> None:
        """Show these values (inside units) from now on."""
        for point in self._points:
            address = point.address
            assert isinstance(address, ModbusAddress)
            self._images[address.device_id].publish(point, values[point.id])

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        require_free_port(self.host, self.port, f"modbus gateway {self.gateway.id}")
        devices = [
            SimDevice(number, simdata=_simdata(image), action=partial(self._action, image))
            for number, image in self._images.items()
        ]
        self._server = ModbusTcpServer(devices, address=(self.host, self.port))
        try:
            await self._server.serve_forever(background=True)
        except (RuntimeError, OSError) as error:
            raise port_taken(self.host, self.port, f"modbus gateway {self.gateway.id}") from error

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]

    async def _action(
        self,
        image: DeviceImage,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        table = _TABLE_OF_FUNCTION[function]
        if new is not None:
            refusal = self._take(image, table, address, new)
            if refusal is not None:
                return refusal
        published = image.blocks[table]
        # pymodbus answers from its own list: make it equal to ours before it does.
        registers[:] = published[start : start + len(registers)]
        return None

    def _take(
        self, image: DeviceImage, table: ModbusTable, address: int, new: list[int] | list[bool]
    ) -> ExcCodes | None:
        """Check everything first, then write everything."""
        wanted: list[tuple[Point, float]] = []
        at = 0
        while at < len(new):
            point = image.writable.get((table, address + at))
            if point is None:
                return ExcCodes.ILLEGAL_ADDRESS
            assert isinstance(point.address, ModbusAddress)
            size = 1 if table in _BIT_TABLES else width(point.address)
            words = [int(word) for word in new[at : at + size]]
            if len(words) < size:
                return ExcCodes.ILLEGAL_ADDRESS
            value = float(words[0]) if table in _BIT_TABLES else decode(point, words)
            if math.isnan(value) or not self._desk.accepts(point.id, value):
                return ExcCodes.ILLEGAL_VALUE
            wanted.append((point, value))
            at += size
        for point, value in wanted:
            self._desk.write(point.id, value)
            image.publish(point, self._desk.register(point.id))
        return None


def _images(points: tuple[Point, ...]) -> dict[int, DeviceImage]:
    ends: dict[int, dict[ModbusTable, int]] = {}
    for point in points:
        a = point.address
        assert isinstance(a, ModbusAddress)
        table = ends.setdefault(a.device_id, dict.fromkeys(_TABLES, 1))
        last = a.address // 16 + 1 if a.table in _BIT_TABLES else a.address + width(a)
        table[a.table] = max(table[a.table], last)
    images = {
        device: DeviceImage({table: [0] * end for table, end in tables.items()})
        for device, tables in ends.items()
    }
    for point in points:
        a = point.address
        assert isinstance(a, ModbusAddress)
        if (
            point.role is Role.SETPOINT
            and a.table in (ModbusTable.HOLDING, ModbusTable.COIL)
            and a.bit is None
        ):
            images[a.device_id].writable[a.table, a.address] = point
    return images


def _simdata(image: DeviceImage) -> tuple[list[SimData], list[SimData], list[SimData], list[SimData]]:
    """Whole tables from address 0, gaps included: as most gateways answer, so batches may bridge gaps."""
    coils, discretes, holding, inputs = (image.blocks[table] for table in _TABLES)
    return (
        [SimData(0, values=[False] * 16 * len(coils), datatype=DataType.BITS)],
        [SimData(0, values=[False] * 16 * len(discretes), datatype=DataType.BITS)],
        [SimData(0, values=list(holding), datatype=DataType.REGISTERS)],
        [SimData(0, values=list(inputs), datatype=DataType.REGISTERS)],
    )
