from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from loopback import free_port
from prometheus_client.parser import text_string_to_metric_families
from pymodbus.client import AsyncModbusTcpClient

from plant.errors import ConfigError
from plant.gateways import GatewayKind
from plant.points import GatewayId
from plant.site import Site
from sim.faces.exporter import ExporterFace
from sim.faces.modbus_server import ModbusFace
from sim.plant import SimulatedPlant
from sim.serve import LivePlants

START = datetime(2026, 7, 20, tzinfo=UTC)
PlantMaker = Callable[..., SimulatedPlant]
ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3


@pytest.fixture
def wired(demo: Site) -> Site:
    """The demo site with both gateways on free ports."""

    def target(kind: GatewayKind) -> str:
        where = f"127.0.0.1:{free_port()}"
        return where if kind is GatewayKind.MODBUS else f"http://{where}/metrics"

    return replace(demo, gateways=tuple(replace(g, target=target(g.kind)) for g in demo.gateways))


@pytest.fixture
def plants(steady: PlantMaker) -> LivePlants:
    return LivePlants(steady(), steady(), START)


@pytest.fixture
async def modbus(wired: Site, plants: LivePlants) -> AsyncIterator[ModbusFace]:
    face = ModbusFace(wired, wired.gateways[0], plants)
    face.publish(plants.values())
    await face.start()
    yield face
    await face.stop()


@pytest.fixture
async def client(modbus: ModbusFace) -> AsyncIterator[AsyncModbusTcpClient]:
    async with AsyncModbusTcpClient(modbus.host, port=modbus.port, timeout=2) as found:
        yield found


async def test_a_float_meter_reads_as_the_plant_says(
    client: AsyncModbusTcpClient, plants: LivePlants, modbus: ModbusFace
) -> None:
    values = plants.values()
    modbus.publish(values)
    answer = await client.read_input_registers(100, count=6, device_id=1)
    facility, it, cooling = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)  # type: ignore[misc]
    assert facility == pytest.approx(values["utility-meter.power"], rel=1e-6)  # type: ignore[index]
    assert it == pytest.approx(values["it-meter.power"], rel=1e-6)  # type: ignore[index]
    assert cooling == pytest.approx(values["cooling-meter.power"], rel=1e-6)  # type: ignore[index]


async def test_gaps_between_points_may_be_read(client: AsyncModbusTcpClient) -> None:
    assert not (await client.read_input_registers(0, count=16, device_id=1)).isError()


async def test_a_setpoint_written_reads_back_and_reaches_the_plant(
    client: AsyncModbusTcpClient, plants: LivePlants
) -> None:
    await client.write_registers(200, [215, 800], device_id=1)
    answer = await client.read_holding_registers(200, count=2, device_id=1)
    assert answer.registers == [215, 800]
    assert plants.controlled.register("crah-1.supply-air.setpoint") == pytest.approx(21.5)  # type: ignore[arg-type]
    assert plants.controlled.register("crah-1.fan-speed.setpoint") == pytest.approx(0.8)  # type: ignore[arg-type]
    plants.advance_to((START + timedelta(seconds=1800)).timestamp())
    assert plants.controlled.image.state.supply_c[0] > plants.as_found.image.state.supply_c[0] + 3


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (200, [400], ILLEGAL_VALUE),  # 40 °C supply air
        (201, [1200], ILLEGAL_VALUE),  # 120 % fan
        (200, [215, 1200], ILLEGAL_VALUE),  # one bad value spoils the whole request
        (150, [215], ILLEGAL_ADDRESS),  # no point there
        (200, [215, 800, 1], ILLEGAL_ADDRESS),  # runs past the setpoints
        (9000, [1], ILLEGAL_ADDRESS),
    ],
)
async def test_what_may_not_be_written_changes_nothing(
    client: AsyncModbusTcpClient, address: int, words: list[int], code: int
) -> None:
    before = (await client.read_holding_registers(0, count=110, device_id=1)).registers
    setpoints = (await client.read_holding_registers(200, count=72, device_id=1)).registers
    answer = await client.write_registers(address, words, device_id=1)
    assert answer.isError()
    assert answer.exception_code == code  # type: ignore[union-attr]
    assert (await client.read_holding_registers(0, count=110, device_id=1)).registers == before
    assert (await client.read_holding_registers(200, count=72, device_id=1)).registers == setpoints


async def test_mask_write_and_read_write_do_not_get_around_the_guard(client: AsyncModbusTcpClient) -> None:
    masked = await client.mask_write_register(address=200, and_mask=0, or_mask=900, device_id=1)
    assert masked.isError()
    both = await client.readwrite_registers(
        read_address=200, read_count=1, write_address=200, values=[999], device_id=1
    )
    assert both.isError()
    coil = await client.write_coil(0, True, device_id=1)
    assert coil.isError()
    assert (await client.read_holding_registers(200, count=1, device_id=1)).registers == [180]


async def test_the_heartbeat_is_writable_and_echoed(
    client: AsyncModbusTcpClient, plants: LivePlants, modbus: ModbusFace
) -> None:
    await client.write_register(0, 65535, device_id=1)
    modbus.publish(plants.values())
    echo = await client.read_input_registers(0, count=2, device_id=1)
    assert echo.registers == [65535, 0]


async def test_a_port_in_use_is_one_clear_line(wired: Site, plants: LivePlants, modbus: ModbusFace) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{modbus.port}"):
        await ModbusFace(wired, wired.gateways[0], plants).start()


def mbpoll(port: int, *arguments: str) -> str:
    command = ["mbpoll", "-m", "tcp", "-a", "1", "-p", str(port), "-0", "-1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    # Its exit code says nothing through a pipe; its words do.
    return done.stdout + done.stderr


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs mbpoll")
async def test_mbpoll_reads_writes_and_is_refused(plants: LivePlants, modbus: ModbusFace) -> None:
    import asyncio

    async def poll(*arguments: str) -> str:
        return await asyncio.to_thread(mbpoll, modbus.port, *arguments)

    values = plants.values()
    modbus.publish(values)
    said = await poll("-t", "3:float", "-B", "-r", "100", "-c", "1", "127.0.0.1")
    number = float(said.split("[100]:")[1].split()[0])
    assert number == pytest.approx(values["utility-meter.power"], rel=1e-5)  # type: ignore[index]
    assert "Written 1 references" in await poll("-t", "4", "-r", "200", "127.0.0.1", "205")
    assert "205" in (await poll("-t", "4", "-r", "200", "-c", "1", "127.0.0.1")).split("[200]:")[1]
    assert "Illegal data value" in await poll("-t", "4", "-r", "200", "127.0.0.1", "400")
    assert "Illegal data address" in await poll("-t", "4", "-r", "150", "127.0.0.1", "205")
    assert plants.controlled.register("crah-1.supply-air.setpoint") == pytest.approx(20.5)  # type: ignore[arg-type]


def page(site: Site, plants: LivePlants) -> str:
    face = ExporterFace(site, site.gateways[1], plants.truth)
    face.publish(plants.values())
    face.start()
    try:
        return httpx2.get(face.gateway.target).text
    finally:
        face.stop()


def test_the_exporter_shows_its_points_and_the_truth(wired: Site, plants: LivePlants) -> None:
    plants.advance_to((START + timedelta(hours=1)).timestamp())
    plants.note_totals()
    text = page(wired, plants)
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert len(families["server_inlet_temperature_celsius"].samples) == 24
    assert families["server_inlet_temperature_celsius"].type == "gauge"
    utilization = families["server_utilization_ratio"].samples
    assert all(0 <= s.value <= 1 for s in utilization)
    energy = {
        (s.labels["plant"], s.labels["meter"]): s.value
        for s in families["sim_true_energy_joules"].samples
        if s.name.endswith("_total")
    }
    assert energy["controlled", "facility"] == energy["as_found", "facility"]
    assert energy["controlled", "facility"] / 3.6e6 == pytest.approx(
        plants.controlled.totals().facility_kwh, rel=1e-9
    )
    assert families["sim_time_seconds"].samples[0].value == START.timestamp() + 3600


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_finds_no_fault_with_the_page(wired: Site, plants: LivePlants) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=page(wired, plants),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_exporter_port_in_use_or_a_bad_target_is_one_clear_line(wired: Site, plants: LivePlants) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = f"http://127.0.0.1:{squatter.getsockname()[1]}/metrics"
        face = ExporterFace(wired, replace(wired.gateways[1], target=taken), plants.truth)
        with pytest.raises(ConfigError, match="cannot listen"):
            face.start()
    with pytest.raises(ConfigError, match="is not http://host"):
        ExporterFace(wired, replace(wired.gateways[1], target="nowhere"), plants.truth)
    with pytest.raises(ConfigError, match="is not host:port"):
        ModbusFace(wired, replace(wired.gateways[0], id=GatewayId("x"), target="nowhere"), plants)


def test_the_demo_file_keeps_its_ports_on_loopback(demo_file: Path, demo: Site) -> None:
    assert all("127.0.0.1" in g.target for g in demo.gateways)
