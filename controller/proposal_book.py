"""The book of proposals: what was offered and what became of it, each step once and on record.

The book knows what can follow what. Who may decide, and when, is the desk's (`proposals`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from controller.audit import AuditLog
from controller.canonical import canonical, stamp
from controller.canonical import digest as digest_of
from controller.drafts import Draft
from controller.modes import SYSTEM
from controller.proposal_record import FOLLOWS, Proposal, ProposalStatus, proposal_of_row, sealed_payload
from controller.store import Store
from controller.tables import PROPOSALS
from plant.errors import BrokenPromise


class ProposalBook:
    """Every proposal there was."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def add(self, draft: Draft, at: datetime, expires_at: datetime) -> Proposal:
        """Seal a draft and write it down, pending."""
        with self._store.transaction() as tx:
            number = 1 + (tx.execute(select(func.max(PROPOSALS.c.number))).scalar() or 0)
            proposal_id = f"P-{number:06d}"
            sealed = sealed_payload(proposal_id, at, expires_at, draft)
            tx.execute(
                insert(PROPOSALS).values(
                    id=proposal_id,
                    number=number,
                    status=ProposalStatus.PENDING,
                    created_at=stamp(at),
                    expires_at=stamp(expires_at),
                    digest=digest_of(sealed),
                    payload=canonical(sealed),
                )
            )
            what = {
                "proposal": proposal_id,
                "digest": digest_of(sealed),
                "changes": draft.payload()["changes"],
            }
            self._audit.record("proposal.offered", SYSTEM, what, at)
            return self.must_get(proposal_id)

    def get(self, proposal_id: str) -> Proposal | None:
        """A proposal by its id."""
        rows = self._store.rows(select(PROPOSALS).where(PROPOSALS.c.id == proposal_id))
        return proposal_of_row(rows[0]) if rows else None

    def must_get(self, proposal_id: str) -> Proposal:
        """A proposal that is known to be there.

        Raises
        ------
        BrokenPromise
            If it is not.
        """
        found = self.get(proposal_id)
        if found is None:
            raise BrokenPromise(f"there is no proposal {proposal_id}")
        return found

    def recent(self, count: int, status: ProposalStatus | None = None) -> list[Proposal]:
        """The last proposals, newest first."""
        query = select(PROPOSALS).order_by(PROPOSALS.c.number.desc()).limit(count)
        if status is not None:
            query = query.where(PROPOSALS.c.status == status)
        return [proposal_of_row(row) for row in self._store.rows(query)]

    def counts(self) -> dict[ProposalStatus, int]:
        """How many proposals ended how."""
        query = select(PROPOSALS.c.status, func.count().label("n")).group_by(PROPOSALS.c.status)
        return {ProposalStatus(r["status"]): int(r["n"]) for r in self._store.rows(query)}

    def that_are(self, *statuses: ProposalStatus) -> list[Proposal]:
        """Proposals that stand so, oldest first within each status."""
        found = []
        for status in statuses:
            query = select(PROPOSALS).where(PROPOSALS.c.status == status).order_by(PROPOSALS.c.number)
            found += [proposal_of_row(row) for row in self._store.rows(query)]
        return found

    def claim(self, proposal: Proposal, at: datetime) -> bool:
        """Note that the execution of an approved proposal begins. True once in its life."""
        with self._store.transaction() as tx:
            claimed = tx.execute(
                update(PROPOSALS)
                .where(
                    PROPOSALS.c.id == proposal.id,
                    PROPOSALS.c.status == ProposalStatus.APPROVED,
                    PROPOSALS.c.executed_at.is_(None),
                )
                .values(executed_at=stamp(at))
            )
            if claimed.rowcount != 1:
                return False
            self._audit.record("proposal.started", SYSTEM, {"proposal": proposal.id}, at)
        return True

    def remark(self, proposal_id: str, text: str) -> bool:
        """Write a remark on an approved proposal; False if it is there already."""
        with self._store.transaction() as tx:
            noted = tx.execute(
                update(PROPOSALS)
                .where(
                    PROPOSALS.c.id == proposal_id,
                    PROPOSALS.c.status == ProposalStatus.APPROVED,
                    func.coalesce(PROPOSALS.c.note, "") != text,
                )
                .values(note=text)
            )
            return noted.rowcount == 1

    def name_standing(self, proposal: Proposal, approval_id: str) -> None:
        """Which standing approval is behind it."""
        with self._store.transaction() as tx:
            tx.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal.id).values(standing=approval_id))

    def move(
        self,
        proposal: Proposal,
        to: ProposalStatus,
        at: datetime,
        who: str,
        why: str,
        code: str | None = None,
    ) -> Proposal:
        """Say what became of it.

        Raises
        ------
        BrokenPromise
            If that cannot follow its present status.
        """
        if to not in FOLLOWS.get(proposal.status, frozenset()):
            raise BrokenPromise(f"proposal {proposal.id} is {proposal.status}, it cannot become {to}")
        decided = to in (ProposalStatus.APPROVED, ProposalStatus.REJECTED)
        values: dict[str, Any] = (
            {"decided_at": stamp(at), "decided_by": who, "decision_reason": why, "decision_code": code}
            if decided
            else {"note": why}
        )
        with self._store.transaction() as tx:
            tx.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal.id).values(status=to, **values))
            what: dict[str, object] = {
                "proposal": proposal.id,
                "digest": proposal.digest,
                "before": proposal.status,
                "after": to,
                "why": why,
            }
            if code is not None:
                what |= {"code": code, "levers": list(proposal.changes)}
            self._audit.record(f"proposal.{to}", who, what, at)
        return self.must_get(proposal.id)
