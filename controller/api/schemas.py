"""Everything else the API shows: the site, modes, holds, alarms, the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator

from controller.alarms import Alarm, AlarmKind, Priority
from controller.api.bodies import RangeIn
from controller.api.out import Known, Mirror, Out
from controller.modes import Mode


def _as_text(what: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in what.items()}


class ZoneOut(Mirror):
    """One zone against its limits."""

    zone: str
    mode: Mode
    worst_inlet_c: Known
    recommended_max_c: float
    allowable_max_c: float
    sensors_usable: int
    sensors: int
    supply_air_c: Known
    it_kw: Known


class TripOut(Mirror):
    """What would become of a zone if a machine tripped: its warmest inlet within the ride-through time."""

    unit: str
    zone: str
    inlet_c: Known
    allowable_c: float
    margin_k: Known
    minutes: Known
    """Until the allowable limit is passed; null where it is not."""


class SavingOut(Mirror):
    """Saved against a named baseline since a time; negative is a loss."""

    since: datetime
    baseline: str
    facility_kwh: Known
    carbon_kg: Known
    cost: Known
    water_l: Known
    currency: str
    carbon_synthetic: bool


class StateOut(Mirror):
    """The site right now."""

    at: datetime
    site: str
    mode: Mode
    stopped: str | None
    data_age_s: Known
    facility_kw: Known
    it_kw: Known
    cooling_kw: Known
    zones: list[ZoneOut]
    setpoints: dict[str, float]
    saving: SavingOut | None
    plan: str
    notes: list[str]
    redundancy: list[TripOut]


class HoldOut(Mirror):
    """A hold in force."""

    id: str
    target: str
    reason: str
    by: str
    placed_at: datetime
    until: datetime


class StopOut(Mirror):
    """The latched stop."""

    by: str
    reason: str
    at: datetime


class RequestOut(Mirror):
    """A wish that waits for a second person."""

    id: str
    kind: str
    by: str
    at: datetime
    expires_at: datetime
    what: Annotated[dict[str, str], BeforeValidator(_as_text)]


class ModesOut(Out):
    """Modes as people chose them and as they take effect."""

    chosen: dict[str, Mode]
    effective: dict[str, Mode]
    stopped: StopOut | None
    fallback: list[str]
    waiting: list[RequestOut]


class StandingOut(Mirror):
    """A standing approval in force."""

    id: str
    ranges: dict[str, RangeIn]
    min_margin_k: float
    by: str
    granted_at: datetime
    until: datetime
    remaining: int


class AlarmOut(Out):
    """An alarm with what it means and what to do."""

    id: str
    kind: AlarmKind
    priority: Priority
    source: str
    detail: str
    cause: str
    consequence: str
    response: str
    raised_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    shelved_until: datetime | None

    @classmethod
    def of(cls, a: Alarm) -> AlarmOut:
        """From the record."""
        return cls(
            id=a.id,
            kind=a.kind,
            priority=a.facts.priority,
            source=a.source,
            detail=a.detail,
            cause=a.facts.cause,
            consequence=a.facts.consequence,
            response=a.facts.response,
            raised_at=a.raised_at,
            cleared_at=a.cleared_at,
            acknowledged_at=a.acknowledged_at,
            acknowledged_by=a.acknowledged_by,
            shelved_until=a.shelved_until,
        )


class AuditOut(Mirror):
    """One sealed record of the audit log."""

    seq: int
    at: datetime
    kind: str
    who: str
    what: dict[str, object]
    hash: str


class HandoverOut(Out):
    """What the next shift needs to know."""

    since: datetime
    until: datetime
    proposals: dict[str, int]
    people: dict[str, int]
    events: list[AuditOut]
    alarms: list[AlarmOut]
    holds: list[HoldOut]
    waiting: list[RequestOut]


class VerificationOut(Out):
    """Whether the audit log is as it was written, and its head."""

    intact: bool
    records: int
    head: str
    problem: str | None


class WhoOut(Out):
    """Who this token says you are."""

    name: str
    role: str
    scopes: list[str]


class HealthOut(Out):
    """The process is alive."""

    status: Literal["alive"]


class ReadyOut(Out):
    """Whether the program does its work, and if not, why."""

    ready: bool
    reasons: list[str]
