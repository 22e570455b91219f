"""Values to 16-bit registers and back, by a point's Modbus address.

Written from the Modbus application protocol (each register big-endian) and vendors' four
layouts of longer values. The telemetry package has its own; the two meet only on the wire.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from plant.points import ModbusAddress, Point, RegisterType, WordOrder
from plant.units import unit

T = RegisterType
_FORMAT = {
    T.BOOL: "H", T.INT16: "h", T.UINT16: "H", T.INT32: "i", T.UINT32: "I", T.INT64: "q", T.UINT64: "Q",
    T.FLOAT32: "f", T.FLOAT64: "d",
}  # fmt: skip
_RANGE = {
    T.BOOL: (0, 1), T.INT16: (-(2**15) + 1, 2**15 - 1), T.UINT16: (0, 2**16 - 2),
    T.INT32: (-(2**31) + 1, 2**31 - 1), T.UINT32: (0, 2**32 - 2),
    T.INT64: (-(2**63) + 1, 2**63 - 1), T.UINT64: (0, 2**64 - 2),
}  # fmt: skip
# SunSpec's "not available": the one pattern left out of the ranges above.
_NOT_AVAILABLE = {
    T.BOOL: 0, T.INT16: -(2**15), T.UINT16: 2**16 - 1, T.INT32: -(2**31), T.UINT32: 2**32 - 1,
    T.INT64: -(2**63), T.UINT64: 2**64 - 1,
}  # fmt: skip
_FLOATS = {T.FLOAT32, T.FLOAT64}


def width(address: ModbusAddress) -> int:
    """How many registers the value takes."""
    return struct.calcsize(f">{_FORMAT[address.type]}") // 2


def encode(point: Point, value: float) -> list[int]:
    """Registers for a value in the point's inside unit; NaN becomes "not available"."""
    address = _modbus(point)
    if math.isnan(value):
        raw: float | int = math.nan if address.type in _FLOATS else _NOT_AVAILABLE[address.type]
    else:
        raw = (unit(point.unit).from_inside(value) - address.offset) / address.scale
    if address.type not in _FLOATS and not math.isnan(value):
        low, high = _whole_range(point)
        raw = min(max(round(raw), low), high)
    data = struct.pack(f">{_FORMAT[address.type]}", raw)
    words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    words = _reorder(words, address.word_order)
    return [words[0] << address.bit] if address.bit is not None else words


def decode(point: Point, words: Sequence[int]) -> float:
    """The value in the point's inside unit that registers hold; NaN for "not available"."""
    address = _modbus(point)
    if address.bit is not None:
        return float(words[0] >> address.bit & 1)
    ordered = _reorder(list(words), address.word_order)
    data = b"".join(word.to_bytes(2, "big") for word in ordered)
    (raw,) = struct.unpack(f">{_FORMAT[address.type]}", data)
    if address.type not in _FLOATS and address.type is not T.BOOL and raw == _not_available(point):
        return math.nan
    return unit(point.unit).to_inside(raw * address.scale + address.offset)


def _modbus(point: Point) -> ModbusAddress:
    assert isinstance(point.address, ModbusAddress)
    return point.address


def _whole_range(point: Point) -> tuple[int, int]:
    """Integers a register may show. A counter uses all of its bits."""
    address = _modbus(point)
    low, high = _RANGE[address.type]
    return (0, 2**16 - 1) if point.unit == "count" and address.type is T.UINT16 else (low, high)


def _not_available(point: Point) -> int | None:
    return None if point.unit == "count" else _NOT_AVAILABLE[_modbus(point).type]


def _reorder(words: list[int], order: WordOrder) -> list[int]:
    """The layout and its inverse: both are the same swap. One register has no word order."""
    if len(words) == 1:
        return words
    if order in (WordOrder.CDAB, WordOrder.DCBA):
        words = words[::-1]
    if order in (WordOrder.BADC, WordOrder.DCBA):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return words
