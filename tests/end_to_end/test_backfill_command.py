"""``coolwright backfill``: what a Prometheus server already knows of a site, into the historian."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import yaml
from end_to_end.programs import ROOT, coolwright, until
from loopback import free_port
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from plant.points import PointId
from telemetry.historian import Historian

DEMO = ROOT / "examples" / "demo.yaml"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A Prometheus that has scraped one inlet at 23.5 °C for a few seconds."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs Debian's prometheus")
    registry = CollectorRegistry()
    Gauge("hall_inlet_celsius", "Inlet.", ["rack"], registry=registry).labels("7").set(23.5)
    page, port = free_port(), free_port()
    exporter, thread = start_http_server(page, "127.0.0.1", registry)
    config = tmp_path / "prometheus.yml"
    job = {"job_name": "hall", "static_configs": [{"targets": [f"127.0.0.1:{page}"]}]}
    plan = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    config.write_text(yaml.safe_dump(plan), encoding="utf-8")
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    process = subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        query = f"{url}/api/v1/query?query=count_over_time(hall_inlet_celsius[1m])>2"
        until(lambda: httpx2.get(query).json()["data"]["result"], what="three scrapes")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        exporter.shutdown()
        thread.join()


def site_with(tmp_path: Path, url: str) -> str:
    """The demo site with its first exporter point taken from a Prometheus server instead."""
    described = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    described["gateways"].append({"id": "past", "kind": "prometheus", "target": url})
    point = next(p for p in described["points"] if p["id"] == "zone-a.inlet-1")
    point["prometheus"] = {"gateway": "past", "metric": "hall_inlet_celsius", "labels": {"rack": "7"}}
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return str(file)


@pytest.mark.peer
def test_the_past_of_a_prometheus_server_is_in_the_historian_and_once_only(
    tmp_path: Path, server: str
) -> None:
    site, database = site_with(tmp_path, server), f"sqlite:///{tmp_path / 'deep' / 'h.sqlite'}"
    now = datetime.now(UTC)
    span = ("--from", (now - timedelta(minutes=5)).isoformat(), "--to", now.isoformat(), "--step", "1")
    done = coolwright("backfill", site, *span, "--historian", database)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout.split()[0].replace(",", ""))
    assert count >= 2
    assert coolwright("backfill", site, *span, "--historian", database).returncode == 0
    history = Historian(database)
    kept = history.samples([PointId("zone-a.inlet-1")], now - timedelta(minutes=5), now)
    assert kept[PointId("zone-a.inlet-1")].value.tolist() == [23.5] * count
    history.close()


def test_a_server_that_does_not_answer_is_named_and_fails_the_command(tmp_path: Path) -> None:
    site = site_with(tmp_path, f"http://127.0.0.1:{free_port()}")
    database = f"sqlite:///{tmp_path / 'h.sqlite'}"
    now = datetime.now(UTC)
    span = ("--from", (now - timedelta(hours=1)).isoformat(), "--to", now.isoformat())
    done = coolwright("backfill", site, *span, "--historian", database)
    assert done.returncode == 1
    assert "not fetched" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("span", "said"),
    [(("2026-02-01", "2026-01-01"), "is not after"), (("2026-01-01", "2026-02-01"), "no Prometheus server")],
)
def test_mistakes_are_one_line(span: tuple[str, str], said: str) -> None:
    done = coolwright("backfill", str(DEMO), "--from", span[0], "--to", span[1])
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
