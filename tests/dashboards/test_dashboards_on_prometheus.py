"""A real Prometheus scrapes a real page, and every expression of every panel and rule is asked of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from expressions import PROMETHEUS, panel_expressions, rules, substituted
from loopback import Asked, Told, free_port, serving
from made_up_metrics import START, feed

from controller.metrics import Metrics
from dashboards.board import DECISIONS
from dashboards.boards.common import FACILITY, saved
from plant.site import Site
from reports.account_record import Account
from reports.baseline import BaselineModel

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's prometheus"),
]


@dataclass
class Server:
    """A running Prometheus that has scraped the metrics a few times."""

    url: str
    metrics: Metrics

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            pytest.fail(f"{parameters}: {refused.read().decode()}")

    def instant(self, expr: str) -> list[Any]:
        return self.ask("query", query=expr)["result"]  # type: ignore[no-any-return]

    def range(self, expr: str) -> list[Any]:
        now = time.time()
        return self.ask("query_range", query=expr, start=f"{now - 5}", end=f"{now}", step="1s")["result"]  # type: ignore[no-any-return]

    def wait_for(self, expr: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not self.instant(expr):
            assert time.monotonic() < deadline, f"never true: {expr}"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def page(demo_site: Site) -> Iterator[tuple[Metrics, str]]:
    """The metrics of a site, served as the controller would."""
    metrics = Metrics(demo_site, version="0.1.0")

    def answer(_: Asked) -> Told:
        body, content_type = metrics.render()
        return Told(body.decode(), kind=content_type)

    with serving(answer) as site:
        yield metrics, site.url.removeprefix("http://")


@pytest.fixture(scope="module")
def prometheus(
    page: tuple[Metrics, str],
    tmp_path_factory: pytest.TempPathFactory,
    demo_site: Site,
    baseline: BaselineModel,
    accounted: Callable[..., Account],
) -> Iterator[Server]:
    """The committed configuration and rules, scraping every 0.5 s."""
    metrics, target = page
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    process = _start(folder, target, port)
    server = Server(f"http://127.0.0.1:{port}", metrics)
    try:
        _wait_until_ready(server, process)
        for turn in range(4):
            feed(metrics, demo_site, baseline, accounted, turn)
            server.wait_for(f'coolwright_accounted_seconds_total{{figure="it_kwh"}} == {3600 * (turn + 1)}')
        # rules are evaluated every 0.5 s; the last ones build on the first
        server.wait_for("site:coolwright_facility_energy_per_it_energy:ratio_increase1h > 1")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _start(folder: Path, target: str, port: int) -> subprocess.Popen[bytes]:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    for name in config["rule_files"]:
        committed = yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))
        groups = [{k: v for k, v in group.items() if k != "interval"} for group in committed["groups"]]
        (folder / name).write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    job = next(j for j in config["scrape_configs"] if j["job_name"] == "coolwright")
    job["static_configs"] = [{"targets": [target]}]
    config["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
    )


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "prometheus ended"
        try:
            urllib.request.urlopen(f"{server.url}/-/ready", timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail("prometheus was not ready in time")


def test_every_panel_answers_and_none_is_empty(prometheus: Server) -> None:
    empty = [
        asked.where for asked in panel_expressions() if not prometheus.range(substituted(asked.expr, "5s"))
    ]
    assert empty == []


def test_no_panel_answers_with_nothing_but_nan(prometheus: Server) -> None:
    hollow = []
    for asked in panel_expressions():
        numbers = [
            v for series in prometheus.range(substituted(asked.expr, "1m")) for _, v in series["values"]
        ]
        if numbers and set(numbers) == {"NaN"}:
            hollow.append(asked.where)
    assert hollow == []


def test_a_decision_shows_as_an_annotation(prometheus: Server) -> None:
    expr = substituted(DECISIONS, "20s")
    assert "stop" not in {series["metric"]["decision"] for series in prometheus.instant(expr)}
    prometheus.metrics.observe_decision("stop")
    prometheus.wait_for(f'({expr}) and on (decision) label_replace(vector(1), "decision", "stop", "", "")')


def test_every_recording_rule_is_healthy_and_records_something(prometheus: Server) -> None:
    health = {
        rule["name"]: rule["health"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]
    }
    assert {name: h for name, h in health.items() if h != "ok"} == {}
    for rule in rules("rules.yml"):
        assert prometheus.instant(rule["record"]), rule["record"]


def test_every_series_an_alert_watches_exists(prometheus: Server) -> None:
    for rule in rules("alerts.yml"):
        assert rule["alert"] in {r["name"] for g in prometheus.ask("rules")["groups"] for r in g["rules"]}
        for selector in re.findall(r"(?:[a-z_]+:)?coolwright_[a-z_0-9:]+(?:\{[^}]*\})?", rule["expr"]):
            assert prometheus.instant(f"count({selector})"), f"{rule['alert']}: {selector}"


def test_the_inlet_above_its_limit_raises_the_alert(prometheus: Server) -> None:
    prometheus.wait_for('ALERTS{alertname="CoolwrightInletAboveRecommended", hall_zone="zone-a"}')
    assert not prometheus.instant('ALERTS{alertname="CoolwrightInletAboveAllowable"}')


def test_a_worse_hour_shows_as_a_negative_saving(
    prometheus: Server, accounted: Callable[..., Account]
) -> None:
    expr = substituted(saved("energy_joules_total", FACILITY))
    assert float(prometheus.instant(expr)[0]["value"][1]) > 0
    worse = accounted(4.0, START + timedelta(hours=30))
    prometheus.metrics.observe_interval(worse)
    prometheus.wait_for(f"({expr}) < 0")
