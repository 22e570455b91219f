"""The real programs, a real Prometheus scraping them, and every expression of every panel and rule."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from end_to_end.programs import ROOT, Api, World, until, write_holding
from loopback import free_port

sys.path.insert(0, str(ROOT / "tests" / "dashboards"))
from expressions import (
    PROMETHEUS,
    Asked,
    dashboards,
    metrics_in,
    panel_expressions,
    rules,
    substituted,
)

from controller.metrics_catalog import CATALOG, Kind
from dashboards.board import AGE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's prometheus"),
]

AFTER_AN_EVENT = {
    "coolwright_cycle_failures_total": "exists once a cycle has failed",
}
"""Metrics that a healthy demo site does not have, and why. Everything else must be there."""


@dataclass
class Watched:
    """A Prometheus that scrapes a running controller."""

    url: str
    api: Api
    folder: Path
    world: World

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=20) as answer:
            return json.load(answer)["data"]

    def instant(self, expr: str) -> list[Any]:
        return self.ask("query", query=expr)["result"]  # type: ignore[no-any-return]


def start_prometheus(folder: Path, target: str, port: int) -> subprocess.Popen[bytes]:
    """The committed configuration and rules; only the rhythm, the target and the paths are the test's."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for name in config["rule_files"]:
        groups = yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))["groups"]
        quick = [{k: v for k, v in group.items() if k != "interval"} for group in groups]
        (folder / name).write_text(yaml.safe_dump({"groups": quick}), encoding="utf-8")
    job = next(j for j in config["scrape_configs"] if j["job_name"] == "coolwright")
    config["scrape_configs"] = [{**job, "static_configs": [{"targets": [target]}]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"))


@pytest.fixture
def watched(world: World, tmp_path: Path) -> Iterator[Watched]:
    """A controller with one approved and verified change and an hour accounted, under observation."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    token, port = world.token(), free_port()
    controller = world.controller()
    prometheus = start_prometheus(folder, f"127.0.0.1:{world.api_port}", port)
    try:
        api = Api(world.url, token)
        seen = Watched(f"http://127.0.0.1:{port}", api, folder, world)
        proposal = until(api.pending, 240, what="a first proposal")
        assert api.decide(proposal, "approve") == 200
        shown = f"/api/v1/proposals/{proposal['id']}"
        until(lambda: api.get(shown)["status"] == "verified", what="the plant to confirm")
        hour = "coolwright_compared_seconds_total{figure='facility_kwh'} > 3600"
        until(lambda: seen.instant(hour), 180, "an hour that was compared with the baseline")
        saved = "site_meter:coolwright_saved_energy_joules:increase1h"
        until(lambda: seen.instant(saved), 60, "the rules")
        yield seen
    finally:
        prometheus.terminate()
        controller.send_signal(signal.SIGTERM)
        prometheus.wait(timeout=30)
        controller.communicate(timeout=30)


def may_be_empty(expr: str) -> bool:
    """Whether an expression names nothing but what exists only after an event."""
    return metrics_in(expr) <= set(AFTER_AN_EVENT)


def told(watched: Watched, asked: Asked) -> list[Any]:
    # one minute is an hour of the plant's time here: rates and ranges that Grafana would choose for it
    return watched.instant(substituted(asked.expr, "60s", "300s"))


def check_panels(watched: Watched) -> None:
    empty, hollow = [], []
    for asked in panel_expressions():
        values = [series["value"][1] for series in told(watched, asked)]
        if not values and not may_be_empty(asked.expr):
            empty.append(f"{asked.where}: {asked.expr}")
        if values and set(values) == {"NaN"}:
            hollow.append(f"{asked.where}: {asked.expr}")
    assert empty == []
    assert hollow == []


def check_variables(watched: Watched) -> None:
    """What fills the dashboards' drop-downs: sites, zones and kinds of carbon, and the age of the data."""
    label_values = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
    wanted = {"site": {"demo"}, "zone": set("abcd"), "carbon_method": {"average"}}
    for board in dashboards().values():
        variables = {
            v["name"]: v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"
        }
        for name, values in wanted.items():
            found = label_values.fullmatch(variables[name])
            assert found is not None
            series = watched.instant(substituted(found["series"]))
            shown = {s["metric"][found["label"]].removeprefix("zone-") for s in series}
            assert shown == values, name
        assert 0 <= float(watched.instant(substituted(AGE))[0]["value"][1]) < 120


def check_rules(watched: Watched) -> None:
    answered = [rule for group in watched.ask("rules")["groups"] for rule in group["rules"]]
    assert {r["name"]: r.get("lastError") for r in answered if r["health"] != "ok"} == {}
    for rule in rules("rules.yml"):
        assert watched.instant(rule["record"]), f"nothing recorded: {rule['record']}"
    for rule in rules("alerts.yml"):
        watched.instant(rule["expr"])  # an error would raise; that nothing is alarming is as it should be
        for selector in re.findall(r"(?:[a-z_]+:)?coolwright_[a-z_0-9:]+(?:\{[^}]*\})?", rule["expr"]):
            assert watched.instant(f"count({selector})"), f"{rule['alert']} watches nothing: {selector}"


def check_catalog(watched: Watched) -> None:
    """Every metric of the catalog is there, of the type it says, and nothing that is not in it."""
    metadata = watched.ask("targets/metadata", match_target='{job="coolwright"}')
    types = {m["metric"]: m["type"] for m in metadata if m["metric"].startswith("coolwright_")}
    wanted = {
        (s.name.removesuffix("_total") if s.kind is Kind.COUNTER else s.name): str(s.kind)
        for s in CATALOG.values()
    }
    found = {name.removesuffix("_total"): kind for name, kind in types.items()}
    missing = {n for n in wanted if n not in found}
    assert missing <= {name.removesuffix("_total") for name in AFTER_AN_EVENT}
    assert {n: k for n, k in found.items() if wanted.get(n) != k} == {}
    names = {s["__name__"] for s in watched.ask("series", **{"match[]": '{job="coolwright"}'})}
    suffixes = re.compile(r"_(bucket|sum|count)$")
    known = {s.name for s in CATALOG.values()} | {"up", "ALERTS", "ALERTS_FOR_STATE"}
    ours = {n for n in names if not n.startswith("scrape_") and ":" not in n}
    assert {n for n in ours if n not in known and suffixes.sub("", n) not in known} == set()


def check_magnitudes(watched: Watched) -> None:
    """Units seen from outside: a hall of about 1 MW at 15 to 40 °C, ratios of at most one and a bit."""

    def only(expr: str) -> float:
        (found,) = watched.instant(expr)
        return float(found["value"][1])

    assert 3e5 < only('coolwright_meter_power_watts{meter="facility"}') < 2e6
    assert 15 < only("max(coolwright_inlet_temperature_celsius)") < 40
    assert 0.3 < only("min(coolwright_fan_speed_ratio)") <= only("max(coolwright_fan_speed_ratio)") <= 1.1
    power_w = only(
        'sum(rate(coolwright_energy_joules_total{meter="facility"}[60s]))'
        ' / sum(rate(coolwright_accounted_seconds_total{figure="facility_kwh"}[60s]))'
    )
    meter_w = only('avg_over_time(coolwright_meter_power_watts{meter="facility"}[60s])')
    assert power_w == pytest.approx(meter_w, rel=0.1), "joules over seconds are the meter's watts"
    assert 50 < only("max(coolwright_carbon_intensity_grams_per_joule) * 3.6e6") < 1200
    assert 1.0 < only("site:coolwright_facility_energy_per_it_energy:ratio_increase1h") < 2.0


def check_decisions(watched: Watched) -> None:
    """The approval is an annotation, its change is shown as ours, and what it holds has a lease."""
    approvals = 'coolwright_decisions_total{decision="approve"}'
    assert [s["value"][1] for s in watched.instant(approvals)] == ["1"]
    noticed = f"max_over_time((changes({approvals}[20s]))[10m:1s]) > 0"
    assert watched.instant(noticed), "the annotation's query saw it"
    approved = watched.instant('{__name__=~"coolwright_setpoint_(celsius|ratio)", source="approved"}')
    leased = watched.instant("coolwright_lease_expiry_timestamp_seconds")
    assert {s["metric"]["lever"] for s in approved} == {s["metric"]["lever"] for s in leased} != set()


def check_page(watched: Watched) -> None:
    page = watched.api._http.get("/metrics").content
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@contextmanager
def observed(world: World, folder: Path) -> Iterator[Watched]:
    """A controller that was just started, with nothing approved, under observation from its first breath."""
    folder.mkdir()
    token, port = world.token(), free_port()
    prometheus = start_prometheus(folder, f"127.0.0.1:{world.api_port}", port)
    controller = world.controller()
    try:
        yield Watched(f"http://127.0.0.1:{port}", Api(world.url, token), folder, world)
    finally:
        prometheus.terminate()
        controller.send_signal(signal.SIGTERM)
        prometheus.wait(timeout=30)
        controller.communicate(timeout=30)


@pytest.fixture
def cold(slow_world: World, tmp_path: Path) -> Iterator[Watched]:
    """From a cold start, at twice the plant's own pace."""
    with observed(slow_world, tmp_path / "prometheus") as seen:
        yield seen


@pytest.fixture
def untouched(brisk_world: World, tmp_path: Path) -> Iterator[Watched]:
    """A site that runs as it was found, watched for the first intervals at twenty times its pace."""
    with observed(brisk_world, tmp_path / "prometheus") as seen:
        compared = "coolwright_compared_seconds_total{figure='facility_kwh'} >= 600"
        until(lambda: seen.instant(compared), 180, "two intervals compared with the baseline")
        yield seen


SAVINGS = {"Energy saved": "watth", "CO2e saved": "massg", "Power saved": "watt"}


def lately_saved(watched: Watched, over: str) -> dict[str, float]:
    """What the panels show over the last wall seconds, each by its own expression and in its own unit."""
    shown: dict[str, float] = {}
    for asked in panel_expressions():
        title = asked.where.split(": ", 1)[1].rsplit(" [", 1)[0]
        if title in SAVINGS:
            assert asked.unit == SAVINGS[title]
            for series in watched.instant(substituted(asked.expr, over, over)):
                shown[title] = float(series["value"][1])
    return shown


def test_a_worse_hour_is_shown_as_a_negative_saving(untouched: Watched) -> None:
    """Somebody sets fans to full speed and the tower warm at the plant's own panel: the loss is shown."""

    # As found the difference is the baseline's error: some hundred watts, once rates look back on even hours.
    def even() -> dict[str, float] | None:
        shown = lately_saved(untouched, "40s")
        return shown if abs(shown.get("Power saved", 1e6)) < 5e3 else None

    before = until(even, 120, "savings as found, near nothing")
    for crah in range(8):
        write_holding(untouched.world.modbus_port, 201 + 10 * crah, 1000)
    write_holding(untouched.world.modbus_port, 101, 290)

    # Eight fans of 11 kW from 90 to 100 % are 8 * 11 * (1 - 0.9**3) = 24 kW more by the cube law.
    def lost() -> dict[str, float] | None:
        shown = lately_saved(untouched, "40s")
        return shown if shown.get("Power saved", 0.0) < -10e3 else None

    after = until(lost, 120, f"{before} to turn into losses")
    assert {title for title, value in after.items() if value < 0} == set(SAVINGS)


def silent_panels(watched: Watched, carbon_method: str) -> set[str]:
    """Panels of which no expression answers."""
    heard: dict[str, bool] = {}
    for asked in panel_expressions():
        panel = asked.where.rsplit(" [", 1)[0]
        expr = substituted(asked.expr, "150s", "150s", carbon_method)
        heard[panel] = heard.get(panel, False) or bool(watched.instant(expr))
    return {panel for panel, anything in heard.items() if not anything}


def site_clock(world: World) -> float:
    """The site's time now, by the anchor the simulator announced. [Unix s]"""
    start, epoch, speed = world.anchor.split(",")
    return datetime.fromisoformat(start).timestamp() + (time.time() - float(epoch)) * float(speed)


def test_no_panel_is_empty_five_minutes_after_a_cold_start(cold: Watched) -> None:
    """By the site's clock, from before the program was started, with nothing approved and nothing decided."""
    began = site_clock(cold.world)
    silent: set[str] = {"not asked yet"}
    while silent and site_clock(cold.world) - began < 300:
        time.sleep(1)
        with contextlib.suppress(urllib.error.URLError):  # Prometheus is starting too
            silent = silent_panels(cold, "average")
    assert silent == set()
    assert until(cold.api.pending, 30, "a proposal"), "and one proposal waits"
    assert silent_panels(cold, "market") == set(), "nor by the contracts' factors"
    kinds = cold.instant("sum by (carbon_kind, provider) (coolwright_carbon_grams_total)")
    assert {s["metric"]["carbon_kind"] for s in kinds} == {"average", "market"}
    assert {s["metric"]["provider"] for s in kinds if s["metric"]["carbon_kind"] == "market"} == {
        "contracts in supplied.yaml"
    }


def test_every_panel_and_rule_on_the_real_program_answers(watched: Watched) -> None:
    check_panels(watched)
    check_variables(watched)
    check_rules(watched)
    check_catalog(watched)
    check_magnitudes(watched)
    check_decisions(watched)
    check_page(watched)
