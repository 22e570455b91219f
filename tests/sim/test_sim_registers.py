from __future__ import annotations

import math
import struct

import pytest

from plant.points import (
    GatewayId,
    ModbusAddress,
    ModbusTable,
    OwnerId,
    Point,
    PointId,
    RegisterType,
    WordOrder,
)
from plant.quantities import Quantity
from sim.faces.registers import decode, encode, width


def point(kind: RegisterType, unit: str = "kW", **address: object) -> Point:
    where = ModbusAddress(GatewayId("g"), ModbusTable.HOLDING, 0, kind, **address)  # type: ignore[arg-type]
    return Point(PointId("p"), OwnerId("site"), Quantity.POWER, unit, "Sensor", where)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        # 21.5 as IEEE 754 single is 41 AC 00 00.
        (WordOrder.ABCD, [0x41AC, 0x0000]),
        (WordOrder.CDAB, [0x0000, 0x41AC]),
        (WordOrder.BADC, [0xAC41, 0x0000]),
        (WordOrder.DCBA, [0x0000, 0xAC41]),
    ],
)
def test_a_float_in_each_vendors_layout(order: WordOrder, words: list[int]) -> None:
    p = point(RegisterType.FLOAT32, word_order=order)
    assert encode(p, 21.5) == words
    assert decode(p, words) == 21.5


def test_scale_offset_and_unit() -> None:
    # 21.5 °C = 70.7 °F; raw = (70.7 - 32) / 0.1 = 387.
    p = point(RegisterType.INT16, "degF", scale=0.1, offset=32.0)
    assert encode(p, 21.5) == [387]
    assert decode(p, [387]) == pytest.approx(21.5)


def test_negative_numbers_are_twos_complement() -> None:
    assert encode(point(RegisterType.INT16, scale=0.1), -12.3) == [0x10000 - 123]
    assert decode(point(RegisterType.INT16, scale=0.1), [0x10000 - 123]) == pytest.approx(-12.3)


@pytest.mark.parametrize("kind", [k for k in RegisterType if k is not RegisterType.BOOL])
@pytest.mark.parametrize("order", list(WordOrder))
def test_every_type_comes_back_and_takes_the_space_it_should(kind: RegisterType, order: WordOrder) -> None:
    p = point(kind, word_order=order)
    assert decode(p, encode(p, 1234.0)) == 1234.0
    assert width(p.address) == struct.calcsize({"16": ">h", "32": ">i", "64": ">q"}[kind.value[-2:]]) / 2  # type: ignore[arg-type]


def test_no_value_is_the_devices_own_pattern_and_comes_back_as_none() -> None:
    for kind, words in ((RegisterType.INT16, [0x8000]), (RegisterType.UINT16, [0xFFFF])):
        assert encode(point(kind), math.nan) == words
        assert math.isnan(decode(point(kind), words))
    assert math.isnan(decode(point(RegisterType.FLOAT32), encode(point(RegisterType.FLOAT32), math.nan)))


def test_what_does_not_fit_is_held_at_the_edge_and_never_wraps() -> None:
    assert encode(point(RegisterType.UINT16), -5.0) == [0]
    assert encode(point(RegisterType.UINT16), 1e9) == [0xFFFE]


def test_a_heartbeat_uses_all_sixteen_bits() -> None:
    p = point(RegisterType.UINT16, "count")
    assert encode(p, 65535.0) == [0xFFFF]
    assert decode(p, [0xFFFF]) == 65535.0
