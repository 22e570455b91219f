"""Reports from a running site or from its files: one way for the API and the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from controller.wiring import Feeds
from plant.errors import ConfigError
from plant.forecast import CarbonSeries, PriceSeries
from plant.site import Site
from plant.timegrid import TimeGrid
from reports.baseline_model import BaselineModel
from reports.energy import EnergyReport, HistorySource, energy_report
from reports.periods import Split
from reports.writers.csv import to_csv
from reports.writers.json import to_json

STEP_S = 300


class ReportFormat(StrEnum):
    """How a report is written."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {ReportFormat.CSV: "text/csv; charset=utf-8", ReportFormat.JSON: "application/json"}


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
    except ValueError:
        raise ConfigError(
            f"time {text!r}", "is neither a date nor an ISO instant", "write 2026-10-01 or 2026-10-01T06:00Z"
        ) from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


async def make_report(
    site: Site,
    source: HistorySource,
    feeds: Feeds,
    baseline: BaselineModel | None,
    start: datetime,
    end: datetime,
    *,
    split: Split,
    generated_at: datetime,
) -> EnergyReport:
    """The energy report of a period, from history and feeds."""
    if end <= start:
        raise ConfigError("report period", "ends before it begins", "give --from before --to")
    grid = TimeGrid(start, STEP_S, max(1, int((end - start).total_seconds()) // STEP_S))
    carbon, price = await feeds.carbon.intensity(grid), await feeds.price.price(grid)

    def carbon_of(_start: datetime, _end: datetime) -> CarbonSeries:
        return carbon

    def price_of(_start: datetime, _end: datetime) -> PriceSeries:
        return price

    return energy_report(
        site,
        source,
        start,
        end,
        carbon=carbon_of,
        price=price_of,
        baseline=baseline,
        generated_at=generated_at,
        split=split,
        step_s=STEP_S,
    )


def written(report: EnergyReport, form: ReportFormat) -> str:
    """The report as text."""
    return to_csv(report) if form is ReportFormat.CSV else to_json(report)
