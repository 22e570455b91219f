from __future__ import annotations

import pytest
from loopback import free_port
from telemetry_kit import HandClock, bms, modbus_point
from wire_server import HANG_UP, SILENT, Request, WireDevice

from plant.commands import Command, Confirmed, Mismatch, Receipt, Refused, Unreachable
from plant.points import PointId, RegisterType
from plant.quantities import Quantity
from telemetry.modbus import ModbusGateway

SET = modbus_point("set", 100, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, kind=RegisterType.INT16, scale=0.1)
FAN = modbus_point("fan", 101, Quantity.FAN_SPEED_SETPOINT, unit="percent", scale=0.1)
FLOAT = modbus_point("float", 110, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, kind=RegisterType.FLOAT32)
BEAT = modbus_point("beat", 0, Quantity.HEARTBEAT)
SENSOR = modbus_point("sensor", 102)


def writer_for(device: WireDevice, *, clock: HandClock | None = None, **more: float) -> ModbusGateway:
    device.set(0, [0])
    device.set(100, [180, 900, 0])
    device.set(110, [0x4190, 0x0000])  # 18.0
    return ModbusGateway(bms(device.port, **more), [SET, FAN, FLOAT, BEAT, SENSOR], clock or HandClock())


async def write(writer: ModbusGateway, point: str, value: float) -> Receipt:
    (receipt,) = await writer.write([Command(PointId(point), value)])
    return receipt


async def test_a_setpoint_is_written_in_one_request_and_read_back(device: WireDevice) -> None:
    writer = writer_for(device)
    receipt = await write(writer, "set", 21.54)
    assert receipt == Confirmed(Command(PointId("set"), 21.54), pytest.approx(21.5))
    assert [(r.function, r.words) for r in device.writes] == [(16, [215])]
    receipt = await write(writer, "fan", 0.655)
    assert isinstance(receipt, Confirmed)
    assert device.holding[(1, 101)] == 655
    receipt = await write(writer, "float", 19.3)
    assert isinstance(receipt, Confirmed)
    assert device.writes[-1].count == 2


async def test_a_value_that_is_already_there_is_not_written_again(device: WireDevice) -> None:
    writer = writer_for(device)
    assert isinstance(await write(writer, "set", 18.04), Confirmed)
    assert device.writes == []


async def test_the_heartbeat_passes_65535(device: WireDevice) -> None:
    writer = writer_for(device)
    assert await write(writer, "beat", 65535) == Confirmed(Command(PointId("beat"), 65535), 65535.0)


@pytest.mark.parametrize(
    ("point", "value", "told"),
    [
        ("sensor", 20.0, "only setpoints are written"),
        ("nothing", 20.0, "has no point"),
        ("set", 99.0, "outside 5 to 40"),
        ("set", float("nan"), "outside"),
    ],
)
async def test_what_may_not_be_written_is_refused_before_anything_is_sent(
    device: WireDevice, point: str, value: float, told: str
) -> None:
    receipt = await write(writer_for(device), point, value)
    assert isinstance(receipt, Refused)
    assert told in receipt.reason
    assert device.log == []


async def test_a_refused_write_is_not_tried_again(device: WireDevice) -> None:
    writer = writer_for(device, retries=3)
    device.behave = lambda d, r: 3 if r.writes else None
    receipt = await write(writer, "set", 21.5)
    assert isinstance(receipt, Refused)
    assert "illegal value" in receipt.reason
    assert len(device.writes) == 1


async def test_a_refused_write_that_still_executed_is_found_out(device: WireDevice) -> None:
    """Named regression: the device answers with an exception and stores the value all the same."""
    writer = writer_for(device)

    def refuse_and_do(d: WireDevice, r: Request) -> int | None:
        if r.writes:
            d.store(r)
            return 4
        return None

    device.behave = refuse_and_do
    assert await write(writer, "set", 21.5) == Confirmed(Command(PointId("set"), 21.5), pytest.approx(21.5))


async def test_a_device_that_clamps_is_a_mismatch(device: WireDevice) -> None:
    writer = writer_for(device)

    def clamp(d: WireDevice, r: Request) -> None:
        if r.writes:
            r.words = [min(w, 200) for w in r.words]

    device.behave = clamp
    assert await write(writer, "set", 21.5) == Mismatch(Command(PointId("set"), 21.5), pytest.approx(20.0))


async def test_a_device_that_says_yes_and_does_nothing_is_a_mismatch(device: WireDevice) -> None:
    writer = writer_for(device)
    device.behave = lambda d, r: bytes([16, 0, 100, 0, 1]) if r.writes else None
    assert await write(writer, "set", 21.5) == Mismatch(Command(PointId("set"), 21.5), pytest.approx(18.0))


async def test_a_plc_that_shows_the_value_after_its_next_scan_is_confirmed(device: WireDevice) -> None:
    writer = writer_for(device)
    pending: list[Request] = []

    def next_scan(d: WireDevice, r: Request) -> bytes | None:
        if r.writes:
            pending.append(r)
            return bytes([16, 0, 100, 0, 1])
        if len(d.reads) == 3 and pending:
            d.store(pending.pop())
        return None

    device.behave = next_scan
    assert isinstance(await write(writer, "set", 21.5), Confirmed)


async def test_a_timed_out_write_is_read_back_before_anything_else(device: WireDevice) -> None:
    """It had been done: it must not be written a second time."""
    writer = writer_for(device, retries=2)

    def do_in_silence(d: WireDevice, r: Request) -> bytes | None:
        if r.writes:
            d.store(r)
            return SILENT
        return None

    device.behave = do_in_silence
    assert isinstance(await write(writer, "set", 21.5), Confirmed)
    assert [r.function for r in device.log] == [3, 16, 3]


async def test_a_timed_out_write_that_was_not_done_is_tried_again_only_after_reading(
    device: WireDevice,
) -> None:
    writer = writer_for(device, retries=2)
    lost = [True]

    def lose_the_first(d: WireDevice, r: Request) -> bytes | None:
        if r.writes and lost:
            lost.pop()
            return SILENT
        return None

    device.behave = lose_the_first
    assert isinstance(await write(writer, "set", 21.5), Confirmed)
    assert [r.function for r in device.log] == [3, 16, 3, 16, 3]


async def test_a_write_nobody_answers_is_unreachable(device: WireDevice) -> None:
    writer = writer_for(device, retries=1, timeout_s=0.1)
    device.behave = lambda d, r: SILENT if r.writes else None
    receipt = await write(writer, "set", 21.5)
    assert isinstance(receipt, Unreachable)
    assert "still held 18" in receipt.reason


async def test_writes_are_not_silently_lost_after_a_second_reconnect(device: WireDevice) -> None:
    """Named regression: a client library acknowledged writes to a socket nobody read any more."""
    writer = writer_for(device)
    for value in (19.0, 20.0, 21.0, 22.0):
        assert isinstance(await write(writer, "set", value), Confirmed)
        assert device.holding[(1, 100)] == round(value * 10)
        await device.stop()
        await device.start()
    assert device.connections >= 4


async def test_a_connection_lost_between_write_and_read_back_is_opened_and_looked_into(
    device: WireDevice,
) -> None:
    writer = writer_for(device, retries=2)

    def hang_up_after_doing(d: WireDevice, r: Request) -> bytes | None:
        if r.writes:
            d.store(r)
            return HANG_UP
        return None

    device.behave = hang_up_after_doing
    assert isinstance(await write(writer, "set", 21.5), Confirmed)
    assert len(device.writes) == 1


async def test_nobody_listening_is_unreachable_and_says_nothing_was_written() -> None:
    writer = ModbusGateway(bms(free_port()), [SET], HandClock())
    receipt = await write(writer, "set", 21.5)
    assert isinstance(receipt, Unreachable)
    assert "nothing was written" in receipt.reason


async def test_an_eeprom_is_given_rest_between_writes_but_a_heartbeat_never_rests(device: WireDevice) -> None:
    clock = HandClock()
    writer = writer_for(device, clock=clock, min_write_interval_s=60)
    assert isinstance(await write(writer, "set", 19.0), Confirmed)
    clock.pass_s(59)
    receipt = await write(writer, "set", 20.0)
    assert isinstance(receipt, Refused)
    assert "minimum interval" in receipt.reason
    clock.pass_s(1)
    assert isinstance(await write(writer, "set", 20.0), Confirmed)
    assert isinstance(await write(writer, "beat", 1), Confirmed)
    assert isinstance(await write(writer, "beat", 2), Confirmed)


async def test_a_device_without_function_16_is_written_with_function_6(device: WireDevice) -> None:
    writer = writer_for(device)
    device.behave = lambda d, r: 1 if r.function == 16 else None
    assert isinstance(await write(writer, "set", 21.5), Confirmed)
    assert [r.function for r in device.writes] == [16, 6]
