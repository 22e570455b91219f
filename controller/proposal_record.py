"""A proposal's record: a sealed draft with its number, its clock and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from controller.canonical import digest, instant
from controller.drafts import Draft, Effect, InletOutlook, draft_of
from controller.envelope import Change
from plant.setpoints import LeverId, Setpoints


class ProposalStatus(StrEnum):
    """Where a proposal stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    APPLIED = "applied"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


_S = ProposalStatus
FOLLOWS: Mapping[ProposalStatus, frozenset[ProposalStatus]] = {
    _S.PENDING: frozenset({_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.SUPERSEDED}),
    _S.APPROVED: frozenset({_S.APPLIED, _S.FAILED, _S.ROLLED_BACK, _S.EXPIRED, _S.SUPERSEDED}),
    _S.APPLIED: frozenset({_S.VERIFIED, _S.FAILED, _S.ROLLED_BACK}),
}
"""What can become of a proposal that stands so; what is not listed is final."""


@dataclass(frozen=True)
class Proposal:
    """One sealed draft with its number, its clock and what became of it."""

    id: str
    created_at: datetime
    expires_at: datetime
    draft: Draft
    digest: str
    status: ProposalStatus
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    decision_code: str | None = None
    standing: str | None = None
    """The standing approval it was approved by; None where a person did, or nobody."""
    executed_at: datetime | None = None
    note: str | None = None

    @property
    def setpoints(self) -> Setpoints:
        """The allowed target of every lever named."""
        return self.draft.setpoints

    @property
    def changes(self) -> Mapping[LeverId, Change]:
        """What really moves."""
        return self.draft.changes

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return self.draft.reason

    @property
    def effect(self) -> Effect:
        """What it does, against leaving all as it is."""
        return self.draft.effect

    @property
    def inlets(self) -> tuple[InletOutlook, ...]:
        """The worst inlet of each zone before and after."""
        return self.draft.inlets

    @property
    def plan_id(self) -> str | None:
        """The plan it comes from."""
        return self.draft.plan_id

    def seal(self) -> str:
        """The digest of what was shown, computed anew."""
        return digest(sealed_payload(self.id, self.created_at, self.expires_at, self.draft))


def sealed_payload(
    proposal_id: str, created_at: datetime, expires_at: datetime, draft: Draft
) -> dict[str, object]:
    """Everything the digest covers: what was shown, and for how long."""
    return {
        "id": proposal_id,
        "created_at": created_at,
        "expires_at": expires_at,
        "draft": draft.payload(),
    }


def proposal_of_row(row: Mapping[str, Any]) -> Proposal:
    """A proposal from its row in the store."""

    def when(column: str) -> datetime | None:
        return instant(row[column]) if row[column] else None

    return Proposal(
        id=row["id"],
        created_at=instant(row["created_at"]),
        expires_at=instant(row["expires_at"]),
        draft=draft_of(json.loads(row["payload"])["draft"]),
        digest=row["digest"],
        status=ProposalStatus(row["status"]),
        decided_at=when("decided_at"),
        decided_by=row["decided_by"],
        decision_reason=row["decision_reason"],
        decision_code=row["decision_code"],
        standing=row["standing"],
        executed_at=when("executed_at"),
        note=row["note"],
    )
