"""Reading blocks: many points in few requests, since one register costs as much as 125."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plant.points import ModbusAddress, ModbusTable, Point
from telemetry.registers.codec import registers_of

MOST_REGISTERS = 125
MOST_BITS = 2000
"""What one request may ask for (MODBUS Application Protocol V1.1b3, 6.1 to 6.4)."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of one table of one device, and the points that lie in it."""

    device_id: int
    table: ModbusTable
    start: int
    count: int
    points: tuple[Point, ...]


def modbus_address(point: Point) -> ModbusAddress:
    """The point's Modbus address; it is a mistake to ask for one that has none."""
    if not isinstance(point.address, ModbusAddress):
        raise TypeError(f"point {point.id} has no Modbus address")
    return point.address


def plan_blocks(points: Iterable[Point], gap_limit: int) -> tuple[Block, ...]:
    """Group points into blocks that may read up to ``gap_limit`` unused registers in a row.

    Points may share a register (bits of a status word). The order is by device, table and address.
    """
    ordered = sorted(
        points, key=lambda p: (modbus_address(p).device_id, _table(p), modbus_address(p).address, p.id)
    )
    blocks: list[Block] = []
    run: list[Point] = []
    for point in ordered:
        if run and not _joins(run, point, gap_limit):
            blocks.append(_block(run))
            run = []
        run.append(point)
    if run:
        blocks.append(_block(run))
    return tuple(blocks)


def split(block: Block) -> tuple[Block, ...]:
    """Halves of a block a device would not answer, so that one bad address costs only itself."""
    middle = len(block.points) // 2
    return tuple(_block(list(half)) for half in (block.points[:middle], block.points[middle:]) if half)


def _table(point: Point) -> str:
    return modbus_address(point).table.value


def _end(point: Point) -> int:
    address = modbus_address(point)
    return address.address + registers_of(address.type)


def _joins(run: list[Point], point: Point, gap_limit: int) -> bool:
    first, new = modbus_address(run[0]), modbus_address(point)
    if (first.device_id, first.table) != (new.device_id, new.table):
        return False
    end = max(_end(p) for p in run)
    most = MOST_BITS if new.table in (ModbusTable.COIL, ModbusTable.DISCRETE) else MOST_REGISTERS
    return new.address - end <= gap_limit and max(end, _end(point)) - first.address <= most


def _block(run: list[Point]) -> Block:
    first = modbus_address(run[0])
    end = max(_end(p) for p in run)
    return Block(first.device_id, first.table, first.address, end - first.address, tuple(run))
