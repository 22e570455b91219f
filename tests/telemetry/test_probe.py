from __future__ import annotations

import pytest
from loopback import Told, free_port, serving
from telemetry_kit import BMS, SERVERS, HandClock, bms, modbus_point, series_point, small_site
from wire_server import WireDevice

from plant.gateways import Gateway, GatewayKind
from plant.points import ModbusTable, Point, RegisterType, WordOrder
from plant.quantities import Quantity
from telemetry.gateways import Field, open_gateways
from telemetry.probe import Finding, probe

SETPOINT = Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT


async def probed(device: WireDevice, *points: Point) -> list[Finding]:
    site = small_site(points, [bms(device.port)])
    field = Field(site, open_gateways(site, HandClock()))
    found = await probe(site, field)
    await field.close()
    assert device.writes == [], "a probe never writes"
    return found


async def test_a_sound_point_has_nothing_to_mend(device: WireDevice) -> None:
    device.set(0, [215])
    (found,) = await probed(device, modbus_point("t", 0, scale=0.1))
    assert found.ok
    assert found.reachable
    assert (found.low, found.high) == (8, 35)


async def test_a_wrong_word_order_is_named_with_its_evidence(device: WireDevice) -> None:
    device.set(0, [0x8000, 0x42CA])  # 101.25 kW = 0x42CA8000, words swapped
    (found,) = await probed(device, modbus_point("p", 0, Quantity.IT_POWER, kind=RegisterType.FLOAT32))
    assert found.mend == "set word_order: CDAB"
    assert "8000 42CA" in found.evidence
    assert "101.2 kW" in found.evidence


async def test_a_wrong_scale_is_named(device: WireDevice) -> None:
    device.set(0, [215])
    (found,) = await probed(device, modbus_point("t", 0, kind=RegisterType.INT16))
    assert found.mend == "set scale: 0.1"


async def test_fahrenheit_taken_as_celsius_is_named(device: WireDevice) -> None:
    device.set(0, [648])
    (found,) = await probed(device, modbus_point("t", 0, scale=0.1))
    assert found.mend == "set unit: degF"


async def test_an_unsigned_register_that_should_be_signed_is_named(device: WireDevice) -> None:
    device.set(0, [0xFFCE])
    (found,) = await probed(
        device, modbus_point("t", 0, Quantity.OUTDOOR_DRY_BULB, kind=RegisterType.UINT16, scale=0.1)
    )
    assert found.mend == "set type: int16"


async def test_an_address_counted_from_one_is_named(device: WireDevice) -> None:
    device.set(9, [215])
    (found,) = await probed(device, modbus_point("t", 10, scale=0.1))
    assert not found.reachable
    assert found.mend == "set address: 9"


async def test_an_address_that_is_not_there_says_what_the_device_said(device: WireDevice) -> None:
    (found,) = await probed(device, modbus_point("t", 10, scale=0.1))
    assert "illegal address" in found.evidence


async def test_one_register_through_two_gateways_is_a_duplicate(device: WireDevice) -> None:
    device.set(0, [215])
    a = modbus_point("a", 0, scale=0.1)
    found = await probed(device, a, modbus_point("b", 5, scale=0.1))
    assert found[0].ok
    site = small_site([a, modbus_point("c", 0, scale=0.1)], [bms(device.port)])
    doubled = await probe(site, Field(site, []))
    assert [f.problem for f in doubled] == ["shares its address with c", "shares its address with a"]


async def test_a_point_without_an_address_is_told_to_get_one(device: WireDevice) -> None:
    found = await probed(
        device, Point(modbus_point("t", 0).id, modbus_point("t", 0).owner, SETPOINT, "degC", "x")
    )
    assert found[0].problem == "has no source address"


async def probed_series(kind: GatewayKind, url: str, *points: Point) -> list[Finding]:
    site = small_site(points, [Gateway(SERVERS, kind, url, timeout_s=0.5)])
    field = Field(site, open_gateways(site, HandClock()))
    found = await probe(site, field)
    await field.close()
    return found


SERIES = [series_point(name, "inlet_celsius", sensor=name) for name in ("a", "b")]


@pytest.mark.parametrize("kind", [GatewayKind.EXPORTER, GatewayKind.PROMETHEUS])
async def test_a_silent_gateway_is_told_apart_from_a_wrong_label(kind: GatewayKind) -> None:
    """Labels are not what is to be mended where nobody listens."""
    for found in await probed_series(kind, f"http://127.0.0.1:{free_port()}/metrics", *SERIES):
        assert (found.problem, found.mend) == (
            "does not answer",
            "check the gateway's target, TLS and login",
        )
        assert found.evidence
        assert not found.reachable


async def test_a_gateway_that_answers_without_the_series_is_not_called_silent() -> None:
    page = Told('inlet_celsius{sensor="a"} 22.5\n', kind="text/plain; version=0.0.4")
    with serving(lambda _asked: page) as site:
        right, wrong = await probed_series(GatewayKind.EXPORTER, f"{site.url}/metrics", *SERIES)
    assert right.ok
    assert (wrong.problem, wrong.mend) == ("not found", "correct the metric or labels")


async def test_a_gateway_that_wants_a_login_says_so() -> None:
    with serving(lambda _asked: Told("who are you?", status=401)) as site:
        (found, _) = await probed_series(GatewayKind.EXPORTER, f"{site.url}/metrics", *SERIES)
    assert found.problem == "does not answer"
    assert "401" in found.evidence


async def test_a_table_of_everything_wrong_sends_not_one_write(device: WireDevice) -> None:
    device.set(0, list(range(60)))
    points = [modbus_point(f"s{i}", i, SETPOINT, kind=RegisterType.INT16, scale=0.001) for i in range(40)]
    floats = [
        modbus_point(
            f"f{i}",
            i,
            Quantity.POWER,
            kind=RegisterType.FLOAT32,
            order=WordOrder.BADC,
            table=ModbusTable.INPUT,
        )
        for i in range(0, 40, 2)
    ]
    assert len(await probed(device, *points, *floats)) == 60
    assert {r.function for r in device.log} <= {1, 2, 3, 4}
    assert BMS == "bms"
