"""What the simulator knows and no real site would tell: true energies, with and without us.

Read from the simulator's exporter for scoring the demo; the controller never sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from controller.canonical import Json

_KWH_PER_J = 1 / 3.6e6


@dataclass(frozen=True)
class Truth:
    """Accumulated true amounts of the controlled plant and of its untouched twin."""

    kwh: dict[tuple[str, str], float]
    worst_inlet_c: float
    violation_minutes: float


def read_truth(exporter_url: str) -> Truth:
    """Scrape the simulator's own counters."""
    page = httpx2.get(exporter_url, timeout=10.0).text
    kwh: dict[tuple[str, str], float] = {}
    worst, above = float("nan"), 0.0
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            who = sample.labels.get("plant", "")
            if sample.name == "sim_true_energy_joules_total":
                kwh[who, sample.labels["meter"]] = sample.value * _KWH_PER_J
            elif sample.name == "sim_true_inlet_max_celsius" and who == "controlled":
                worst = sample.value
            elif sample.name == "sim_true_violation_seconds_total" and who == "controlled":
                above += sample.value / 60
    return Truth(kwh, worst, above)


def as_json(truth: Truth) -> dict[str, Json]:
    """For the result file: true energies of both plants since the demo began, and the true saving."""
    plants = sorted({plant for plant, _ in truth.kwh})
    energies: dict[str, Json] = {
        plant: {f"{meter}_kwh": v for (p, meter), v in truth.kwh.items() if p == plant} for plant in plants
    }
    saving = truth.kwh.get(("as_found", "facility"), float("nan")) - truth.kwh.get(
        ("controlled", "facility"), float("nan")
    )
    return {
        "source": "the simulator's own counters; the twin runs the same hours as found",
        **energies,
        "saving_facility_kwh": saving,
        "inlet_max_c": truth.worst_inlet_c,
        "violation_minutes": truth.violation_minutes,
    }
