"""Explaining one cell of a closed report: meters, samples, gaps, substitutions, factors, formula, hashes.

The explanation stands alone: with its samples and its formula anybody can compute the cell again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from plant.errors import ConfigError
from reports.archive import Archive, ArchivedReport
from reports.evidence import INTENSITY, MARGINAL, PRICE, share_column

_SAMPLE = "sample "


@dataclass(frozen=True)
class Explanation:
    """Everything behind one cell, as plain values ready for JSON; `text` is for people."""

    content: Mapping[str, Any]

    def to_json(self) -> str:
        """The whole explanation, samples included."""
        return json.dumps(self.content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"

    @property
    def text(self) -> str:
        """One page for a person: everything but the samples themselves."""
        c = self.content
        value = "withheld: " + str(c["withheld"]) if c["value"] is None else f"{c['value']!r} {c['unit']}"
        lines = [f"{c['report']}#{c['cell']} = {value}", f"formula: {c['formula']}"]
        for name, rule in c["derived"].items():
            lines.append(f"  {name}: {rule['says']}")
        lines.append(f"steps: {c['steps']['count']} of {c['step_h']:.4g} h, from {' to '.join(c['span'])}")
        lines += [
            f"meter {name}: {m['samples']} samples, mean {m['mean']:.6g}" for name, m in c["meters"].items()
        ]
        lines += [f"gap: {g['from']} to {g['to']} ({g['column']})" for g in c["gaps"]] or ["no gaps"]
        lines.append(f"steps with substituted or thinned samples: {c['substituted_steps']}")
        lines += [f"factor {name}: {f}" for name, f in c["factors"].items()]
        lines += [f"{name}: {sha}" for name, sha in c["hashes"].items()]
        return "\n".join(lines) + "\n"


def explain(archive: Archive, reference: str) -> Explanation:
    """Explain ``REPORT#ROW/NAME`` (or ``REPORT#NAME``: of the whole period).

    Raises
    ------
    ConfigError
        If there is no such report or cell, or the report was tampered with.
    """
    report_id, _, cell = reference.partition("#")
    if not cell:
        raise ConfigError(f"cell {reference!r}", "names no cell", "write REPORT#total/facility_kwh")
    report = archive.open(report_id)
    cells = report.json("cells.json")
    name = cell if "/" in cell and cell in cells else f"total/{cell}"
    if name not in cells:
        near = get_close_matches(cell, cells, 3, 0.3)
        raise ConfigError(
            f"cell {cell!r}", f"is not in {report_id}", f"near are: {', '.join(near) or 'none'}"
        )
    return _explanation(report, name, cells[name])


def _explanation(report: ArchivedReport, name: str, cell: Mapping[str, Any]) -> Explanation:
    made = report.json("derived.json")
    evidence = _span(report.evidence(), cell["span"])
    used = _columns(cell["trace"])
    derived = _needed(used, made["derived"])
    raw = sorted({c for rule in derived.values() for c in _inputs(rule)} | used)
    samples = {c: _listed(evidence[c]) for c in raw if c in evidence and c not in derived}
    whole = report.json("report.json")
    return Explanation(
        {
            "report": report.manifest["report"],
            "cell": name,
            "value": cell["value"],
            "unit": cell["unit"],
            "withheld": cell["withheld"],
            "span": cell["span"],
            "formula": formula(cell["trace"]),
            "trace": cell["trace"],
            "derived": derived,
            "step_h": made["step_h"],
            "steps": {
                "count": len(evidence),
                "starts": [t.isoformat() for t in evidence.index],
                "piece": [int(p) for p in evidence["piece"]],
            },
            "samples": samples,
            "meters": {
                c.removeprefix(_SAMPLE): {
                    "samples": int(evidence[c].notna().sum()),
                    "mean": _number(float(evidence[c].mean())),
                }
                for c in samples
                if c.startswith(_SAMPLE)
            },
            "gaps": [g for c in sorted(used) if c in evidence for g in _gaps(evidence[c], made["step_h"])],
            "substituted_steps": _substituted(evidence, used, derived),
            "factors": _factors(samples, whole, report),
            "baseline": report.json("baseline.json") if any(c.startswith("baseline_") for c in raw) else None,
            "hashes": {
                "config_sha256": report.manifest["config_sha256"],
                "code_sha256": report.manifest["code_sha256"],
                "evidence_sha256": report.manifest["files"]["evidence.parquet"],
            },
        }
    )


def formula(trace: Mapping[str, Any]) -> str:
    """A trace as one line a person can read."""
    match trace["op"]:
        case "integral":
            return f"Σ {trace['of']} · h where {' and '.join(trace['where'])} known"
        case "hours":
            return f"h where {' and '.join(trace['where'])} known"
        case "measured_share":
            return f"mean of {trace['of']}, 0 where {' and '.join(trace['where'])} unknown"
        case "quotient":
            return f"({formula(trace['of'])}) / ({formula(trace['by'])})"
        case "difference":
            return f"({formula(trace['of'])}) - ({formula(trace['minus'])})"
        case "sum" | "fsum":
            return " + ".join(f"({formula(part)})" for part in trace["of"]) or "0"
        case "scale":
            return f"{trace['by']} · ({formula(trace['of'])})"
        case "number":
            return f"{trace['value']} [{trace['says']}]"
        case "at_factor":
            return f"({formula(trace['of'])}) · {trace['g_per_kwh']} g/kWh / 1000"
        case "allocated":
            return f"contract {trace['contracts'][trace['index']]['id']} of ({formula(trace['of'])})"
        case "left_over":
            return f"({formula(trace['of'])}) - contracts"
        case _:
            return str(trace["says"])


def _columns(trace: Any) -> set[str]:
    """Evidence columns a trace names."""
    if isinstance(trace, list):
        return set().union(*(_columns(part) for part in trace)) if trace else set()
    if not isinstance(trace, dict):
        return set()
    found = set(trace.get("where", []))
    if trace.get("op") in ("integral", "measured_share"):
        found.add(trace["of"])
    for part in trace.values():
        if isinstance(part, dict | list):
            found |= _columns(part)
    return found


def _needed(used: set[str], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of the derived columns used, and of those they are derived from."""
    found: dict[str, Any] = {}
    todo = sorted(used)
    while todo:
        column = todo.pop()
        if column in rules and column not in found:
            found[column] = rules[column]
            todo += _inputs(rules[column])
    return found


def _inputs(rule: Mapping[str, Any]) -> list[str]:
    match rule["op"]:
        case "total":
            return [c for group in rule["groups"] for c in group]
        case "linear" | "magnitude":
            return [part for term in rule["terms"] for part in term if isinstance(part, str)]
        case _:
            return list(rule["of"])


def _span(evidence: pd.DataFrame, span: list[str]) -> pd.DataFrame:
    start, end = (pd.Timestamp(edge) for edge in span)
    return evidence[(evidence.index >= start) & (evidence.index < end)]


def _listed(column: pd.Series[float]) -> list[float | None]:
    return [_number(float(v)) for v in column]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _gaps(column: pd.Series[float], step_h: float) -> Iterator[dict[str, str]]:
    """Runs of steps in which a column the cell needs is unknown."""
    missing = column.isna().to_numpy()
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.astype(int), [0]))))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        last = column.index[after - 1] + pd.Timedelta(hours=step_h)
        yield {"column": str(column.name), "from": column.index[first].isoformat(), "to": last.isoformat()}


def _substituted(evidence: pd.DataFrame, used: set[str], derived: Mapping[str, Any]) -> int:
    """Steps that have a value of which part was not measured."""
    partly = np.zeros(len(evidence), dtype=bool)
    for column in used | set(derived):
        share = share_column(column)
        if share in evidence and column in evidence:
            partly |= (evidence[share] < 1).to_numpy() & evidence[column].notna().to_numpy()
    return int(partly.sum())


def _factors(samples: Mapping[str, Any], whole: Mapping[str, Any], report: ArchivedReport) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if INTENSITY in samples:
        found[INTENSITY] = {**whole["carbon"], "year": whole["period"]["start"][:4]}
    if PRICE in samples:
        found[PRICE] = {"currency": whole["currency"], "source": "tariff of the site file"}
    if MARGINAL in samples:
        found[MARGINAL] = {"factor_kind": "marginal", "source": str(report.folder.name) + "/supplied.yaml"}
    return found
