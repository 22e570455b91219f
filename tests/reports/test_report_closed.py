"""Closed reports: each cell can be computed again from its explanation alone, and nothing is overwritten."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import LossyHistorian, carbon_of, made_report, supplied_file
from scipy.stats import t as student

from plant.errors import ConfigError
from plant.forecast import CarbonKind
from reports.archive import Archive, Closed
from reports.baseline import BaselineModel
from reports.evidence import EvidenceBook
from reports.explain import explain
from reports.periods import Split
from reports.supplied_file import load_supplied


def close(
    plant: MadeUpPlant,
    model: BaselineModel,
    folder: Path,
    *,
    source: LossyHistorian | None = None,
    reason: str | None = None,
    period: str = "2026-07-01..2026-07-03",
) -> Closed:
    book = EvidenceBook()
    report = made_report(
        plant,
        model,
        period,
        source=source or LossyHistorian(plant, lost=0.05, thinned=0.03, blind=0.04),
        split=Split.DAY,
        marginal=carbon_of(700.0, CarbonKind.MARGINAL),
        supplied=load_supplied(supplied_file(folder), plant.site.timezone),
        keep=book.keep,
    )
    archive = Archive(folder / "archive")
    return archive.close(report, book, model, at=report.generated_at, by="auditor", reason=reason)


# What follows computes a cell from the explanation's JSON and nothing else; it shares no code with us.


def recompute(explanation: dict[str, Any]) -> float:
    return Recomputer(explanation).value(explanation["trace"])


class Recomputer:
    def __init__(self, e: dict[str, Any]) -> None:
        self.e = e
        self.pieces = np.array(e["steps"]["piece"])
        self.columns = {k: np.array(v, dtype=float) for k, v in e["samples"].items()}
        todo = dict(e["derived"])
        while todo:
            name = next(n for n, rule in todo.items() if not self.needs(rule) & todo.keys())
            self.columns[name] = self.rate(todo.pop(name))

    def needs(self, rule: dict[str, Any]) -> set[str]:
        parts = rule.get("groups") or rule.get("terms") or [rule["of"]]
        return {x for part in parts for x in part if isinstance(x, str)}

    def rate(self, rule: dict[str, Any]) -> np.ndarray:
        match rule["op"]:
            case "total":
                total = 0.0
                for group in rule["groups"]:
                    known = np.array([self.columns[c] for c in group])
                    there = ~np.isnan(known)
                    with np.errstate(invalid="ignore"):
                        total = total + np.where(there, known, 0).sum(axis=0) / there.sum(axis=0)
                for factor in rule["factors"]:
                    total = total * factor
                return np.asarray(total)
            case "carbon":
                power, intensity = (self.columns[c] for c in rule["of"])
                return power * intensity / 1000
            case "linear" | "magnitude":
                terms = [[self.columns[x] if isinstance(x, str) else x for x in t] for t in rule["terms"]]
                total = terms[0][0] * terms[0][1]
                for a, b in terms[1:]:
                    total = total + a * b
                return np.abs(total) if rule["op"] == "magnitude" else total
        raise AssertionError(rule["op"])

    def known(self, where: list[str]) -> np.ndarray:
        return np.all([~np.isnan(self.columns[c]) for c in where], axis=0)

    def by_piece(self) -> list[np.ndarray]:
        return [self.pieces == p for p in dict.fromkeys(self.pieces.tolist())]

    def value(self, t: dict[str, Any]) -> float:
        return float(getattr(self, f"of_{t['op']}")(t))

    def of_integral(self, t: dict[str, Any]) -> float:
        found = math.nan
        for piece in self.by_piece():
            values = self.columns[t["of"]][piece & self.known(t["where"])]
            if len(values):
                amount = math.fsum(values) * self.e["step_h"]
                found = amount if math.isnan(found) else found + amount
        return found

    def of_hours(self, t: dict[str, Any]) -> float:
        known = self.known(t["where"])
        found = 0.0
        for piece in self.by_piece():
            found += float((piece & known).sum()) * self.e["step_h"]
        return found

    def of_measured_share(self, t: dict[str, Any]) -> float:
        known, share = self.known(t["where"]), np.clip(self.columns[t["of"]], 0, 1)
        found, weight = None, 0.0
        for piece in self.by_piece():
            mean, hours = (
                float(np.where(known, share, 0)[piece].mean()),
                piece.sum() * self.e["step_h"] * 3600,
            )
            found = mean if found is None else (found * weight + mean * hours) / (weight + hours)
            weight += hours
        return found if found is not None else math.nan

    def of_quotient(self, t: dict[str, Any]) -> float:
        return self.value(t["of"]) / self.value(t["by"])

    def of_difference(self, t: dict[str, Any]) -> float:
        return self.value(t["of"]) - self.value(t["minus"])

    def of_sum(self, t: dict[str, Any]) -> float:
        first, second = t["of"]
        return self.value(first) + self.value(second)

    def of_fsum(self, t: dict[str, Any]) -> float:
        return math.fsum(self.value(part) for part in t["of"])

    def of_scale(self, t: dict[str, Any]) -> float:
        return t["by"] * self.value(t["of"])

    def of_number(self, t: dict[str, Any]) -> float:
        return math.nan if t["value"] is None else t["value"]

    def of_at_factor(self, t: dict[str, Any]) -> float:
        return self.value(t["of"]) * t["g_per_kwh"] / 1000

    def shares(self, t: dict[str, Any]) -> tuple[list[float], float]:
        left, found = self.value(t["of"]), []
        for c in t["contracts"]:
            found.append(min(left * c["share"] if c["kwh"] is None else c["kwh"], left))
            left -= found[-1]
        return found, left

    def of_allocated(self, t: dict[str, Any]) -> float:
        return self.shares(t)[0][t["index"]]

    def of_left_over(self, t: dict[str, Any]) -> float:
        return self.shares(t)[1]

    def of_half_width(self, t: dict[str, Any]) -> float:
        half = sum(self.part(p) for p in t["parts"])
        at_stake = sum(abs(self.value(p["baseline"])) for p in t["parts"])
        half = math.nan if half > t["widest_share"] * at_stake else half
        return math.hypot(half)

    def part(self, t: dict[str, Any]) -> float:
        f, hours, energy = t["fit"], self.value(t["hours"]), self.value(t["baseline"])
        rare = t["sparse_allowance"] * self.value(t["sparse"])
        n, p, rho = f["n"], f["p"], f["rho"]
        left = n * (1 - rho) / (1 + rho)
        if left <= p or math.isnan(energy):
            return math.nan
        cv = f["cv_rmse"] * math.sqrt((n - p) / n * left / (left - p))
        t_value = float(student.ppf(1 - (1 - t["confidence"]) / 2, left - p))
        spread = math.sqrt(n / left * (1 / max(hours, 1.0) + p / n))
        return math.hypot(t_value * abs(energy) * cv * spread, rare)


def test_every_cell_is_computed_again_from_its_explanation_alone(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    closed = close(made_up, model, tmp_path)
    archive = Archive(tmp_path / "archive")
    cells = archive.open(closed.id).json("cells.json")
    checked = withheld = 0
    for name in cells:
        told = json.loads(explain(archive, f"{closed.id}#{name}").to_json())
        if told["value"] is None:
            withheld += 1
            assert told["withheld"] or math.isnan(recompute(told)), name
            continue
        checked += 1
        assert recompute(told) == told["value"], name
    assert checked > 200
    assert {c.partition("/")[2] for c in cells if cells[c]["value"] is None} == {"wue_freshwater", "erf"}


def test_an_explanation_names_meters_gaps_substitutions_factors_and_hashes(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    closed = close(made_up, model, tmp_path)
    told = explain(Archive(tmp_path / "archive"), f"{closed.id}#carbon_kg").content
    assert list(told["meters"]) == ["utility-meter.power"]
    assert (
        told["meters"]["utility-meter.power"]["samples"] == told["steps"]["count"] - 15
    )  # 5 % of 96 is 5 a day
    assert len(told["gaps"]) > 3
    assert told["substituted_steps"] == 9
    assert told["factors"]["intensity_g_per_kwh"]["factor_source"] == "average feed"
    assert len(told["hashes"]["code_sha256"]) == 64


def test_a_person_reads_an_explanation_on_one_page(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    closed = close(made_up, model, tmp_path)
    text = explain(Archive(tmp_path / "archive"), f"{closed.id}#total/pue").text
    assert text.startswith(f"{closed.id}#total/pue = 1.")
    assert "formula: (Σ facility_kw · h where facility_kw and it_kw known) / (Σ it_kw" in text


def test_late_data_make_a_second_version_with_its_reason_and_every_changed_cell(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    first = close(made_up, model, tmp_path)
    kept = {p.name: p.read_bytes() for p in first.folder.iterdir()}
    with pytest.raises(ConfigError, match="is closed already"):
        close(made_up, model, tmp_path)
    second = close(
        made_up, model, tmp_path, source=LossyHistorian(made_up), reason="meter gateway backfilled"
    )
    assert (first.id, second.id) == ("demo-2026-07-01..2026-07-03-v1", "demo-2026-07-01..2026-07-03-v2")
    assert {p.name: p.read_bytes() for p in first.folder.iterdir()} == kept
    changed = {c.cell: c for c in second.changes}
    assert changed["total/facility_kwh"].after > changed["total/facility_kwh"].before
    assert "total/fuel/gen-test_kg" not in changed
    manifest = Archive(tmp_path / "archive").open(second.id).manifest
    assert manifest["reason"] == "meter gateway backfilled"
    assert manifest["restates"] == first.id


def test_restating_without_a_difference_is_refused(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    close(made_up, model, tmp_path)
    with pytest.raises(ConfigError, match="nothing to restate"):
        close(made_up, model, tmp_path, reason="again")


@pytest.mark.parametrize("name", ["report.json", "evidence.parquet", "cells.json"])
def test_a_closed_report_that_somebody_changed_is_not_read(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path, name: str
) -> None:
    closed = close(made_up, model, tmp_path)
    path = closed.folder / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ConfigError, match=f"{name} was changed after closing"):
        explain(Archive(tmp_path / "archive"), f"{closed.id}#total/pue")


def test_a_period_that_has_not_ended_is_not_closed(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path: Path
) -> None:
    book = EvidenceBook()
    report = made_report(made_up, model, keep=book.keep)
    at = report.whole.account.start
    with pytest.raises(ConfigError, match="has not ended"):
        Archive(tmp_path).close(report, book, model, at=at, by="auditor")


@pytest.mark.parametrize(
    ("reference", "words"),
    [("nothing-v1#pue", "is not in"), ("../x#pue", "is not in"), ("demo-v1", "names no cell")],
)
def test_a_reference_to_nothing_is_one_line(tmp_path: Path, reference: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        explain(Archive(tmp_path), reference)
