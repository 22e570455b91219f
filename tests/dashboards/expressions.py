"""What the committed dashboards and rules ask of Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from controller.metrics_catalog import CATALOG, Kind

ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "dashboards" / "grafana" / "dashboards"
PROMETHEUS = ROOT / "dashboards" / "prometheus"

_METRIC = re.compile(r"(?<![\w:])coolwright_\w+(?![\w:])")
_RECORDED = re.compile(r"(?<![\w:])\w+:coolwright_\w+:\w+")


@dataclass(frozen=True)
class Asked:
    """One expression and where it stands."""

    where: str
    expr: str
    unit: str = ""


def dashboards() -> dict[str, dict[str, Any]]:
    return {p.name: json.loads(p.read_text(encoding="utf-8")) for p in sorted(DASHBOARDS.glob("*.json"))}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, board in dashboards().items():
        for panel in board["panels"]:
            if panel["type"] != "row":
                yield f"{name}: {panel['title']}", panel


def panel_expressions() -> list[Asked]:
    return [
        Asked(f"{where} [{target['refId']}]", target["expr"], panel["fieldConfig"]["defaults"]["unit"])
        for where, panel in panels()
        for target in panel["targets"]
    ]


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def substituted(
    expr: str, rate_interval: str = "1m", of_range: str = "10m", carbon_method: str = "average"
) -> str:
    """The expression as Grafana would send it for one site, all zones and one kind of carbon."""
    values = {
        "$__rate_interval": rate_interval,
        "$__range": of_range,
        "$site": "demo",
        "$zone": ".+",
        "$carbon_method": carbon_method,
    }
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, f"a variable nobody set: {expr}"
    return expr


def metrics_in(expr: str) -> set[str]:
    """Exported metrics an expression names; a histogram's parts count as the histogram."""
    found = set()
    histograms = {s.name for s in CATALOG.values() if s.kind is Kind.HISTOGRAM}
    for name in _METRIC.findall(_RECORDED.sub("", expr)):
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        found.add(stem if stem in histograms else name)
    return found


def recorded_in(expr: str) -> set[str]:
    return set(_RECORDED.findall(expr))
