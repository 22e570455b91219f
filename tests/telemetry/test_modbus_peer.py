"""Against programs that share no code with ours: a libmodbus device, and mbpoll looking at it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import free_port
from peer_programs import build_modbus_peer, needs, running
from telemetry_kit import HandClock, bms, modbus_point

from plant.commands import Command, Confirmed
from plant.points import ModbusTable, PointId, RegisterType, WordOrder
from plant.quantities import Quantity
from plant.readings import Quality
from telemetry.modbus import ModbusGateway

pytestmark = pytest.mark.peer

INPUT = ModbusTable.INPUT
BIG = modbus_point("big", 0, table=INPUT, kind=RegisterType.FLOAT32)
SWAPPED = modbus_point("swapped", 2, table=INPUT, kind=RegisterType.FLOAT32, order=WordOrder.CDAB)
ABSENT = modbus_point("absent", 4, table=INPUT, kind=RegisterType.INT16)
BEYOND = modbus_point("beyond", 1000, table=INPUT)
RUN = modbus_point("run", 5, Quantity.RUN_STATUS, table=ModbusTable.DISCRETE, kind=RegisterType.BOOL)
SET = modbus_point("set", 100, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, kind=RegisterType.INT16, scale=0.1)
FLOAT = modbus_point(
    "float", 110, Quantity.FAN_SPEED_SETPOINT, unit="percent", kind=RegisterType.FLOAT32, order=WordOrder.CDAB
)
POINTS = [BIG, SWAPPED, ABSENT, BEYOND, RUN, SET, FLOAT]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_modbus_peer(tmp_path_factory.mktemp("peer"))


@pytest.fixture
def port(program: Path) -> Iterator[int]:
    port = free_port()
    with running(str(program), str(port), port=port):
        yield port


def mbpoll(port: int, *options: str, write: tuple[str, ...] = ()) -> str:
    """mbpoll's view; addresses from 0, one poll."""
    needs("mbpoll")
    command = ["mbpoll", "-0", "-1", "-q", "-m", "tcp", "-p", str(port), *options, "127.0.0.1", *write]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout


async def test_a_libmodbus_device_is_read_as_it_says(port: int) -> None:
    reader = ModbusGateway(bms(port, timeout_s=2.0), POINTS, HandClock())
    big, swapped, absent, beyond, run, setpoint, _ = await reader.read(POINTS)
    assert big.value == swapped.value == 21.5
    assert absent.quality is Quality.NOT_AVAILABLE
    assert beyond.quality is Quality.MISSING
    assert run.value == 1.0
    assert setpoint.value == 18.0
    await reader.close()


async def test_mbpoll_sees_what_we_wrote(port: int) -> None:
    writer = ModbusGateway(bms(port, timeout_s=2.0), POINTS, HandClock())
    receipts = await writer.write([Command(SET.id, 21.5), Command(FLOAT.id, 0.655)])
    assert all(isinstance(r, Confirmed) for r in receipts)
    assert "215" in mbpoll(port, "-t", "4", "-r", "100")
    assert "65.5" in mbpoll(port, "-t", "4:float", "-r", "110")
    await writer.close()


async def test_we_see_what_mbpoll_wrote(port: int) -> None:
    assert "Written 1" in mbpoll(port, "-t", "4", "-r", "100", write=("195",))
    reader = ModbusGateway(bms(port, timeout_s=2.0), POINTS, HandClock())
    (reading,) = await reader.read([SET])
    assert reading.value == 19.5
    await reader.close()


async def test_a_device_that_was_restarted_three_times_is_written_each_time(program: Path) -> None:
    port = free_port()
    writer = ModbusGateway(bms(port, timeout_s=1.0, retries=3), POINTS, HandClock())
    for value in (19.0, 20.0, 21.0):
        with running(str(program), str(port), port=port):
            (receipt,) = await writer.write([Command(PointId("set"), value)])
            for _ in range(50):
                if isinstance(receipt, Confirmed):
                    break
                (receipt,) = await writer.write([Command(PointId("set"), value)])
            assert isinstance(receipt, Confirmed)
            assert str(round(value * 10)) in mbpoll(port, "-t", "4", "-r", "100")
    await writer.close()
