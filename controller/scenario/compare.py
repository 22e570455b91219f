"""Runs side by side: what each used, what each criterion found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plant.errors import ConfigError

_COLUMNS = (
    ("facility_kwh", "facility kWh", 1),
    ("cooling_kwh", "cooling kWh", 1),
    ("water_l", "water L", 0),
    ("carbon_kg", "carbon kg", 1),
    ("cost", "cost", 2),
    ("worst_inlet_c", "warmest °C", 2),
    ("violation_minutes_total", "min above", 0),
)


@dataclass(frozen=True)
class RunSummary:
    """One finished run, read back from its folder."""

    folder: Path
    manifest: Mapping[str, object]
    kpis: Mapping[str, object]

    @property
    def passed(self) -> bool:
        """Whether no criterion failed."""
        return bool(self.kpis["passed"])

    @property
    def label(self) -> str:
        """Scenario, policy and seed."""
        m = self.manifest
        return f"{m['scenario']} {m['policy']} s{m['seed']}"

    def amount(self, name: str) -> float | None:
        """One amount, None where it could not be told."""
        amounts = self.kpis["amounts"]
        value = amounts.get(name) if isinstance(amounts, dict) else None
        return float(value) if isinstance(value, int | float) else None


def read_run(folder: Path) -> RunSummary:
    """A run from its folder.

    Raises
    ------
    ConfigError
        If it is not the folder of a finished run.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        kpis = json.loads((folder / "kpis.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"run {folder}",
            f"is not the folder of a finished run ({type(error).__name__})",
            "give a folder that `scenario run` wrote, or a name of `scenario list`",
        ) from None
    return RunSummary(folder, manifest, kpis)


def table_rows(runs: Sequence[RunSummary]) -> tuple[list[str], list[list[str]]]:
    """Header and rows; changes are against the first run."""
    header = ["run", *(title for _, title, _ in _COLUMNS), "as found"]
    rows = []
    for run in runs:
        cells = [run.label]
        for name, _, digits in _COLUMNS:
            value, first = run.amount(name), runs[0].amount(name)
            text = "–" if value is None else f"{value:,.{digits}f}"
            comparable = value is not None and first and run is not runs[0] and "inlet" not in name
            if comparable and value is not None and first and name != "violation_minutes_total":
                text += f" ({value / first - 1:+.1%})"
            cells.append(text)
        share = run.kpis.get("saving_facility_share")
        cells.append("–" if not isinstance(share, float) else f"{-share:+.1%}")
        rows.append(cells)
    return header, rows


def verdicts(runs: Sequence[RunSummary]) -> list[str]:
    """One line a run: whether it passed, and what it did not meet."""
    return [
        f"passed  {run.label}" if run.passed else f"FAILED  {run.label}: {'; '.join(failures(run))}"
        for run in runs
    ]


def failures(run: RunSummary) -> list[str]:
    """The criteria a run did not meet, with what was found."""
    criteria = run.kpis["criteria"]
    if not isinstance(criteria, list):
        return []
    return [f"{c['criterion']} {c['found']} (asked {c['asked']})" for c in criteria if c["met"] is False]
