"""What every gateway promises, whatever it speaks."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from loopback import Asked, Told, free_port, serving
from telemetry_kit import NOON, SERVERS, HandClock, bms, modbus_point, point, series_point
from wire_server import WireDevice

from plant.commands import Command, Confirmed, Refused, Unreachable
from plant.gateways import Gateway, GatewayKind
from plant.points import Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from telemetry.exporter import ExporterGateway
from telemetry.gateways import FieldGateway
from telemetry.modbus import ModbusGateway
from telemetry.prometheus import PrometheusGateway
from telemetry.simulated import InProcessGateway

SETPOINT = Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT


@dataclass
class Case:
    """A gateway over a source in which `good` reads 21.5 °C, `silent` has no value, `gone` is not there.

    `writable` is a setpoint it can set, where it can set any.
    """

    gateway: FieldGateway
    good: Point
    silent: Point
    gone: Point
    writable: Point | None
    writes: Callable[[], int]


async def modbus(stack: ExitStack) -> tuple[Case, Callable[[], Awaitable[None]]]:
    device = WireDevice()
    await device.start()
    device.set(0, [215, 0x8000])
    device.set(10, [180])
    good = modbus_point("good", 0, scale=0.1)
    silent = modbus_point("silent", 1)
    gone = modbus_point("gone", 500)
    writable = modbus_point("writable", 10, SETPOINT, scale=0.1)
    silent = point(silent.id, silent.quantity, _int16(silent), silent.unit)
    gateway = ModbusGateway(bms(device.port), [good, silent, gone, writable], HandClock())
    return Case(gateway, good, silent, gone, writable, lambda: len(device.writes)), device.stop


async def exporter(stack: ExitStack) -> tuple[Case, Callable[[], Awaitable[None]]]:
    body = 't_celsius{n="good"} 21.5\nt_celsius{n="silent"} NaN\n'
    site = stack.enter_context(serving(lambda _: Told(body, kind="text/plain")))
    good, silent, gone = (series_point(n, "t_celsius", n=n) for n in ("good", "silent", "gone"))
    source = Gateway(SERVERS, GatewayKind.EXPORTER, site.url)
    gateway = ExporterGateway(source, [good, silent, gone], HandClock())
    return Case(gateway, good, silent, gone, None, lambda: 0), _nothing


async def prometheus(stack: ExitStack) -> tuple[Case, Callable[[], Awaitable[None]]]:
    at = NOON.timestamp()

    def answer(asked: Asked) -> Told:
        values = {"good": "21.5", "silent": "NaN"}
        if asked.query["query"].startswith("timestamp"):
            values = dict.fromkeys(values, str(at))
        series = ",".join(f'{{"metric":{{"n":"{n}"}},"value":[{at},"{v}"]}}' for n, v in values.items())
        return Told(f'{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}')

    site = stack.enter_context(serving(answer))
    good, silent, gone = (series_point(n, "t_celsius", n=n) for n in ("good", "silent", "gone"))
    source = Gateway(SERVERS, GatewayKind.PROMETHEUS, site.url)
    gateway = PrometheusGateway(source, [good, silent, gone], HandClock())
    return Case(gateway, good, silent, gone, None, lambda: 0), _nothing


async def in_process(stack: ExitStack) -> tuple[Case, Callable[[], Awaitable[None]]]:
    class Standing:
        def reset(self, start: datetime) -> list[Reading]:
            return [
                Reading(PointId("good"), start, 21.5, Quality.GOOD),
                Reading(PointId("silent"), start, math.nan, Quality.NOT_AVAILABLE),
                Reading(PointId("writable"), start, 18.0, Quality.GOOD),
            ]

        def advance(self, commands: Sequence[Command], seconds: float) -> list[Reading]:
            return self.reset(NOON + timedelta(seconds=seconds))

    good, silent, gone = (point(n, Quantity.SUPPLY_AIR_TEMPERATURE) for n in ("good", "silent", "gone"))
    writable = point("writable", SETPOINT)
    gateway = InProcessGateway(Standing(), NOON, [good, silent, gone, writable])
    return Case(gateway, good, silent, gone, writable, lambda: len(gateway._queued)), _nothing


async def _nothing() -> None:
    """Nothing to stop."""


def _int16(p: Point) -> object:
    from dataclasses import replace

    from plant.points import ModbusAddress, RegisterType

    assert isinstance(p.address, ModbusAddress)
    return replace(p.address, type=RegisterType.INT16)


@pytest_asyncio.fixture(params=[modbus, exporter, prometheus, in_process], ids=lambda make: make.__name__)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    with ExitStack() as stack:
        made, stop = await request.param(stack)
        yield made
        await made.gateway.close()
        await stop()


async def test_one_reading_a_point_in_the_order_asked(case: Case) -> None:
    asked = [case.gone, case.good, case.silent, case.good]
    assert [r.point for r in await case.gateway.read(asked)] == [p.id for p in asked]
    assert await case.gateway.read([]) == []


async def test_a_good_value_is_in_the_inside_unit_with_an_aware_time(case: Case) -> None:
    (reading,) = await case.gateway.read([case.good])
    assert reading.value == pytest.approx(21.5)
    assert reading.quality is Quality.GOOD
    assert reading.time == NOON
    assert reading.time.tzinfo is not None


async def test_no_value_is_flagged_and_not_a_number(case: Case) -> None:
    silent, gone = await case.gateway.read([case.silent, case.gone])
    assert silent.quality is Quality.NOT_AVAILABLE
    assert gone.quality is Quality.MISSING
    assert math.isnan(silent.value)
    assert math.isnan(gone.value)


async def test_a_sensor_is_never_written(case: Case) -> None:
    (receipt,) = await case.gateway.write([Command(case.good.id, 20.0)])
    assert isinstance(receipt, Refused)
    assert case.writes() == 0


async def test_an_unknown_point_is_refused(case: Case) -> None:
    (receipt,) = await case.gateway.write([Command(PointId("unheard-of"), 20.0)])
    assert isinstance(receipt, Refused)


async def test_one_receipt_a_command_in_order_and_a_setpoint_is_confirmed(case: Case) -> None:
    if case.writable is None:
        return  # a read-only kind; that it refuses is tested above
    commands = [Command(case.good.id, 20.0), Command(case.writable.id, 21.5), Command(case.writable.id, 99.0)]
    refused, confirmed, absurd = await case.gateway.write(commands)
    assert [refused.command, confirmed.command, absurd.command] == commands
    assert isinstance(refused, Refused)
    assert isinstance(confirmed, Confirmed)
    assert confirmed.read_back == pytest.approx(21.5)
    assert isinstance(absurd, Refused)


KINDS = [
    (GatewayKind.MODBUS, "127.0.0.1:{port}", modbus_point("p", 0, SETPOINT)),
    (GatewayKind.EXPORTER, "http://127.0.0.1:{port}/metrics", series_point("p", "t_celsius")),
    (GatewayKind.PROMETHEUS, "http://127.0.0.1:{port}", series_point("p", "t_celsius")),
]


@pytest.mark.parametrize(("kind", "target", "where"), KINDS, ids=[k[0].value for k in KINDS])
async def test_a_source_that_is_down_is_a_value_and_never_an_exception(
    kind: GatewayKind, target: str, where: Point
) -> None:
    from telemetry.gateways import GATEWAYS

    assert where.address is not None
    source = Gateway(where.address.gateway, kind, target.format(port=free_port()), timeout_s=0.3, retries=0)
    gateway = GATEWAYS[kind](source, [where], HandClock())
    for _ in range(2):
        (reading,) = await gateway.read([where])
        assert reading.quality is Quality.MISSING
    (receipt,) = await gateway.write([Command(where.id, 20.0)])
    assert isinstance(receipt, Refused | Unreachable)
    await gateway.close()
