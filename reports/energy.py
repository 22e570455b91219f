"""The energy report: kWh, CO2e, water, cost and ratios of a period, with what stands behind them.

The figures come from accounts; here they get their period, their ratios, and their provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.site import Site
from reports.account import account_of
from reports.account_record import Account, combine
from reports.balance import MeterBalance, joined, meter_balance
from reports.baseline_model import BaselineModel
from reports.carbon import carbon_statement
from reports.course import CoursePart, course
from reports.kpis import kpis
from reports.periods import Split, cut, label_of, month_of
from reports.profile import FilledProfile, Profile
from reports.profile_fill import Material, fill
from reports.provenance import provenance
from reports.rates import StepRates, step_rates
from reports.ratios import ratios
from reports.report_record import EnergyReport, ReportRow
from reports.supplied import Supplied

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
    feeds = Feeds(carbon, price, marginal)
    asked = _Asked(site, historian, baseline, feeds, choices, keep, end - start)
    pieces = [asked.piece(*edges) for edges in cut(start, end, site.timezone, split, step_s)]
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
        provenance=provenance(site, baseline, supplied, step_s, min_measured),
        course=tuple(part for piece in pieces for part in piece.course),
    )


@dataclass(frozen=True)
class _Piece:
    """One span of the period: its account, that with a marginal feed, its meter balance, its course."""

    account: Account
    marginal: Account | None
    balance: MeterBalance
    course: tuple[CoursePart, ...]


@dataclass(frozen=True)
class _Asked:
    """What every piece of a report is made with."""

    site: Site
    historian: HistorySource
    baseline: BaselineModel | None
    feeds: Feeds
    choices: Choices
    keep: Keep
    period: timedelta

    def piece(self, start: datetime, end: datetime) -> _Piece:
        """Read one span, account for it, and hand its step rates on to whoever keeps them."""
        baseline, feeds = self.baseline, self.feeds
        history = self.historian.history(self.site, start, end, self.choices.step_s)
        carbon, price = feeds.carbon(start, end), feeds.price(start, end)
        steps = step_rates(
            history, baseline=baseline, carbon=carbon, price=price, supplied=self.choices.supplied
        )
        marginal, again = None, None
        if feeds.marginal is not None:
            series = feeds.marginal(start, end)
            again = step_rates(history, baseline=baseline, carbon=series, price=price)
            marginal = account_of(again, baseline, series, price)
        self.keep(steps, again)
        found = account_of(steps, baseline, carbon, price)
        return _Piece(found, marginal, meter_balance(history), course(steps, self.period))


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
        ratios(of, site.pue_category, choices.min_measured),
        kpis(of, site.pue_category, choices.supplied, choices.min_measured),
        carbon_statement(of, choices.supplied, marginal),
    )


def _filled(site: Site, row: ReportRow, choices: Choices) -> FilledProfile | None:
    if choices.profile is None:
        return None
    material = Material(site, row.account, row.kpis, row.carbon, choices.supplied, choices.min_measured)
    return fill(choices.profile, material)
