from __future__ import annotations

import asyncio
import math

import pytest
from loopback import free_port
from telemetry_kit import NOON, HandClock, bms, modbus_point
from wire_server import HANG_UP, SILENT, Request, WireDevice

from plant.points import ModbusTable, RegisterType, WordOrder
from plant.quantities import Quantity
from plant.readings import Quality
from telemetry.modbus import ModbusGateway

SUPPLY = modbus_point("supply", 10, kind=RegisterType.INT16, scale=0.1)
POWER = modbus_point(
    "power",
    12,
    Quantity.POWER,
    unit="W",
    kind=RegisterType.FLOAT32,
    order=WordOrder.CDAB,
    table=ModbusTable.INPUT,
)
RUN = modbus_point("run", 3, Quantity.RUN_STATUS, kind=RegisterType.BOOL, table=ModbusTable.DISCRETE)


def gateway(device: WireDevice, *points: object, **more: float) -> ModbusGateway:
    return ModbusGateway(bms(device.port, **more), points, HandClock())  # type: ignore[arg-type]


async def test_values_come_in_inside_units_with_their_time(device: WireDevice) -> None:
    device.set(10, [215])
    device.set(12, [0x5000, 0x47C3], table="input")  # 100 000.0 = 0x47C35000, words swapped
    device.set(3, [1], table="bits")
    reader = gateway(device, SUPPLY, POWER, RUN)
    power, supply, run = await reader.read([POWER, SUPPLY, RUN])
    assert (supply.value, supply.quality, supply.time) == (pytest.approx(21.5), Quality.GOOD, NOON)
    assert power.value == pytest.approx(100.0)
    assert run.value == 1.0
    await reader.close()


async def test_many_points_cost_one_request(device: WireDevice) -> None:
    points = [modbus_point(f"p{i}", i) for i in range(100)]
    device.set(0, list(range(100)))
    reader = gateway(device, *points)
    assert [r.value for r in await reader.read(points)] == [float(i) for i in range(100)]
    assert len(device.log) == 1


async def test_no_value_is_not_available_and_not_a_number(device: WireDevice) -> None:
    device.set(10, [0x8000])
    (reading,) = await gateway(device, SUPPLY).read([SUPPLY])
    assert reading.quality is Quality.NOT_AVAILABLE
    assert math.isnan(reading.value)


async def test_one_bad_address_costs_only_itself_and_is_not_asked_for_in_blocks_again(
    device: WireDevice, caplog: pytest.LogCaptureFixture
) -> None:
    points = [modbus_point(f"p{i}", i) for i in range(8)]
    device.set(0, list(range(8)))
    del device.holding[(1, 5)]
    reader = gateway(device, *points)
    first = await reader.read(points)
    assert [r.point for r in first if not r.usable] == ["p5"]
    searching = len(device.log)
    again = await reader.read(points)
    assert [r.quality for r in again] == [r.quality for r in first]
    assert len(device.log) - searching < searching
    said = [r.getMessage() for r in caplog.records if r.name == "telemetry.complaints"]
    assert said == ["p5 of gateway bms has no reading: illegal address (exception 2) at holding 5"], "once"


async def test_an_answer_with_too_few_registers_is_no_answer(device: WireDevice) -> None:
    device.set(10, [215])
    device.behave = lambda d, r: bytes([r.function, 0])  # as jsmodbus answers a bad address
    (reading,) = await gateway(device, SUPPLY).read([SUPPLY])
    assert reading.quality is Quality.MISSING


async def test_busy_is_asked_again_and_illegal_is_not(device: WireDevice) -> None:
    device.set(10, [215])
    reader = gateway(device, SUPPLY, retries=2)
    answers: list[int | None] = [6, 5, None]
    device.behave = lambda d, r: answers.pop(0)
    assert (await reader.read([SUPPLY]))[0].usable
    device.log.clear()
    device.behave = lambda d, r: 2
    assert not (await reader.read([SUPPLY]))[0].usable
    assert len(device.log) == 1


async def test_a_lost_connection_is_opened_again_within_the_same_read(device: WireDevice) -> None:
    device.set(10, [215])
    reader = gateway(device, SUPPLY)
    assert (await reader.read([SUPPLY]))[0].usable
    await device.stop()
    await device.start()
    assert (await reader.read([SUPPLY]))[0].usable


async def test_a_dead_device_is_left_alone_and_its_neighbors_are_read_first(device: WireDevice) -> None:
    dead, alive = modbus_point("dead", 0, device=1), modbus_point("alive", 0, device=2)
    device.units = {2}
    device.set(0, [7], unit=2)
    reader = gateway(device, dead, alive, retries=0)
    first = await reader.read([dead, alive])
    assert [r.quality for r in first] == [Quality.MISSING, Quality.GOOD]
    device.log.clear()
    second = await reader.read([dead, alive])
    assert [r.quality for r in second] == [Quality.MISSING, Quality.GOOD]
    assert [r.unit for r in device.log] == [2]
    health = {h.device: h for h in reader.health}
    assert not health["bms/1"].answering
    assert "no answer in time" in health["bms/1"].last_fault
    assert health["bms/2"].answering


async def test_a_device_comes_back_any_number_of_times(device: WireDevice) -> None:
    device.set(10, [215])
    reader = gateway(device, SUPPLY, timeout_s=0.1, retries=0)
    for _ in range(3):
        assert await becomes(reader, usable=True)
        device.behave = lambda d, r: SILENT
        assert await becomes(reader, usable=False)
        device.behave = lambda d, r: None


async def test_nobody_listening_is_missing_and_not_an_exception() -> None:
    reader = ModbusGateway(bms(free_port()), [SUPPLY], HandClock())
    assert [r.quality for r in await reader.read([SUPPLY])] == [Quality.MISSING]
    await reader.close()


async def test_a_late_answer_never_meets_another_question(device: WireDevice) -> None:
    """The device answers the first question after the second was asked."""
    a, b = modbus_point("a", 0), modbus_point("b", 1)
    device.set(0, [111, 222])

    def hang_up_first(d: WireDevice, r: Request) -> bytes | None:
        return HANG_UP if len(d.log) == 1 else None

    device.behave = hang_up_first
    reader = gateway(device, a, b)
    one, two = await asyncio.gather(reader.read([a]), reader.read([b]))
    assert (one[0].value, two[0].value) == (111.0, 222.0)


async def becomes(reader: ModbusGateway, *, usable: bool) -> bool:
    for _ in range(100):
        if (await reader.read([SUPPLY]))[0].usable is usable:
            return True
        await asyncio.sleep(0.05)
    return False
