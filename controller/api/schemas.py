"""The API's shapes. Bodies are strict: an unknown field is an error. NaN goes out as null."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from controller.alarms import Alarm, AlarmKind, Priority
from controller.audit import AuditRecord
from controller.decisions import Decision
from controller.drafts import Effect, Estimate
from controller.holds import Hold
from controller.modes import Mode
from controller.proposal_record import Proposal, ProposalStatus
from controller.standing import StandingApproval
from controller.status import Saving, SiteStatus, ZoneStatus
from controller.two_person import Request
from plant.quantities import FACTS
from plant.site import Site

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def number(value: float) -> float | None:
    """A finite number, or null."""
    return float(value) if math.isfinite(value) else None


def _only_numbers(value: object) -> object:
    """JSON does not tell 3 from 3.0, but a text is not a number."""
    if isinstance(value, str | bool):
        raise ValueError("should be a number")
    return value


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProposalQuery(_In):
    """Which proposals to list."""

    status: ProposalStatus | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AlarmQuery(_In):
    """Whether shelved alarms are listed too."""

    shelved: bool = False


class AuditQuery(_In):
    """Which records to list, paging back with `before`."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    before: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None


class HandoverQuery(_In):
    """How far back to look."""

    hours: Annotated[float, Field(gt=0, le=14 * 24)] = 8


class DecisionIn(_In):
    """A decision, for exactly what the digest covers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "approve", "digest": "0" * 64, "reason": ""}]}
    )

    decision: Decision
    digest: Digest
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class HoldIn(_In):
    """Hands off a site, zone, machine or lever for some minutes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"target": "crah-3", "minutes": 180, "reason": "belt"}]}
    )

    target: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    minutes: Annotated[float, Field(ge=1, le=30 * 24 * 60, strict=True)]
    reason: Words


class ReasonIn(_In):
    """A reason, in a few words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "smell of burning in hall 2"}]})

    reason: Words


class ModeIn(_In):
    """The mode wanted, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mode": "advisory", "reason": "end of the night shift"}]}
    )

    mode: Literal["shadow", "advisory", "supervised"]
    reason: Words


class RangeIn(_In):
    """From and to, both allowed."""

    low: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    high: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class StandingIn(_In):
    """Agree beforehand to changes of these levers within these ranges."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ranges": {"zone-a.supply-air": {"low": 18, "high": 23}},
                    "minutes": 480,
                    "count": 40,
                    "min_margin_k": 1.0,
                }
            ]
        }
    )

    ranges: Annotated[dict[str, RangeIn], Field(min_length=1, max_length=200)]
    minutes: Annotated[float, Field(ge=1, le=7 * 24 * 60, strict=True)]
    count: Annotated[int, Field(ge=1, le=1000), BeforeValidator(_only_numbers)]
    min_margin_k: Annotated[float, Field(ge=0, le=20, strict=True)] = 0.5


class ShelfIn(_In):
    """Put an alarm aside for some minutes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 60, "reason": "sensor on order"}]})

    minutes: Annotated[float, Field(ge=1, le=12 * 60, strict=True)]
    reason: Words


class ChangeOut(_Out):
    """One lever's move."""

    lever: str
    owner: str
    before: float
    after: float
    unit: str


class EstimateOut(_Out):
    """A value and the interval it is likely in; null edges where that is not known."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, e: Estimate) -> EstimateOut:
        """From the record."""
        return cls(value=number(e.value), low=number(e.low), high=number(e.high))


class EffectOut(_Out):
    """What the change does against leaving all as it is; negative is saved."""

    over_s: float
    power_kw: EstimateOut
    carbon_kg: EstimateOut
    cost: EstimateOut
    water_l: EstimateOut
    currency: str
    carbon_synthetic: bool

    @classmethod
    def of(cls, e: Effect) -> EffectOut:
        """From the record."""
        return cls(
            over_s=e.over_s,
            power_kw=EstimateOut.of(e.power_kw),
            carbon_kg=EstimateOut.of(e.carbon_kg),
            cost=EstimateOut.of(e.cost),
            water_l=EstimateOut.of(e.water_l),
            currency=e.currency,
            carbon_synthetic=e.carbon_synthetic,
        )


class InletOut(_Out):
    """A zone's worst rack inlet before and after. [°C, K]"""

    zone: str
    before_c: float | None
    after_c: float | None
    std_k: float | None
    limit_c: float
    margin_k: float | None


class ProposalOut(_Out):
    """One decision for a person."""

    id: str
    status: ProposalStatus
    created_at: datetime
    expires_at: datetime
    expires_in_s: float
    digest: str
    reason: str
    changes: list[ChangeOut]
    effect: EffectOut
    inlets: list[InletOut]
    binding: list[str]
    remarks: list[str]
    data_age_s: float | None
    plan_id: str | None
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    executed_at: datetime | None
    note: str | None

    @classmethod
    def of(cls, p: Proposal, site: Site, at: datetime) -> ProposalOut:
        """From the record, as seen at ``at``."""
        levers = site.lever_by_id
        return cls(
            id=p.id,
            status=p.status,
            created_at=p.created_at,
            expires_at=p.expires_at,
            expires_in_s=max(0.0, (p.expires_at - at).total_seconds()),
            digest=p.digest,
            reason=p.reason,
            changes=[
                ChangeOut(
                    lever=name,
                    owner=levers[name].owner if name in levers else "",
                    before=c.before,
                    after=c.after,
                    unit=FACTS[levers[name].quantity].inside_unit if name in levers else "",
                )
                for name, c in p.changes.items()
            ],
            effect=EffectOut.of(p.effect),
            inlets=[
                InletOut(
                    zone=i.zone,
                    before_c=number(i.before_c),
                    after_c=number(i.after_c),
                    std_k=number(i.std_k),
                    limit_c=i.limit_c,
                    margin_k=number(i.margin_k),
                )
                for i in p.inlets
            ],
            binding=list(p.draft.binding),
            remarks=list(p.draft.remarks),
            data_age_s=number(p.draft.data_age_s),
            plan_id=p.plan_id,
            decided_at=p.decided_at,
            decided_by=p.decided_by,
            decision_reason=p.decision_reason,
            executed_at=p.executed_at,
            note=p.note,
        )


class ZoneOut(_Out):
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


class SavingOut(_Out):
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


class StateOut(_Out):
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
        )


class HoldOut(_Out):
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


class StopOut(_Out):
    """The latched stop."""

    by: str
    reason: str
    at: datetime


class RequestOut(_Out):
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


class ModesOut(_Out):
    """Modes as people chose them and as they take effect."""

    chosen: dict[str, Mode]
    effective: dict[str, Mode]
    stopped: StopOut | None
    fallback: list[str]
    waiting: list[RequestOut]


class StandingOut(_Out):
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


class AlarmOut(_Out):
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


class AuditOut(_Out):
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


class HandoverOut(_Out):
    """What the next shift needs to know."""

    since: datetime
    until: datetime
    proposals: dict[str, int]
    people: dict[str, int]
    events: list[AuditOut]
    alarms: list[AlarmOut]
    holds: list[HoldOut]
    waiting: list[RequestOut]


class VerificationOut(_Out):
    """Whether the audit log is as it was written, and its head."""

    intact: bool
    records: int
    head: str
    problem: str | None


class WhoOut(_Out):
    """Who this token says you are."""

    name: str
    role: str
    scopes: list[str]


class HealthOut(_Out):
    """The process is alive."""

    status: Literal["alive"]


class ReadyOut(_Out):
    """Whether the program does its work, and if not, why."""

    ready: bool
    reasons: list[str]
