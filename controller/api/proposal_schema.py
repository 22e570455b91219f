"""A proposal as the API shows it."""

from __future__ import annotations

from datetime import datetime

from controller.api.out import Out, number
from controller.api.schemas import TripOut
from controller.drafts import Effect, Estimate
from controller.proposal_record import Proposal, ProposalStatus
from plant.quantities import FACTS
from plant.site import Site


class ChangeOut(Out):
    """One lever's move."""

    lever: str
    owner: str
    before: float
    after: float
    unit: str


class EstimateOut(Out):
    """A value and the interval it is likely in; null edges where that is not known."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, e: Estimate) -> EstimateOut:
        """From the record."""
        return cls(value=number(e.value), low=number(e.low), high=number(e.high))


class EffectOut(Out):
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


class InletOut(Out):
    """A zone's worst rack inlet before and after. [°C, K]"""

    zone: str
    before_c: float | None
    after_c: float | None
    std_k: float | None
    limit_c: float
    margin_k: float | None


class PriceOut(Out):
    """What one more unit of room at a binding limit would save over the horizon."""

    limit: str
    unit: str
    saving: float | None


class ProposalOut(Out):
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
    prices: list[PriceOut]
    redundancy: list[TripOut]
    remarks: list[str]
    data_age_s: float | None
    plan_id: str | None
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    decision_code: str | None
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
            prices=[PriceOut(limit=f.limit, unit=f.unit, saving=number(f.saving)) for f in p.draft.prices],
            redundancy=[TripOut.of(t) for t in p.draft.trips],
            remarks=list(p.draft.remarks),
            data_age_s=number(p.draft.data_age_s),
            plan_id=p.plan_id,
            decided_at=p.decided_at,
            decided_by=p.decided_by,
            decision_reason=p.decision_reason,
            decision_code=p.decision_code,
            executed_at=p.executed_at,
            note=p.note,
        )
