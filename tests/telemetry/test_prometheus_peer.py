"""Against a real Prometheus server that scrapes a real exporter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from loopback import free_port
from peer_programs import needs, running
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from telemetry_kit import SERVERS, HandClock, point, series_point

from plant.gateways import Gateway, GatewayKind
from plant.points import PrometheusAddress
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from telemetry.exporter import ExporterGateway
from telemetry.prometheus import PrometheusGateway

pytestmark = pytest.mark.peer

ONE = series_point("one", "inlet_celsius", zone="a", sensor="1")
TWO = series_point("two", "inlet_celsius", zone="a", sensor='"2"\\')  # a label that must be escaped
EITHER = series_point("either", "inlet_celsius", zone="a")
GONE = series_point("gone", "inlet_celsius", zone="b")
POWER = point("power", Quantity.IT_POWER, PrometheusAddress(SERVERS, "joules_total", {}, rate_s=5), unit="W")
POINTS = [ONE, TWO, EITHER, GONE, POWER]


class WallClock(HandClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Real:
    """The server, the exporter it scrapes, and the gauge in it."""

    url: str
    page: str
    one: Gauge
    joules: Counter


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    needs("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    registry = CollectorRegistry()
    gauge = Gauge("inlet_celsius", "Inlet.", ["zone", "sensor"], registry=registry)
    gauge.labels("a", "1").set(21.5)
    gauge.labels("a", '"2"\\').set(float("nan"))
    joules = Counter("joules", "Energy.", registry=registry)
    page, port = free_port(), free_port()
    exporter, thread = start_http_server(page, "127.0.0.1", registry)
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: hall, static_configs: [{{targets: ['127.0.0.1:{page}']}}]}}]\n",
        encoding="utf-8",
    )
    options = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with running("prometheus", *options, port=port):
        yield Real(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{page}/metrics", gauge, joules)
    exporter.shutdown()
    thread.join()


def server(real: Real) -> PrometheusGateway:
    return PrometheusGateway(
        Gateway(SERVERS, GatewayKind.PROMETHEUS, real.url, timeout_s=5), POINTS, WallClock()
    )


async def until_usable(reader: PrometheusGateway, wanted: int) -> list[Reading]:
    for _ in range(100):
        readings = await reader.read(POINTS)
        if sum(r.usable for r in readings) >= wanted:
            return readings
        await asyncio.sleep(0.2)
    raise AssertionError(f"not {wanted} usable: {readings}, {reader.health[0].last_fault}")


async def test_the_present_is_read_with_the_time_of_the_scrape(real: Real) -> None:
    real.joules.inc(5000)
    reader = server(real)
    one, two, either, gone, power = await until_usable(reader, 2)
    assert one.value == 21.5
    assert two.quality is Quality.NOT_AVAILABLE
    assert either.quality is Quality.MISSING
    assert gone.quality is Quality.MISSING
    assert power.value >= 0.0
    assert 0 <= (datetime.now(UTC) - one.time).total_seconds() < 10
    first = one.time
    await asyncio.sleep(1.3)
    (later,) = await reader.read([ONE])
    assert later.time > first, "the reading's time is the sample's"
    await reader.close()


async def test_the_server_and_the_page_it_scrapes_agree(real: Real) -> None:
    page = ExporterGateway(
        Gateway(SERVERS, GatewayKind.EXPORTER, real.page, timeout_s=5), POINTS, WallClock()
    )
    ours, theirs = await page.read([ONE, TWO, EITHER, GONE]), await until_usable(server(real), 1)
    assert [(r.point, r.quality) for r in ours] == [(r.point, r.quality) for r in theirs[:4]]
    await page.close()


async def test_the_past_comes_with_each_sample_once_and_nothing_after_it(real: Real) -> None:
    reader = server(real)
    await until_usable(reader, 1)
    real.one.labels("a", "1").set(22.5)
    await asyncio.sleep(2.5)
    now = datetime.now(UTC)
    past = await reader.history([ONE, TWO, GONE], now - timedelta(seconds=20), now, 1)
    assert past.faults == ()
    mine = [r for r in past.readings if r.point == ONE.id]
    assert {r.value for r in mine} >= {21.5, 22.5}
    times = [r.time for r in mine]
    assert times == sorted(set(times))
    assert all(now - timedelta(seconds=20) <= t <= now for t in times)
    coarse = await reader.history([ONE], now - timedelta(days=20), now, 60)
    assert coarse.faults == (), "28 800 points a series are asked for in pieces"
    assert len(coarse.readings) <= 2
    await reader.close()


async def test_a_question_the_server_refuses_is_missing_with_its_reason(real: Real) -> None:
    wrong = series_point("wrong", "inlet_celsius{")
    reader = PrometheusGateway(
        Gateway(SERVERS, GatewayKind.PROMETHEUS, real.url, timeout_s=5), [wrong], WallClock()
    )
    (reading,) = await reader.read([wrong])
    assert reading.quality is Quality.MISSING
    assert "parse error" in reader.health[0].last_fault
    assert time.time() > 0
    await reader.close()
