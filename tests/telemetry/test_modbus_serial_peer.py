"""RTU on a serial line and through a serial device server: a libmodbus device behind a pseudo-terminal."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import threading
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peer_programs import build_modbus_peer
from telemetry_kit import HandClock, bms, modbus_point

from plant.commands import Command, Confirmed
from plant.errors import ConfigError
from plant.points import ModbusTable, RegisterType
from plant.quantities import Quantity
from plant.readings import Quality
from telemetry.modbus import ModbusGateway

pytestmark = pytest.mark.peer

BIG = modbus_point("big", 0, table=ModbusTable.INPUT, kind=RegisterType.FLOAT32)
SET = modbus_point("set", 100, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, kind=RegisterType.INT16, scale=0.1)


def bridge(one: int, other: int, stop: threading.Event) -> None:
    """A cable between two pseudo-terminals."""
    across = {one: other, other: one}
    while not stop.is_set():
        for end in select.select([one, other], [], [], 0.05)[0]:
            os.write(across[end], os.read(end, 256))


def device_server(listening: socket.socket, line: int, stop: threading.Event) -> None:
    """What a serial device server does: bytes of one TCP connection to the line and back, unchanged."""
    connection: socket.socket | None = None
    while not stop.is_set():
        watched = [listening, line, *([connection] if connection else [])]
        for ready in select.select(watched, [], [], 0.05)[0]:
            if ready is listening:
                connection = listening.accept()[0]
            elif ready is line:
                said = os.read(line, 256)
                if connection is not None:
                    connection.sendall(said)
            elif connection is not None:
                asked = connection.recv(256)
                if asked:
                    os.write(line, asked)
                else:
                    connection.close()
                    connection = None


@pytest.fixture
def served_line(tmp_path: Path) -> Iterator[str]:
    """A libmodbus RTU device on a line of its own, reached through a serial device server."""
    program = build_modbus_peer(tmp_path)
    line, device_end = os.openpty()
    tty.setraw(device_end)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=device_server, args=(listening, line, stop))
        server.start()
        device = subprocess.Popen([str(program), os.ttyname(device_end)])
        try:
            yield f"rtu+tcp://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            device.kill()
            device.wait()
            stop.set()
            server.join()
            for end in (line, device_end):
                os.close(end)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[str]:
    program = build_modbus_peer(tmp_path)
    (ours, our_end), (theirs, their_end) = os.openpty(), os.openpty()
    for end in (our_end, their_end):
        tty.setraw(end)
    stop = threading.Event()
    cable = threading.Thread(target=bridge, args=(ours, theirs, stop))
    cable.start()
    device = subprocess.Popen([str(program), os.ttyname(their_end)])
    try:
        yield f"serial://{os.ttyname(our_end)}?baudrate=19200&parity=N"
    finally:
        device.kill()
        device.wait()
        stop.set()
        cable.join()
        for end in (ours, our_end, theirs, their_end):
            os.close(end)


async def test_a_device_on_a_serial_line_is_read_and_written(line: str) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    gateway = ModbusGateway(replace(bms(1, timeout_s=1.0, retries=3), target=line), [BIG, SET], HandClock())
    big, setpoint = await gateway.read([BIG, SET])
    assert (big.value, setpoint.value) == (21.5, 18.0)
    (receipt,) = await gateway.write([Command(SET.id, 21.5)])
    assert isinstance(receipt, Confirmed)
    await gateway.close()


async def test_a_device_behind_a_serial_device_server_is_read_and_written(served_line: str) -> None:
    gateway = ModbusGateway(
        replace(bms(1, timeout_s=1.0, retries=3), target=served_line), [BIG, SET], HandClock()
    )
    big, setpoint = await gateway.read([BIG, SET])
    assert (big.value, setpoint.value) == (21.5, 18.0)
    (receipt,) = await gateway.write([Command(SET.id, 21.5)])
    assert isinstance(receipt, Confirmed)
    assert (await gateway.read([SET]))[0].value == 21.5
    await gateway.close()


async def test_modbus_tcp_frames_are_not_taken_for_rtu(served_line: str) -> None:
    """The wrong kind of target: nothing is read, and nothing is believed."""
    plain = served_line.removeprefix("rtu+tcp://")
    gateway = ModbusGateway(replace(bms(1, retries=0), target=plain), [BIG, SET], HandClock())
    assert {r.quality for r in await gateway.read([BIG, SET])} == {Quality.MISSING}
    await gateway.close()


async def test_a_line_that_is_not_there_is_missing() -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    gateway = ModbusGateway(replace(bms(1), target="serial:///dev/nothing-here"), [SET], HandClock())
    (reading,) = await gateway.read([SET])
    assert reading.quality is Quality.MISSING
    await gateway.close()


@pytest.mark.parametrize(
    "target",
    [
        "plc:http",
        "serial:///dev/ttyS0?speed=9600",
        "serial:///dev/ttyS0?baudrate=fast",
        "serial:",
        "rtu+tcp://plc:x",
    ],
)
async def test_a_target_that_cannot_be_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="gateway bms"):
        ModbusGateway(replace(bms(1), target=target), [SET], HandClock())
