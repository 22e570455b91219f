"""The energy report: kWh, CO2e, water, cost and ratios of a period, with what stands behind them.

The figures come from accounts; here they get their period, their ratios, and their provenance.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Protocol

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.kpi import DEFINITIONS_VERSION, Kpi, cue, pue, wue
from plant.site import Site
from reports.account import METHOD_VERSION, Account, account, combine
from reports.baseline_model import METHOD_VERSION as BASELINE_VERSION
from reports.baseline_model import BaselineModel
from reports.figures import Figure
from reports.periods import Split, cut

DEFAULT_STEP_S = 900
MIN_MEASURED = 0.9
"""A ratio is withheld where less than this share of either side's samples was measured."""


class HistorySource(Protocol):
    """Where history comes from: the historian, or a fake in a test."""

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        """Means over equal steps from ``start`` (in) to ``end`` (out); gaps are NaN rows."""
        ...


CarbonOf = Callable[[datetime, datetime], CarbonSeries]
PriceOf = Callable[[datetime, datetime], PriceSeries]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of the period, or why it is withheld."""

    key: str
    kpi: Kpi
    withheld: str | None = None


@dataclass(frozen=True)
class ReportRow:
    """One period of the report. `ratios` are formed from its own sums, never averaged."""

    account: Account
    ratios: tuple[Ratio, ...]


@dataclass(frozen=True)
class Provenance:
    """Everything that would have to be the same to get the same report again."""

    method_version: str
    config_sha256: str
    step_s: int
    min_measured: float
    baseline_id: str | None


@dataclass(frozen=True)
class EnergyReport:
    """The whole period and its parts (local days or months, or none)."""

    site_id: str
    site_name: str
    timezone: str
    pue_category: int
    generated_at: datetime
    whole: ReportRow
    parts: tuple[ReportRow, ...]
    provenance: Provenance

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """The parts, then the whole."""
        return (*self.parts, self.whole)


def energy_report(
    site: Site,
    historian: HistorySource,
    start: datetime,
    end: datetime,
    *,
    carbon: CarbonOf,
    price: PriceOf,
    baseline: BaselineModel | None,
    generated_at: datetime,
    split: Split = Split.WHOLE,
    step_s: int = DEFAULT_STEP_S,
    min_measured: float = MIN_MEASURED,
) -> EnergyReport:
    """Report on ``start`` (in) to ``end`` (out), both aware.

    Parameters
    ----------
    historian : HistorySource
        Asked part by part, so that a year does not have to fit in memory at once.
    carbon, price : callable
        The series that cover an interval; what they do not cover is a gap.
    split : Split
        Rows for local days or months besides the whole period.

    Raises
    ------
    ConfigError
        If the period is empty or not a whole number of steps.
    """
    accounts = [
        account(
            historian.history(site, a, b, step_s), baseline=baseline, carbon=carbon(a, b), price=price(a, b)
        )
        for a, b in cut(start, end, site.timezone, split, step_s)
    ]
    category = site.pue_category
    parts = tuple(_row(a, category, min_measured) for a in accounts) if split is not Split.WHOLE else ()
    return EnergyReport(
        site_id=site.id,
        site_name=site.name,
        timezone=site.timezone,
        pue_category=category,
        generated_at=generated_at,
        whole=_row(combine(accounts), category, min_measured),
        parts=parts,
        provenance=Provenance(
            f"{METHOD_VERSION}+{BASELINE_VERSION}+kpi/{DEFINITIONS_VERSION}",
            config_sha256(site),
            step_s,
            min_measured,
            baseline.id if baseline else None,
        ),
    )


def config_sha256(site: Site) -> str:
    """Hash of everything the site file says, however the file is laid out."""
    described = asdict(replace(site, source_file=None))
    text = json.dumps(described, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _row(of: Account, category: int, min_measured: float) -> ReportRow:
    sums = of.ratios
    ratios = (
        _ratio(
            "pue",
            pue(sums.pue_facility_kwh, sums.pue_it_kwh, of.period, category),
            of,
            (Figure.FACILITY, Figure.IT),
            min_measured,
        ),
        _ratio("wue", wue(sums.wue_water_l, sums.wue_it_kwh), of, (Figure.WATER, Figure.IT), min_measured),
        _ratio("cue", cue(sums.cue_carbon_kg, sums.cue_it_kwh), of, (Figure.CARBON, Figure.IT), min_measured),
    )
    return ReportRow(of, ratios)


def _ratio(key: str, kpi: Kpi, of: Account, figures: tuple[Figure, Figure], min_measured: float) -> Ratio:
    """The ratio, or what stands in its way. A ratio formed on too little is not shown at all."""
    worst = min(figures, key=lambda f: of.shares[f].measured)
    share = of.shares[worst].measured
    if math.isnan(kpi.value):
        return Ratio(key, kpi, f"{worst} has no common time with the rest")
    if share < min_measured:
        reason = f"only {share:.1%} of {worst} was measured, {min_measured:.0%} is needed"
        return Ratio(key, replace(kpi, value=math.nan), reason)
    return Ratio(key, kpi)
