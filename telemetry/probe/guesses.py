"""Guesses at a wrong map: what the same registers would say if the map were different."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from plant.points import ModbusAddress, Point, RegisterType, WordOrder
from plant.units import UNITS, unit
from telemetry.registers import NotRepresentable, decode, registers_of

_SAME_WIDTH: dict[RegisterType, tuple[RegisterType, ...]] = {
    RegisterType.INT16: (RegisterType.UINT16,),
    RegisterType.UINT16: (RegisterType.INT16,),
    RegisterType.INT32: (RegisterType.FLOAT32, RegisterType.UINT32),
    RegisterType.UINT32: (RegisterType.FLOAT32, RegisterType.INT32),
    RegisterType.FLOAT32: (RegisterType.INT32,),
    RegisterType.INT64: (RegisterType.FLOAT64,),
    RegisterType.UINT64: (RegisterType.FLOAT64,),
    RegisterType.FLOAT64: (RegisterType.INT64,),
}
_TINY = 1e-6
"""A float smaller than this, and not zero, is other bytes read as one."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One way the map may be wrong, and what the point would then read (inside unit)."""

    problem: str
    mend: str
    value: float


def plausible(value: float, low: float, high: float) -> bool:
    """Whether a value would not surprise."""
    return math.isfinite(value) and low <= value <= high and not 0 < abs(value) < _TINY


def guesses(point: Point, address: ModbusAddress, words: Sequence[int]) -> Iterator[Guess]:
    """Word order, type, scale and unit, in the order in which they are commonly wrong."""
    yield from _orders(point, address, words)
    yield from _types(point, address, words)
    outside = _outside(address, words)
    if outside is None or not math.isfinite(outside) or 0 < abs(outside) < _TINY:
        return
    yield from units(point, outside)
    yield from _scales(point, address, outside)


def units(point: Point, outside: float) -> Iterator[Guess]:
    """The same number in each other unit of its dimension."""
    own = unit(point.unit)
    for other in UNITS.values():
        if other.dimension is own.dimension and other.symbol != own.symbol:
            yield Guess(
                f"the unit may be {other.symbol}", f"set unit: {other.symbol}", other.to_inside(outside)
            )


def _orders(point: Point, address: ModbusAddress, words: Sequence[int]) -> Iterator[Guess]:
    if registers_of(address.type) < 2:
        return
    for order in WordOrder:
        value = _inside(point, replace(address, word_order=order), words)
        if order is not address.word_order and value is not None:
            yield Guess(f"the word order may be {order}", f"set word_order: {order}", value)


def _types(point: Point, address: ModbusAddress, words: Sequence[int]) -> Iterator[Guess]:
    for kind in _SAME_WIDTH.get(address.type, ()):
        value = _inside(point, replace(address, type=kind), words)
        if value is not None:
            yield Guess(f"the type may be {kind}", f"set type: {kind}", value)


def _scales(point: Point, address: ModbusAddress, outside: float) -> Iterator[Guess]:
    for factor in (0.1, 10.0, 0.01, 100.0, 0.001, 1000.0):
        value = unit(point.unit).to_inside((outside - address.offset) * factor + address.offset)
        scale = address.scale * factor
        yield Guess(f"the scale may be {scale:g}", f"set scale: {scale:g}", value)


def _outside(address: ModbusAddress, words: Sequence[int]) -> float | None:
    try:
        return decode(address, words)
    except NotRepresentable:
        return None


def _inside(point: Point, address: ModbusAddress, words: Sequence[int]) -> float | None:
    outside = _outside(address, words)
    return None if outside is None else unit(point.unit).to_inside(outside)
