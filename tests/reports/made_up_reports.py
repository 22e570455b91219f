"""Reports of the made-up plant: a historian that can lose samples, flat feeds, operator's files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from made_up_plant import MadeUpPlant

from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.site import Site
from plant.timegrid import TimeGrid
from reports.baseline_model import BaselineModel
from reports.energy import energy_report
from reports.periods import named_period
from reports.report_record import EnergyReport

SUPPLIED = """\
schema_version: 1
residual_mix: {g_per_kwh: 480, source: residual mix table, year: 2025}
contracts:
  - {id: wind-1, kind: ppa, first_day: 2026-07-01, last_day: 2026-07-03, kwh: 20000, renewable: true,
     factor: {g_per_kwh: 12, source: PPA annex 2, year: 2026}, evidence: contracts/wind-1.pdf}
  - {id: green-half, kind: supplier, first_day: 2026-01-01, last_day: 2026-12-31, share: 0.5,
     factor: {g_per_kwh: 300, source: supplier's label, year: 2025}, evidence: contracts/supplier.pdf}
fuels:
  - {id: gen-test, fuel: diesel, first_day: 2026-07-02, last_day: 2026-07-02, amount: 400, unit: L,
     kwh_per_unit: 10, kg_co2e_per_unit: 2.68, source: fuel table, year: 2025, evidence: tickets/77.pdf}
facts:
  - {key: heat_reused_kwh, value: 1500, first_day: 2026-07-01, last_day: 2026-07-03, source: heat meter,
     evidence: heat/2026-07.csv}
  - {key: refrigerants, value: R-513A, source: cooling log, evidence: log.pdf}
"""


@dataclass
class LossyHistorian:
    """Satisfies `HistorySource`; shares of the steps are lost, thinned, or without outdoor weather."""

    plant: MadeUpPlant
    lost: float = 0.0
    thinned: float = 0.0
    blind: float = 0.0
    more_kw: float = 0.0

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        hours = math.ceil((end - start).total_seconds() / 3600)
        made = self.plant.history(hours, step_s=step_s, start=start, seed=int(start.timestamp()) % 1000)
        steps = int((end - start).total_seconds()) // step_s
        values, share = made.values.iloc[:steps].copy(), made.measured_share.iloc[:steps].copy()
        rng = np.random.default_rng(5)
        order = rng.permutation(steps)
        gone = order[: round(self.lost * steps)]
        thin = order[steps - round(self.thinned * steps) :]
        values.iloc[gone] = np.nan
        share.iloc[gone] = 0.0
        share.iloc[thin] = 0.4
        values.loc[values.index[rng.permutation(steps)[: round(self.blind * steps)]], "outdoor.wet-bulb"] = (
            np.nan
        )
        values["utility-meter.power"] += self.more_kw
        return History(site, step_s, values, share)


def carbon_of(g_per_kwh: float = 400.0, kind: CarbonKind = CarbonKind.AVERAGE) -> Any:
    """A feed that varies by the hour, whatever interval is asked for."""

    def made(start: datetime, end: datetime) -> CarbonSeries:
        grid, h = _grid(start, end)
        values = g_per_kwh + 30 * np.sin(2 * np.pi * h / 24)
        return CarbonSeries(grid, values, kind, f"{kind} feed", synthetic=False)

    return made


def price_of(start: datetime, end: datetime) -> PriceSeries:
    """A tariff with a daily shape."""
    grid, h = _grid(start, end)
    return PriceSeries(grid, 0.1 + 0.02 * np.cos(2 * np.pi * h / 24), "EUR", "tariff")


def _grid(start: datetime, end: datetime) -> tuple[TimeGrid, np.ndarray]:
    steps = math.ceil((end - start).total_seconds() / 3600)
    return TimeGrid(start, 3600, steps), np.arange(steps, dtype=float)


def made_report(
    plant: MadeUpPlant,
    baseline: BaselineModel | None,
    period: str = "2026-07-01..2026-07-03",
    *,
    source: LossyHistorian | None = None,
    **choices: Any,
) -> EnergyReport:
    """An energy report of a named period."""
    named = named_period(period, plant.site.timezone)
    return energy_report(
        plant.site,
        source or LossyHistorian(plant),
        named.start,
        named.end,
        carbon=choices.pop("carbon", carbon_of()),
        price=price_of,
        baseline=baseline,
        generated_at=named.end,
        **choices,
    )


def supplied_file(folder: Path, text: str = SUPPLIED) -> Path:
    """The operator's file, written to a folder."""
    path = folder / "supplied.yaml"
    path.write_text(text, encoding="utf-8")
    return path
