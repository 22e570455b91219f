"""Reports from a running site or from its files: one way for the API and the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from plant.errors import ConfigError
from plant.forecast import CarbonSeries, PriceSeries
from plant.ports import CarbonFeed
from plant.site import CarbonSource, Site
from plant.timegrid import TimeGrid, floor_to
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel
from reports.energy import HistorySource, Keep, energy_report, keep_nothing
from reports.periods import Period, Split, named_period
from reports.profile import load_profile
from reports.report_record import EnergyReport, SwitchbackFinding
from reports.supplied import Supplied
from reports.supplied_file import load_supplied
from reports.switchback_analysis import analyze
from reports.switchback_record import RunRecord
from reports.writers.csv import to_csv
from reports.writers.json import to_json
from reports.writers.parquet import to_parquet
from reports.writers.pdf import to_pdf
from reports.writers.xlsx import to_xlsx
from telemetry.feeds import FeedSettings, open_carbon_feed

if TYPE_CHECKING:
    from controller.feeds import Feeds

STEP_S = 300
LONGEST = timedelta(days=2 * 366)


class ReportFormat(StrEnum):
    """How a report is written."""

    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"
    PARQUET = "parquet"
    PDF = "pdf"


MEDIA_TYPES = {
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.JSON: "application/json",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFormat.PARQUET: "application/vnd.apache.parquet",
    ReportFormat.PDF: "application/pdf",
}
_WRITERS: Mapping[ReportFormat, Callable[[EnergyReport], str | bytes]] = {
    ReportFormat.CSV: to_csv,
    ReportFormat.JSON: to_json,
    ReportFormat.XLSX: to_xlsx,
    ReportFormat.PARQUET: to_parquet,
    ReportFormat.PDF: to_pdf,
}


@dataclass(frozen=True)
class Order:
    """What a person asked for: which period, in which parts, against which profile."""

    start: datetime
    end: datetime
    split: Split = Split.WHOLE
    profile: str | None = None
    supplied: Path | None = None
    """The operator's file; None: the one the site file names, if any."""


def asked_period(site: Site, period: str | None, start: str | None, end: str | None) -> Period:
    """The period a person named, by its name or by its two ends.

    Raises
    ------
    ConfigError
        If there is neither or both, or one cannot be read.
    """
    if period is not None and start is None and end is None:
        return named_period(period, site.timezone)
    if period is None and start is not None and end is not None:
        return Period(f"{start}..{end}", moment(start, site.timezone), moment(end, site.timezone))
    raise ConfigError(
        "report period", "is not named in one way", "give period (2026-10), or both from and to"
    )


def moment(text: str, timezone: str) -> datetime:
    """A date (local midnight) or an ISO instant (local time where it names no zone).

    Raises
    ------
    ConfigError
        If it is neither.
    """
    zone = ZoneInfo(timezone)
    try:
        if len(text) == len("2026-10-01"):
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"time {text!r}", "is neither a date nor an ISO instant", "write 2026-10-01 or 2026-10-01T06:00Z"
        ) from None


def check_order(order: Order) -> None:
    """Raise a `ConfigError` for an order of which no report can be made."""
    if order.end <= order.start:
        raise ConfigError("report period", "ends before it begins", "give --from before --to")
    if order.end - order.start > LONGEST:
        raise ConfigError("report period", f"is longer than {LONGEST.days} days", "ask for a year at a time")
    if order.profile is not None:
        load_profile(order.profile)


async def make_report(
    site: Site,
    source: HistorySource,
    feeds: Feeds,
    baseline: BaselineModel | None,
    order: Order,
    *,
    generated_at: datetime,
    keep: Keep | None = None,
    second: FeedSettings | None = None,
    runs: Sequence[RunRecord] = (),
) -> EnergyReport:
    """The energy report of a period, from history and feeds.

    `second` is how the operator's own marginal feed is opened: with the program's secrets and cache;
    `runs` are the switchbacks the controller ran, of which those of the period are told.
    """
    check_order(order)
    supplied = load_supplied(order.supplied or site.reporting_file, site.timezone)
    grid = TimeGrid(order.start, STEP_S, max(1, int((order.end - order.start).total_seconds()) // STEP_S))
    carbon, price = await feeds.carbon.intensity(grid), await feeds.price.price(grid)
    marginal_feed = _marginal_feed(supplied, second)
    marginal = None if marginal_feed is None else await marginal_feed.intensity(grid)

    def price_of(_start: datetime, _end: datetime) -> PriceSeries:
        return price

    # A year is seconds of arithmetic: the loop that carries out approvals must not wait for it.
    report = await asyncio.to_thread(
        energy_report,
        site,
        source,
        order.start,
        order.end,
        carbon=_always(carbon),
        price=price_of,
        marginal=None if marginal is None else _always(marginal),
        baseline=baseline,
        generated_at=generated_at,
        split=order.split,
        step_s=STEP_S,
        supplied=supplied,
        profile=None if order.profile is None else load_profile(order.profile),
        keep=keep or keep_nothing,
    )
    found = await asyncio.to_thread(_switchbacks, site, source, order, runs)
    return replace(report, switchbacks=found)


def _switchbacks(
    site: Site, source: HistorySource, order: Order, runs: Sequence[RunRecord]
) -> tuple[SwitchbackFinding, ...]:
    """Those that ended in the period, and one that was still running when it ended."""
    found = []
    for run in runs:
        first, last = run.schedule.blocks[0].start, run.schedule.blocks[-1].end
        if first >= order.end or last <= order.start:
            continue
        history = source.history(site, first, min(last, order.end), STEP_S)
        found.append(SwitchbackFinding(run, analyze(history, run.schedule, record=run.record)))
    return tuple(found)


def _always(series: CarbonSeries) -> Callable[[datetime, datetime], CarbonSeries]:
    return lambda _start, _end: series


def _marginal_feed(supplied: Supplied, settings: FeedSettings | None) -> CarbonFeed | None:
    """The feed the operator's file names for consequences, beside the site's own."""
    named = supplied.marginal_provider
    if not named:
        return None
    path = Path(named["path"]) if named["path"] else None
    return open_carbon_feed(
        CarbonSource(named["provider"], named["region"], path), settings or FeedSettings()
    )


def fitted_baseline(site: Site, source: HistorySource, start: datetime, end: datetime) -> BaselineModel:
    """A baseline of the as-found hours of a window; not qualified, with reasons, where there are too few."""
    history = source.history(site, floor_to(start, STEP_S), floor_to(end, STEP_S), STEP_S)
    return fit_baseline(history, at=end)


def rendered() -> Mapping[str, Callable[[EnergyReport], bytes]]:
    """What is closed beside JSON and CSV: spreadsheet and print, where the extra for them is installed."""
    if any(find_spec(module) is None for module in ("xlsxwriter", "typst", "matplotlib")):
        return {}
    return {f"report.{form}": partial(written, form=form) for form in (ReportFormat.XLSX, ReportFormat.PDF)}


def written(report: EnergyReport, form: ReportFormat) -> bytes:
    """The report as a file's content.

    Raises
    ------
    ConfigError
        If the format needs an extra that is not installed.
    """
    content = _WRITERS[form](report)
    return content.encode() if isinstance(content, str) else content
