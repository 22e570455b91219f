"""Everything else the API shows: the site, modes, holds, alarms, the record."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from controller.alarms import Alarm, AlarmKind, Priority
from controller.api.bodies import RangeIn
from controller.api.out import Out, number
from controller.audit import AuditRecord
from controller.contingency import TripOutcome
from controller.holds import Hold
from controller.modes import Mode
from controller.standing import StandingApproval
from controller.status import Saving, SiteStatus, ZoneStatus
from controller.two_person import Request


class ZoneOut(Out):
    """One zone against its limits."""

    zone: str
    mode: Mode
    worst_inlet_c: float | None
    recommended_max_c: float
    allowable_max_c: float
    sensors_usable: int
    sensors: int
    supply_air_c: float | None
    it_kw: float | None

    @classmethod
    def of(cls, z: ZoneStatus) -> ZoneOut:
        """From the record."""
        return cls(
            zone=z.zone,
            mode=z.mode,
            worst_inlet_c=number(z.worst_inlet_c),
            recommended_max_c=z.recommended_max_c,
            allowable_max_c=z.allowable_max_c,
            sensors_usable=z.sensors_usable,
            sensors=z.sensors,
            supply_air_c=number(z.supply_air_c),
            it_kw=number(z.it_kw),
        )


class TripOut(Out):
    """What would become of a zone if a machine tripped: its warmest inlet within the ride-through time."""

    unit: str
    zone: str
    inlet_c: float | None
    allowable_c: float
    margin_k: float | None
    minutes: float | None
    """Until the allowable limit is passed; null where it is not."""

    @classmethod
    def of(cls, t: TripOutcome) -> TripOut:
        """From the record."""
        return cls(
            unit=t.unit,
            zone=t.zone,
            inlet_c=number(t.inlet_c),
            allowable_c=t.allowable_c,
            margin_k=number(t.margin_k),
            minutes=number(t.minutes),
        )


class SavingOut(Out):
    """Saved against a named baseline since a time; negative is a loss."""

    since: datetime
    baseline: str
    facility_kwh: float | None
    carbon_kg: float | None
    cost: float | None
    water_l: float | None
    currency: str
    carbon_synthetic: bool

    @classmethod
    def of(cls, s: Saving) -> SavingOut:
        """From the record."""
        return cls(
            since=s.since,
            baseline=s.baseline,
            facility_kwh=number(s.facility_kwh),
            carbon_kg=number(s.carbon_kg),
            cost=number(s.cost),
            water_l=number(s.water_l),
            currency=s.currency,
            carbon_synthetic=s.carbon_synthetic,
        )


class StateOut(Out):
    """The site right now."""

    at: datetime
    site: str
    mode: Mode
    stopped: str | None
    data_age_s: float | None
    facility_kw: float | None
    it_kw: float | None
    cooling_kw: float | None
    zones: list[ZoneOut]
    setpoints: dict[str, float]
    saving: SavingOut | None
    plan: str
    notes: list[str]
    redundancy: list[TripOut]

    @classmethod
    def of(cls, s: SiteStatus) -> StateOut:
        """From the record."""
        return cls(
            at=s.at,
            site=s.site,
            mode=s.mode,
            stopped=s.stopped,
            data_age_s=number(s.data_age_s),
            facility_kw=number(s.facility_kw),
            it_kw=number(s.it_kw),
            cooling_kw=number(s.cooling_kw),
            zones=[ZoneOut.of(z) for z in s.zones],
            setpoints={str(k): v for k, v in s.setpoints.items()},
            saving=None if s.saving is None else SavingOut.of(s.saving),
            plan=s.plan,
            notes=list(s.notes),
            redundancy=[TripOut.of(t) for t in s.redundancy],
        )


class HoldOut(Out):
    """A hold in force."""

    id: str
    target: str
    reason: str
    by: str
    placed_at: datetime
    until: datetime

    @classmethod
    def of(cls, h: Hold) -> HoldOut:
        """From the record."""
        return cls(id=h.id, target=h.target, reason=h.reason, by=h.by, placed_at=h.placed_at, until=h.until)


class StopOut(Out):
    """The latched stop."""

    by: str
    reason: str
    at: datetime


class RequestOut(Out):
    """A wish that waits for a second person."""

    id: str
    kind: str
    by: str
    at: datetime
    expires_at: datetime
    what: dict[str, str]

    @classmethod
    def of(cls, r: Request) -> RequestOut:
        """From the record."""
        what = {k: str(v) for k, v in r.what.items()}
        return cls(id=r.id, kind=r.kind, by=r.by, at=r.at, expires_at=r.expires_at, what=what)


class ModesOut(Out):
    """Modes as people chose them and as they take effect."""

    chosen: dict[str, Mode]
    effective: dict[str, Mode]
    stopped: StopOut | None
    fallback: list[str]
    waiting: list[RequestOut]


class StandingOut(Out):
    """A standing approval in force."""

    id: str
    ranges: dict[str, RangeIn]
    min_margin_k: float
    by: str
    granted_at: datetime
    until: datetime
    remaining: int

    @classmethod
    def of(cls, s: StandingApproval) -> StandingOut:
        """From the record."""
        return cls(
            id=s.id,
            ranges={str(k): RangeIn(low=r.low, high=r.high) for k, r in s.ranges.items()},
            min_margin_k=s.min_margin_k,
            by=s.by,
            granted_at=s.granted_at,
            until=s.until,
            remaining=s.remaining,
        )


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


class AuditOut(Out):
    """One sealed record of the audit log."""

    seq: int
    at: datetime
    kind: str
    who: str
    what: dict[str, object]
    hash: str

    @classmethod
    def of(cls, r: AuditRecord) -> AuditOut:
        """From the record."""
        return cls(seq=r.seq, at=r.at, kind=r.kind, who=r.who, what=dict(r.what), hash=r.hash)


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
