"""A register map's own mistakes, found before anything is asked of a device."""

from __future__ import annotations

from collections import defaultdict

from plant.errors import ConfigError
from plant.points import GatewayId, ModbusAddress, ModbusTable, Point, RegisterType
from plant.quantities import Role
from plant.site import Site
from telemetry.registers.blocks import modbus_address
from telemetry.registers.codec import registers_of

_BITS = (ModbusTable.COIL, ModbusTable.DISCRETE)
_READ_ONLY = (ModbusTable.INPUT, ModbusTable.DISCRETE)


def check_register_map(site: Site) -> None:
    """Refuse a map in which two points claim one register, or a point cannot be what it says.

    Bits of one register may share it.

    Raises
    ------
    ConfigError
        Naming the site file, both points and the mend.
    """
    file = f"site file {site.source_file}" if site.source_file else f"site {site.id}"
    points = [p for p in site.points if isinstance(p.address, ModbusAddress)]
    for point in points:
        _check_one(file, point)
    tables: dict[tuple[GatewayId, int, ModbusTable], list[Point]] = defaultdict(list)
    for point in points:
        address = modbus_address(point)
        tables[(address.gateway, address.device_id, address.table)].append(point)
    for table in tables.values():
        _check_overlaps(file, table)


def _check_one(file: str, point: Point) -> None:
    address = modbus_address(point)
    where = f"{file}, point {point.id}"
    if address.scale == 0:
        raise ConfigError(where, "has scale 0", "give the factor from raw to the point's unit")
    if address.table in _BITS and (address.type is not RegisterType.BOOL or address.bit is not None):
        raise ConfigError(where, f"is a {address.type} in the {address.table} table", "use type bool")
    if address.address + registers_of(address.type) > 65536:
        raise ConfigError(where, "reaches past register 65535", "correct its address")
    if address.values and address.type in (RegisterType.FLOAT32, RegisterType.FLOAT64, RegisterType.BOOL):
        raise ConfigError(where, f"is an enumeration in a {address.type}", "use an integer type")
    if address.values and (address.scale, address.offset) != (1.0, 0.0):
        raise ConfigError(where, "is an enumeration with a scale", "leave out scale and offset")
    if address.bit is not None and registers_of(address.type) > 1:
        raise ConfigError(where, f"is one bit of a {address.type}", "use type uint16 or bool with the bit")
    if point.role is Role.SETPOINT and address.table in _READ_ONLY:
        raise ConfigError(
            where, f"is a setpoint in the read-only {address.table} table", "use a holding register or a coil"
        )


def _check_overlaps(file: str, table: list[Point]) -> None:
    ordered = sorted(table, key=lambda p: modbus_address(p).address)
    furthest: Point | None = None
    for point in ordered:
        if furthest is not None and _overlap(furthest, point):
            a, b = modbus_address(furthest), modbus_address(point)
            raise ConfigError(
                f"{file}, point {point.id}",
                f"{_registers(b)} overlaps {_registers(a)} of point {furthest.id}"
                f" (gateway {b.gateway}, device {b.device_id}, {b.table})",
                "correct the address or the type of one of them",
            )
        if furthest is None or _end(point) >= _end(furthest):
            furthest = point


def _overlap(first: Point, second: Point) -> bool:
    a, b = modbus_address(first), modbus_address(second)
    if b.address >= _end(first):
        return False
    bits_of_one = a.bit is not None and b.bit is not None and a.address == b.address
    return not (bits_of_one and a.bit != b.bit)


def _end(point: Point) -> int:
    address = modbus_address(point)
    return address.address + registers_of(address.type)


def _registers(address: ModbusAddress) -> str:
    last = address.address + registers_of(address.type) - 1
    return f"register {address.address}" if last == address.address else f"registers {address.address}-{last}"
