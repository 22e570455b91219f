from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.points import GatewayId, ModbusAddress, ModbusTable, RegisterType, WordOrder
from telemetry.registers import NotRepresentable, decode, encode, registers_of, resolution


def at(kind: RegisterType, order: WordOrder = WordOrder.ABCD, **more: object) -> ModbusAddress:
    return ModbusAddress(GatewayId("g"), ModbusTable.HOLDING, 0, kind, word_order=order, **more)  # type: ignore[arg-type]


# 21.5 is 0x41AC0000 in IEEE 754 binary32; -40 is 0xC0440000 ...00 in binary64: by hand from the standard.
@pytest.mark.parametrize(
    ("order", "words"),
    [
        (WordOrder.ABCD, [0x41AC, 0x0000]),
        (WordOrder.CDAB, [0x0000, 0x41AC]),
        (WordOrder.BADC, [0xAC41, 0x0000]),
        (WordOrder.DCBA, [0x0000, 0xAC41]),
    ],
)
def test_a_float_is_read_in_the_four_orders_vendors_use(order: WordOrder, words: list[int]) -> None:
    assert decode(at(RegisterType.FLOAT32, order), words) == 21.5
    assert encode(at(RegisterType.FLOAT32, order), 21.5) == words


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (WordOrder.ABCD, [0x0123, 0x4567, 0x89AB, 0xCDEF]),
        (WordOrder.CDAB, [0xCDEF, 0x89AB, 0x4567, 0x0123]),
        (WordOrder.BADC, [0x2301, 0x6745, 0xAB89, 0xEFCD]),
        (WordOrder.DCBA, [0xEFCD, 0xAB89, 0x6745, 0x2301]),
    ],
)
def test_a_64_bit_number_is_read_in_the_same_four_orders(order: WordOrder, words: list[int]) -> None:
    assert decode(at(RegisterType.UINT64, order), words) == float(0x0123456789ABCDEF)


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        (RegisterType.INT16, [0xFFFF], -1.0),
        (RegisterType.INT16, [0x7FFF], 32767.0),
        (RegisterType.UINT16, [0x8000], 32768.0),
        (RegisterType.INT32, [0xFFFF, 0xFFFE], -2.0),
        (RegisterType.UINT32, [0x8000, 0x0000], 2147483648.0),
        (RegisterType.INT64, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], -1.0),
        (RegisterType.FLOAT64, [0xC044, 0, 0, 0], -40.0),
        (RegisterType.FLOAT32, [0x8000, 0x0000], 0.0),
    ],
)
def test_what_is_no_value_in_one_type_is_a_value_in_another(
    kind: RegisterType, words: list[int], value: float
) -> None:
    assert decode(at(kind), words) == value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (RegisterType.INT16, [0x8000]),
        (RegisterType.UINT16, [0xFFFF]),
        (RegisterType.INT32, [0x8000, 0x0000]),
        (RegisterType.UINT32, [0xFFFF, 0xFFFF]),
        (RegisterType.INT64, [0x8000, 0, 0, 0]),
        (RegisterType.UINT64, [0xFFFF] * 4),
        (RegisterType.FLOAT32, [0x7FC0, 0x0000]),
        (RegisterType.FLOAT32, [0xFFFF, 0xFFFF]),
        (RegisterType.FLOAT32, [0x7F80, 0x0000]),  # infinity
        (RegisterType.FLOAT64, [0x7FF8, 0, 0, 0]),
    ],
)
def test_a_sentinel_is_never_taken_as_power(kind: RegisterType, words: list[int]) -> None:
    """Named regression: SunSpec's "not implemented" once became 6553.5 kW."""
    assert math.isnan(decode(at(kind, scale=0.1, offset=3.0), words))


def test_a_heartbeat_may_take_every_value_of_its_register() -> None:
    assert decode(at(RegisterType.UINT16), [0xFFFF], counter=True) == 65535.0
    assert encode(at(RegisterType.UINT16), 65535, counter=True) == [0xFFFF]


def test_scale_and_offset_are_applied_after_decoding_and_undone_before_encoding() -> None:
    address = at(RegisterType.INT16, scale=0.1, offset=-40.0)
    assert decode(address, [615]) == pytest.approx(21.5)
    assert encode(address, 21.5) == [615]
    assert encode(address, 21.54) == [615]
    assert resolution(address) == 0.1


def test_one_bit_of_a_status_word_is_a_zero_or_a_one() -> None:
    assert decode(at(RegisterType.UINT16, bit=3), [0b1000]) == 1.0
    assert decode(at(RegisterType.UINT16, bit=2), [0b1000]) == 0.0
    assert decode(at(RegisterType.BOOL, bit=15), [0x8000]) == 1.0


@pytest.mark.parametrize(
    ("address", "value"),
    [
        (at(RegisterType.INT16), 40000.0),
        (at(RegisterType.UINT16), -1.0),
        (at(RegisterType.UINT16), 65535.0),
        (at(RegisterType.INT16, scale=0.1), -3276.8),
        (at(RegisterType.UINT16), math.nan),
        (at(RegisterType.FLOAT32), math.inf),
        (at(RegisterType.FLOAT32), 1e39),
        (at(RegisterType.UINT16, bit=1), 1.0),
        (at(RegisterType.BOOL), 0.5),
    ],
)
def test_a_value_the_register_cannot_hold_is_refused(address: ModbusAddress, value: float) -> None:
    with pytest.raises(NotRepresentable):
        encode(address, value)


def test_too_few_registers_are_not_a_value() -> None:
    with pytest.raises(NotRepresentable):
        decode(at(RegisterType.FLOAT32), [0x41AC])


numbers = st.sampled_from([k for k in RegisterType if k is not RegisterType.BOOL])


@given(kind=numbers, order=st.sampled_from(WordOrder), data=st.binary(min_size=8, max_size=8))
def test_what_is_read_and_written_back_is_the_same_registers(
    kind: RegisterType, order: WordOrder, data: bytes
) -> None:
    words = list(struct.unpack(">4H", data))[: registers_of(kind)]
    value = decode(at(kind, order), words)
    exact = kind not in (RegisterType.INT64, RegisterType.UINT64) or abs(value) < 2**53
    if math.isfinite(value) and exact:
        assert encode(at(kind, order), value) == words


# A chiller's status word as vendors document it: 0 off, 1 starting, 3 running, 7 stopping, others faults.
STATUS = at(RegisterType.UINT16, values=((0, 0.0), (3, 1.0), (7, 1.0)))


@pytest.mark.parametrize(("raw", "value"), [(0, 0.0), (3, 1.0), (7, 1.0)])
def test_an_enumeration_means_what_its_list_says(raw: int, value: float) -> None:
    assert decode(STATUS, [raw]) == value


@pytest.mark.parametrize("raw", [1, 5, 0xFFFF])
def test_a_number_an_enumeration_does_not_list_is_no_value(raw: int) -> None:
    assert math.isnan(decode(STATUS, [raw]))


def test_an_enumeration_is_written_as_the_first_number_of_its_value() -> None:
    assert encode(STATUS, 1.0) == [3]
    with pytest.raises(NotRepresentable, match="not one of the values"):
        encode(STATUS, 2.0)
