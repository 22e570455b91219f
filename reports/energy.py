"""The energy report: kWh, CO2e, water, cost and ratios of a period, with what stands behind them.

The figures come from accounts; here they get their period, their ratios, and their provenance.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import plant
from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.kpi import DEFINITIONS_VERSION, Kpi, cue, pue, wue
from plant.site import Site
from reports.account import METHOD_VERSION, Account, account_of, combine
from reports.balance import MeterBalance, joined, meter_balance
from reports.baseline_model import METHOD_VERSION as BASELINE_VERSION
from reports.baseline_model import BaselineModel
from reports.carbon import carbon_statement
from reports.figures import Figure
from reports.kpis import kpis
from reports.periods import Split, cut, label_of, month_of
from reports.profile import FilledProfile, Profile
from reports.profile_fill import Material, fill
from reports.rates import StepRates, step_rates
from reports.report_record import EnergyReport, Provenance, Ratio, ReportRow, Status
from reports.supplied import Supplied

__all__ = [
    "MIN_MEASURED",
    "Choices",
    "EnergyReport",
    "Feeds",
    "HistorySource",
    "Keep",
    "Provenance",
    "Ratio",
    "ReportRow",
    "Status",
    "code_sha256",
    "config_sha256",
    "energy_report",
    "keep_nothing",
]

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
Keep = Callable[[StepRates, StepRates | None], None]


def keep_nothing(_steps: StepRates, _marginal: StepRates | None) -> None:
    """What a draft does with its evidence."""


@dataclass(frozen=True)
class Feeds:
    """The series that stand behind carbon and cost; what they do not cover is a gap."""

    carbon: CarbonOf
    price: PriceOf
    marginal: CarbonOf | None = None


@dataclass(frozen=True)
class Choices:
    """How a report is made."""

    split: Split = Split.WHOLE
    step_s: int = DEFAULT_STEP_S
    min_measured: float = MIN_MEASURED
    supplied: Supplied = field(default_factory=Supplied)
    profile: Profile | None = None


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
    marginal: CarbonOf | None = None,
    supplied: Supplied = Supplied(),  # noqa: B008 - frozen and empty
    profile: Profile | None = None,
    keep: Keep = keep_nothing,
) -> EnergyReport:
    """Report on ``start`` (in) to ``end`` (out), both aware.

    Parameters
    ----------
    historian : HistorySource
        Asked part by part, so that a year does not have to fit in memory at once.
    carbon, price, marginal : callable
        The series that cover an interval; what they do not cover is a gap.
    split : Split
        Rows for local days or months besides the whole period.
    supplied, profile
        What the operator supplied, and which regulation's fields to fill.
    keep : callable
        Gets the step rates of each piece, in time order, and those with the marginal feed: what a
        closed report keeps as evidence.

    Raises
    ------
    ConfigError
        If the period is empty or not a whole number of steps.
    """
    choices = Choices(split, step_s, min_measured, supplied, profile)
    pieces = [
        _piece(site, historian, a, b, baseline, Feeds(carbon, price, marginal), choices, keep)
        for a, b in cut(start, end, site.timezone, split, step_s)
    ]
    whole = _row(site, pieces, choices)
    parts = tuple(_row(site, [p], choices) for p in pieces) if split is not Split.WHOLE else ()
    balance = pieces[0].balance
    for piece in pieces[1:]:
        balance = joined(balance, piece.balance)
    return EnergyReport(
        site_id=site.id,
        site_name=site.name,
        timezone=site.timezone,
        pue_category=site.pue_category,
        generated_at=generated_at,
        whole=whole,
        parts=parts,
        months=tuple(_row(site, group, choices) for group in _by_month(pieces, site.timezone)),
        balance=balance,
        supplied=supplied,
        profile=_filled(site, whole, choices),
        provenance=Provenance(
            f"{METHOD_VERSION}+{BASELINE_VERSION}+kpi/{DEFINITIONS_VERSION}",
            config_sha256(site),
            step_s,
            min_measured,
            baseline.id if baseline else None,
            code_sha256(),
            supplied.sha256,
        ),
    )


@dataclass(frozen=True)
class _Piece:
    """One span of the period: its account, its account with a marginal feed, its meter balance."""

    account: Account
    marginal: Account | None
    balance: MeterBalance


def _piece(
    site: Site,
    historian: HistorySource,
    start: datetime,
    end: datetime,
    baseline: BaselineModel | None,
    feeds: Feeds,
    choices: Choices,
    keep: Keep,
) -> _Piece:
    history = historian.history(site, start, end, choices.step_s)
    carbon, price = feeds.carbon(start, end), feeds.price(start, end)
    steps = step_rates(history, baseline=baseline, carbon=carbon, price=price, supplied=choices.supplied)
    marginal, again = None, None
    if feeds.marginal is not None:
        series = feeds.marginal(start, end)
        again = step_rates(history, baseline=baseline, carbon=series, price=price)
        marginal = account_of(again, baseline, series, price)
    keep(steps, again)
    return _Piece(account_of(steps, baseline, carbon, price), marginal, meter_balance(history))


def _by_month(pieces: Iterable[_Piece], timezone: str) -> list[list[_Piece]]:
    months: dict[str, list[_Piece]] = {}
    for piece in pieces:
        months.setdefault(month_of(piece.account.start, timezone), []).append(piece)
    return list(months.values())


def _row(site: Site, pieces: list[_Piece], choices: Choices) -> ReportRow:
    of = combine(p.account for p in pieces)
    with_marginal = [p.marginal for p in pieces if p.marginal is not None]
    marginal = combine(with_marginal) if with_marginal else None
    return ReportRow(
        label_of(of.start, of.end, site.timezone),
        of,
        _ratios(of, site.pue_category, choices.min_measured),
        kpis(of, site.pue_category, choices.supplied, choices.min_measured),
        carbon_statement(of, choices.supplied, marginal),
    )


def _filled(site: Site, row: ReportRow, choices: Choices) -> FilledProfile | None:
    if choices.profile is None:
        return None
    material = Material(site, row.account, row.kpis, row.carbon, choices.supplied, choices.min_measured)
    return fill(choices.profile, material)


@cache
def code_sha256() -> str:
    """Hash of the source files a report's figures come from."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(plant.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(f"{package.name}/{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def config_sha256(site: Site) -> str:
    """Hash of everything the site file says, however the file is laid out."""
    described = asdict(replace(site, source_file=None, reporting_file=None))
    text = json.dumps(described, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _ratios(of: Account, category: int, min_measured: float) -> tuple[Ratio, ...]:
    sums = of.ratios
    return (
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
