"""Writing one setpoint: read, write, read back, and only then say what became of it.

A device can refuse a write and carry it out all the same, and a write without an answer may have
been done. So nothing but the register itself is believed: the receipt says what it holds.
"""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple

from plant.commands import Command, Confirmed, Mismatch, Receipt, Refused, Unreachable
from plant.points import ModbusAddress, Point
from plant.quantities import Role
from plant.units import Dimension, unit
from telemetry.modbus.link import RETRIED, Fault, FaultKind, ModbusLink, Words
from telemetry.registers import NotRepresentable, decode, encode, registers_of
from telemetry.registers.blocks import modbus_address

_SETTLE_S = (0.1, 0.3)
"""A PLC shows a new value after its next scan; look again after these."""
_UNKNOWN = RETRIED | {FaultKind.BAD_ANSWER}


class Written(NamedTuple):
    """What became of a command, and whether anything was sent to change the register."""

    receipt: Receipt
    sent: bool


async def set_point(
    link: ModbusLink, point: Point, command: Command, *, tries: int, written_ago_s: float | None = None
) -> Written:
    """Bring a register to a value and confirm it. Never raises for the world's failures.

    A register that already holds the value is not written again: setpoints often lie in EEPROM.
    `written_ago_s` is given where the register was written too recently to be written once more.
    """
    words = _encoded(point, command)
    if isinstance(words, Refused):
        return Written(words, sent=False)
    before = await _held(link, point, tries)
    if isinstance(before, Fault):
        reason = f"nothing was written, it cannot be read: {before}"
        return Written(Unreachable(command, reason), sent=False)
    if _same(point, before, words):
        return Written(Confirmed(command, _inside(point, before)), sent=False)
    if written_ago_s is not None:
        reason = f"written {written_ago_s:.0f} s ago, sooner than its minimum interval"
        return Written(Refused(command, reason), sent=False)
    return Written(await _write_and_see(link, point, command, words, before, tries), sent=True)


async def _write_and_see(
    link: ModbusLink, point: Point, command: Command, words: Words, before: Words, tries: int
) -> Receipt:
    address = modbus_address(point)
    fault: Fault | None = None
    for _ in range(tries):
        fault = await link.write(address.table, address.device_id, address.address, words)
        held = await _settled(link, point, before, tries, wait=fault is None)
        if isinstance(held, Fault):
            return Unreachable(command, f"write: {fault or 'accepted'}; read back: {held}")
        if _same(point, held, words):
            return Confirmed(command, _inside(point, held))
        if fault is None or held != before:
            return Mismatch(command, _inside(point, held))
        if fault.kind not in _UNKNOWN:
            return Refused(command, str(fault))
    return Unreachable(command, f"{fault}; it still held {_inside(point, before):g} when read back")


def _encoded(point: Point, command: Command) -> Words | Refused:
    if point.role is not Role.SETPOINT:
        return Refused(command, f"{point.id} is a {point.role}; only setpoints are written")
    facts = point.facts
    if not facts.low <= command.value <= facts.high:  # also refuses NaN
        return Refused(command, f"{command.value:g} is outside {facts.low:g} to {facts.high:g}")
    try:
        outside = unit(point.unit).from_inside(command.value)
        return encode(modbus_address(point), outside, counter=is_counter(point))
    except NotRepresentable as error:
        return Refused(command, str(error))


def is_counter(point: Point) -> bool:
    """Whether every pattern of the register is a value, as in a heartbeat that wraps at 65535."""
    return point.facts.dimension is Dimension.COUNT


async def _held(link: ModbusLink, point: Point, tries: int) -> Words | Fault:
    address: ModbusAddress = modbus_address(point)
    count = registers_of(address.type)
    return await link.read(address.table, address.device_id, address.address, count, tries=tries)


async def _settled(link: ModbusLink, point: Point, before: Words, tries: int, *, wait: bool) -> Words | Fault:
    held = await _held(link, point, tries)
    for pause in _SETTLE_S:
        if not wait or held != before:
            break
        await asyncio.sleep(pause)
        held = await _held(link, point, tries)
    return held


def _inside(point: Point, words: Words) -> float:
    outside = decode(modbus_address(point), words, counter=is_counter(point))
    return unit(point.unit).to_inside(outside)


def _same(point: Point, held: Words, wanted: Words) -> bool:
    # A device may keep a float with a little less precision than it was sent with.
    return held == wanted or math.isclose(_inside(point, held), _inside(point, wanted), rel_tol=1e-6)
