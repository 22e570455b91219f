"""What a Prometheus server may answer, replayed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from loopback import Asked, Told, serving
from telemetry_kit import NOON, SERVERS, HandClock, series_point, small_site

from plant.gateways import Gateway, GatewayKind
from plant.readings import Quality
from telemetry.backfill import backfill
from telemetry.gateways import Field
from telemetry.historian import Historian
from telemetry.prometheus import PrometheusGateway

INLETS = [series_point(f"i{n}", "inlet_celsius", zone="a", sensor=str(n)) for n in range(50)]


def gateway(url: str) -> PrometheusGateway:
    return PrometheusGateway(Gateway(SERVERS, GatewayKind.PROMETHEUS, url, timeout_s=2), INLETS, HandClock())


def vector(values: dict[str, str]) -> Told:
    at = NOON.timestamp()
    result = [{"metric": {"zone": "a", "sensor": s}, "value": [at, v]} for s, v in values.items()]
    return Told(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))


async def test_fifty_points_of_one_metric_cost_two_queries() -> None:
    def answer(asked: Asked) -> Told:
        if asked.query["query"].startswith("timestamp("):
            return vector({str(n): str(NOON.timestamp() - 7) for n in range(50)})
        return vector({str(n): str(20 + n / 10) for n in range(50)})

    with serving(answer) as site:
        readings = await gateway(site.url).read(INLETS)
        assert {a.query["query"] for a in site.log} == {
            'inlet_celsius{zone="a"}',
            'timestamp(inlet_celsius{zone="a"})',
        }
    assert [r.value for r in readings] == [20 + n / 10 for n in range(50)]
    assert {r.time for r in readings} == {NOON - timedelta(seconds=7)}


async def test_a_value_whose_time_is_not_known_is_not_taken_for_fresh() -> None:
    def answer(asked: Asked) -> Told:
        return vector({} if asked.query["query"].startswith("timestamp(") else {"0": "20"})

    with serving(answer) as site:
        (reading,) = await gateway(site.url).read(INLETS[:1])
    assert reading.quality is Quality.MISSING


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Told('{"status":"error","errorType":"bad_data","error":"parse error"}', status=400), "parse error"),
        (Told('{"status":"error","errorType":"timeout","error":"query timed out"}'), "query timed out"),
        (Told("<html>", status=200), "not Prometheus JSON"),
        (Told("[]"), "not Prometheus JSON"),
        (Told("", status=502), "HTTP 502"),
    ],
)
async def test_an_error_is_missing_with_its_reason(told: Told, reason: str) -> None:
    with serving(lambda _: told) as site:
        reader = gateway(site.url)
        (reading,) = await reader.read(INLETS[:1])
    assert reading.quality is Quality.MISSING
    assert reason in reader.health[0].last_fault


async def test_one_metric_the_server_refuses_does_not_cost_the_others() -> None:
    other = series_point("other", "no_such_metric", zone="a")

    def answer(asked: Asked) -> Told:
        if "no_such" in asked.query["query"]:
            return Told('{"status":"error","errorType":"bad_data","error":"refused"}', status=400)
        if asked.query["query"].startswith("timestamp("):
            return vector({"0": str(NOON.timestamp())})
        return vector({"0": "20"})

    with serving(answer) as site:
        reader = PrometheusGateway(
            Gateway(SERVERS, GatewayKind.PROMETHEUS, site.url), [INLETS[0], other], HandClock()
        )
        for _ in range(3):
            good, refused = await reader.read([INLETS[0], other])
            assert good.usable
            assert refused.quality is Quality.MISSING
    assert reader.health[0].answering
    assert "refused" in reader.health[0].last_fault


async def test_a_past_query_answered_with_now_fills_nothing() -> None:
    """Named regression: a source answered every question about yesterday with its present value."""
    now = datetime(2026, 6, 2, 12, tzinfo=UTC).timestamp()
    result = [{"metric": {"zone": "a", "sensor": "0"}, "values": [[now, "21.5"]]}]
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})
    with serving(lambda _: Told(body)) as site:
        past = await gateway(site.url).history(INLETS[:1], NOON - timedelta(hours=1), NOON, 60)
    assert past.readings == []


async def test_a_piece_of_the_past_that_cannot_be_had_is_said() -> None:
    with serving(lambda _: Told("", status=503)) as site:
        past = await gateway(site.url).history(INLETS[:1], NOON - timedelta(hours=1), NOON, 60)
    assert past.readings == []
    assert "HTTP 503" in past.faults[0]


async def test_a_past_day_is_judged_and_stored_and_a_repeat_changes_nothing() -> None:
    at = [NOON.timestamp() + 60 * i for i in range(60)]
    values = [[t, "99" if i == 30 else "21.5"] for i, t in enumerate(at)]

    def answer(asked: Asked) -> Told:
        told = [[t, str(t)] for t in at] if asked.query["query"].startswith("timestamp") else values
        series = {"metric": {"zone": "a", "sensor": "0"}, "values": told}
        return Told(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [series]}}))

    store = Historian("sqlite://")
    site = small_site(INLETS[:1], [Gateway(SERVERS, GatewayKind.PROMETHEUS, "http://x")])
    with serving(answer) as http:
        field = Field(site, [gateway(http.url)])
        for _ in range(2):
            done = await backfill(field, store, NOON, NOON + timedelta(hours=1), 60)
            assert (done.readings, done.faults) == (60, ())
    history = store.history(site, NOON, NOON + timedelta(hours=1), 60).column(INLETS[0].id)
    assert np.isnan(history[30]), "what is out of range is stored as such, and not used"
    assert (np.delete(history, 30) == 21.5).all()
