"""The record of an energy report: rows with their figures, and what stands behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plant.kpi import Kpi
from reports.account_record import Account
from reports.balance import MeterBalance
from reports.carbon import CarbonStatement
from reports.course import CoursePart
from reports.kpis import KpiValue
from reports.profile import FilledProfile
from reports.supplied import Supplied
from reports.switchback_analysis import SwitchbackResult
from reports.switchback_record import RunRecord


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of the period, or why it is withheld."""

    key: str
    kpi: Kpi
    withheld: str | None = None


@dataclass(frozen=True)
class ReportRow:
    """One period of the report. Ratios and KPIs are formed from its own sums, never averaged."""

    label: str
    account: Account
    ratios: tuple[Ratio, ...]
    kpis: tuple[KpiValue, ...]
    carbon: CarbonStatement


class Status(StrEnum):
    """A draft may change with late data; a closed report is kept as it is and only ever restated."""

    DRAFT = "draft"
    CLOSED = "closed"


@dataclass(frozen=True)
class Provenance:
    """Everything that would have to be the same to get the same report again."""

    method_version: str
    config_sha256: str
    step_s: int
    min_measured: float
    baseline_id: str | None
    code_sha256: str
    supplied_sha256: str | None = None


@dataclass(frozen=True)
class SwitchbackFinding:
    """A switchback that ended in the period, or was still running at its end, and what it showed."""

    run: RunRecord
    result: SwitchbackResult


@dataclass(frozen=True)
class EnergyReport:
    """The whole period, its parts (local days or months, or none) and what else is asked of it.

    `months` are its local months (cut to the period), whatever the parts are; `course` is what a short
    period is drawn by, its hours or days, and stands in no table.
    """

    site_id: str
    site_name: str
    timezone: str
    pue_category: int
    generated_at: datetime
    whole: ReportRow
    parts: tuple[ReportRow, ...]
    months: tuple[ReportRow, ...]
    balance: MeterBalance
    supplied: Supplied
    profile: FilledProfile | None
    provenance: Provenance
    status: Status = Status.DRAFT
    version: int = 1
    switchbacks: tuple[SwitchbackFinding, ...] = ()
    course: tuple[CoursePart, ...] = ()

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """The parts, then the whole."""
        return (*self.parts, self.whole)

    @property
    def id(self) -> str:
        """Site, period and version: how a closed report is cited."""
        return f"{self.site_id}-{self.whole.label}-v{self.version}"
