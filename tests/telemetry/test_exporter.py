from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loopback import Asked, Told, free_port, serving
from telemetry_kit import NOON, SERVERS, HandClock, point, series_point

from plant.commands import Command, Refused
from plant.gateways import Gateway, GatewayKind, Login
from plant.points import PointId, PrometheusAddress
from plant.quantities import Quantity
from plant.readings import Quality
from telemetry.exporter import ExporterGateway

# The text format as the Prometheus documentation describes it.
PAGE = """\
# HELP inlet_celsius Rack inlet.
# TYPE inlet_celsius gauge
inlet_celsius{zone="a",sensor="1"} 21.5
inlet_celsius{zone="a",sensor="2"} NaN
inlet_celsius{zone="b",sensor="1"} 22.25 1780315140000
# TYPE energy_joules_total counter
energy_joules_total{meter="it"} 1.2e+09
"""
ONE = series_point("a1", "inlet_celsius", zone="a", sensor="1")
TWO = series_point("a2", "inlet_celsius", zone="a", sensor="2")
OTHER = series_point("b1", "inlet_celsius", zone="b", sensor="1")
EITHER = series_point("either", "inlet_celsius", sensor="1")
GONE = series_point("gone", "inlet_celsius", zone="c", sensor="1")


def exporter(
    url: str, *points: object, clock: HandClock | None = None, login: Login | None = None
) -> ExporterGateway:
    gateway = Gateway(SERVERS, GatewayKind.EXPORTER, url, timeout_s=2, login=login)
    return ExporterGateway(gateway, points, clock or HandClock())  # type: ignore[arg-type]


def page(_: Asked) -> Told:
    return Told(PAGE, kind="text/plain; version=0.0.4")


async def test_each_point_finds_its_series_in_one_scrape() -> None:
    points = [OTHER, ONE, TWO, EITHER, GONE]
    with serving(page) as site:
        b1, a1, a2, either, gone = await exporter(f"{site.url}/metrics", *points).read(points)
        assert len(site.log) == 1
    assert (a1.value, a1.time, a1.quality) == (21.5, NOON, Quality.GOOD)
    assert b1.time == datetime(2026, 6, 1, 11, 59, tzinfo=UTC), "the exporter's own time is kept"
    assert a2.quality is Quality.NOT_AVAILABLE
    assert either.quality is Quality.MISSING, "two series match: which is meant is a person's to say"
    assert gone.quality is Quality.MISSING


async def test_why_a_point_finds_no_series_is_said_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages = [PAGE, PAGE, PAGE + 'inlet_celsius{zone="c",sensor="1"} 20\n']
    with serving(lambda _: Told(pages.pop(0), kind="text/plain; version=0.0.4")) as site:
        reader = exporter(f"{site.url}/metrics", EITHER, GONE)
        with caplog.at_level("INFO"):
            for _ in range(3):
                await reader.read([EITHER, GONE])
    said = [record.getMessage() for record in caplog.records if record.name == "telemetry.complaints"]
    assert said[:2] == [
        'either of gateway servers has no reading: 2 series match inlet_celsius{sensor="1"}, among them'
        ' {sensor="1", zone="a"} and {sensor="1", zone="b"}; add a label',
        'gone of gateway servers has no reading: no series matches inlet_celsius{sensor="1", zone="c"}',
    ]
    assert "gone of gateway servers is read again" in said
    assert len(said) == 4, "the third scrape has three series for the one, and the other back"


async def test_openmetrics_is_understood_too() -> None:
    text = '# TYPE inlet_celsius gauge\ninlet_celsius{zone="a",sensor="1"} 19.5\n# EOF\n'
    with serving(lambda _: Told(text, kind="application/openmetrics-text; version=1.0.0")) as site:
        (reading,) = await exporter(site.url, ONE).read([ONE])
    assert reading.value == 19.5


async def test_a_counter_becomes_power_and_a_restart_is_no_negative_power() -> None:
    address = PrometheusAddress(SERVERS, "energy_joules_total", {"meter": "it"}, rate_s=60)
    power = point("it", Quantity.IT_POWER, address, unit="W")
    clock, counts = HandClock(), iter([1.2e9, 1.2e9 + 1e7, 5e6, 9e6])
    body = 'energy_joules_total{meter="it"} %r\n'
    with serving(lambda _: Told(body % next(counts), kind="text/plain")) as site:
        reader = exporter(site.url, power, clock=clock)
        readings = []
        for _ in range(3):
            readings += await reader.read([power])
            clock.pass_s(10)
        clock.pass_s(100)
        readings += await reader.read([power])
    assert [r.quality for r in readings] == [
        Quality.NOT_AVAILABLE,
        Quality.GOOD,
        Quality.GOOD,
        Quality.NOT_AVAILABLE,
    ]
    assert readings[1].value == pytest.approx(1000.0)  # 10 MJ in 10 s
    assert readings[2].value == pytest.approx(500.0)  # began anew from zero


@pytest.mark.parametrize(
    "told",
    [
        Told("no", status=503),
        Told("<html>a login page</html>", kind="text/html"),
        Told("inlet_celsius{zone=", kind="text/plain"),
        Told("", status=301, headers={"Location": "/elsewhere"}),
    ],
)
async def test_what_is_not_a_page_of_metrics_is_missing(told: Told) -> None:
    with serving(lambda _: told) as site:
        reader = exporter(site.url, ONE)
        (reading,) = await reader.read([ONE])
    assert reading.quality is Quality.MISSING
    assert math.isnan(reading.value)
    assert reader.health[0].last_fault


async def test_an_exporter_that_failed_is_left_alone_and_comes_back() -> None:
    down = [True]
    with serving(lambda asked: Told("", 503) if down[0] else page(asked)) as site:
        reader = exporter(site.url, ONE)
        for _ in range(5):
            await reader.read([ONE])
        assert len(site.log) == 1
        down[0] = False
        for _ in range(100):
            if (await reader.read([ONE]))[0].usable:
                break
            await asyncio.sleep(0.05)
        assert reader.health[0].answering


async def test_nobody_listening_is_missing() -> None:
    (reading,) = await exporter(f"http://127.0.0.1:{free_port()}/metrics", ONE).read([ONE])
    assert reading.quality is Quality.MISSING


async def test_a_token_is_read_from_its_file_and_sent(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    with serving(page) as site:
        await exporter(site.url, ONE, login=Login(token_file=tmp_path / "token")).read([ONE])
        assert site.log[0].headers["authorization"] == "Bearer s3cret"


async def test_an_exporter_is_never_written() -> None:
    command = Command(PointId("a1"), 20.0)
    (receipt,) = await exporter("http://127.0.0.1:1", ONE).write([command])
    assert isinstance(receipt, Refused)
