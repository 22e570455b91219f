"""A proposal as the API shows it."""

from __future__ import annotations

from datetime import datetime

from controller.api.out import Known, Mirror, Out, number
from controller.api.schemas import TripOut
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


class EstimateOut(Mirror):
    """A value and the interval it is likely in; null edges where that is not known."""

    value: Known
    low: Known
    high: Known


class EffectOut(Mirror):
    """What going on with the plan does against leaving all as it is; negative is saved."""

    over_s: float
    power_kw: EstimateOut
    carbon_kg: EstimateOut
    cost: EstimateOut
    water_l: EstimateOut
    currency: str
    carbon_synthetic: bool


class InletOut(Mirror):
    """A zone's worst rack inlet before and after. [°C, K]"""

    zone: str
    before_c: Known
    after_c: Known
    std_k: Known
    limit_c: float
    margin_k: Known


class PriceOut(Mirror):
    """What one more unit of room at a binding limit would save over the horizon."""

    limit: str
    unit: str
    saving: Known


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
    stays_s: float | None
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
            inlets=[InletOut.of(i) for i in p.inlets],
            binding=list(p.draft.binding),
            prices=[PriceOut.of(price) for price in p.draft.prices],
            redundancy=[TripOut.of(t) for t in p.draft.trips],
            remarks=list(p.draft.remarks),
            data_age_s=number(p.draft.data_age_s),
            stays_s=number(p.draft.stays_s),
            plan_id=p.plan_id,
            decided_at=p.decided_at,
            decided_by=p.decided_by,
            decision_reason=p.decision_reason,
            decision_code=p.decision_code,
            executed_at=p.executed_at,
            note=p.note,
        )
