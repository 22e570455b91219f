"""Numbers in registers: every type in every word order, and the patterns that mean "no value".

Each register is big-endian on the wire; how several make one value is the vendor's choice:

    ABCD  as written        CDAB  words swapped        BADC  bytes swapped        DCBA  both

A 16-bit value has no words to swap, so only BADC and DCBA change it (as Telegraf does).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from plant.points import ModbusAddress, RegisterType, WordOrder

_FORMAT: dict[RegisterType, str] = {
    RegisterType.INT16: ">h",
    RegisterType.UINT16: ">H",
    RegisterType.INT32: ">i",
    RegisterType.UINT32: ">I",
    RegisterType.INT64: ">q",
    RegisterType.UINT64: ">Q",
    RegisterType.FLOAT32: ">f",
    RegisterType.FLOAT64: ">d",
}
_CODECS = {kind: struct.Struct(form) for kind, form in _FORMAT.items()}

# SunSpec's "not implemented" patterns: the lowest signed and the highest unsigned number.
_NO_VALUE: dict[RegisterType, int] = {
    RegisterType.INT16: -(2**15),
    RegisterType.UINT16: 2**16 - 1,
    RegisterType.INT32: -(2**31),
    RegisterType.UINT32: 2**32 - 1,
    RegisterType.INT64: -(2**63),
    RegisterType.UINT64: 2**64 - 1,
}


class NotRepresentable(ValueError):
    """A value does not fit its register, or would read as "no value" there."""


def registers_of(kind: RegisterType) -> int:
    """How many registers (or coils, for a bool) a value of this type takes."""
    return 1 if kind is RegisterType.BOOL else _CODECS[kind].size // 2


def resolution(address: ModbusAddress) -> float:
    """The smallest change the register can hold, in the point's unit; 0 for floats."""
    if address.type in (RegisterType.FLOAT32, RegisterType.FLOAT64):
        return 0.0
    return abs(address.scale)


def decode(address: ModbusAddress, words: Sequence[int], *, counter: bool = False) -> float:
    """The value in the point's unit; NaN where the device says it has none.

    Parameters
    ----------
    address : ModbusAddress
        Type, word order, scale, offset and bit, or the values of an enumeration.
    words : sequence of int, shape (registers_of(address.type),)
        Raw registers, 0 to 65535; one 0/1 for a coil.
    counter : bool
        The value runs through its whole range (a heartbeat), so no pattern means "no value".

    Raises
    ------
    NotRepresentable
        If the number of registers is not what the type takes.
    """
    if len(words) != registers_of(address.type):
        raise NotRepresentable(f"{len(words)} registers are not a {address.type}")
    if address.type is RegisterType.BOOL:
        bit = words[0] != 0 if address.bit is None else words[0] >> address.bit & 1
        return float(bit) * address.scale + address.offset
    raw = _CODECS[address.type].unpack(_reorder(struct.pack(f">{len(words)}H", *words), address.word_order))[
        0
    ]
    if not counter and raw == _NO_VALUE.get(address.type):
        return math.nan
    if not math.isfinite(raw):
        return math.nan
    if address.bit is not None:
        raw = int(raw) >> address.bit & 1
    if address.values:
        return dict(address.values).get(int(raw), math.nan)
    return float(raw) * address.scale + address.offset


def encode(address: ModbusAddress, value: float, *, counter: bool = False) -> list[int]:
    """The registers that hold ``value`` (point's unit), rounded to the nearest step.

    Raises
    ------
    NotRepresentable
        If the value is not finite, does not fit, would read as "no value", or is one bit of a
        register that holds others.
    """
    if not math.isfinite(value):
        raise NotRepresentable(f"{value} is not a number that can be written")
    if address.bit is not None:
        raise NotRepresentable("one bit of a shared register is not written")
    raw = (value - address.offset) / address.scale
    if address.values:
        raw = _enumerated(address, value)
    if address.type is RegisterType.BOOL:
        if raw not in (0.0, 1.0):
            raise NotRepresentable(f"{value:g} is neither 0 nor 1")
        return [int(raw)]
    number: float = raw
    if address.type not in (RegisterType.FLOAT32, RegisterType.FLOAT64):
        number = round(raw)
        if not counter and number == _NO_VALUE[address.type]:
            raise NotRepresentable(f"{value:g} would read as 'no value' in a {address.type}")
    codec = _CODECS[address.type]
    try:
        packed = _reorder(codec.pack(number), address.word_order)
    except (struct.error, OverflowError):
        raise NotRepresentable(f"{value:g} does not fit a {address.type}") from None
    return list(struct.unpack(f">{codec.size // 2}H", packed))


def _enumerated(address: ModbusAddress, value: float) -> float:
    """The first raw number that stands for ``value``."""
    for raw, meaning in address.values:
        if meaning == value:
            return float(raw)
    raise NotRepresentable(f"{value:g} is not one of the values of this enumeration")


def _reorder(data: bytes, order: WordOrder) -> bytes:
    """Bytes between the wire's order and ABCD. Each order is its own inverse."""
    match order:
        case WordOrder.ABCD:
            return data
        case WordOrder.DCBA:
            return data[::-1]
        case WordOrder.CDAB:
            return b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))
        case WordOrder.BADC:
            return b"".join(data[i : i + 2][::-1] for i in range(0, len(data), 2))
