"""The approval desk: proposals are offered here and decided here, each exactly once.

A decision is for a digest, once, before the expiry. What was approved is what is executed; if the
plant has moved on, execution refuses (see `actuation`) and a new proposal is made.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from controller.audit import AuditLog
from controller.canonical import canonical, stamp
from controller.canonical import digest as digest_of
from controller.decisions import (
    AlreadyDecided,
    Decided,
    Decision,
    DecisionAnswer,
    DigestMismatch,
    Expired,
    Held,
    RejectionCode,
    Unknown,
)
from controller.drafts import Draft, Effect, Estimate, InletOutlook
from controller.holds import HoldBook
from controller.modes import SYSTEM, Mode, ModeKeeper
from controller.proposal_record import FOLLOWS, Proposal, ProposalStatus, proposal_of_row, sealed_payload
from controller.standing import StandingApproval, StandingApprovals
from controller.store import Store
from controller.tables import PROPOSALS
from plant.errors import BrokenPromise
from plant.setpoints import LeverId
from plant.site import Site

__all__ = [
    "AlreadyDecided",
    "ApprovalDesk",
    "Decided",
    "Decision",
    "DecisionAnswer",
    "DigestMismatch",
    "Draft",
    "Effect",
    "Estimate",
    "Expired",
    "Held",
    "InletOutlook",
    "Proposal",
    "ProposalStatus",
    "RejectionCode",
    "Unknown",
]


class ApprovalDesk:
    """Where drafts are offered and decided. At most one proposal is pending."""

    def __init__(
        self,
        store: Store,
        audit: AuditLog,
        site: Site,
        *,
        modes: ModeKeeper,
        holds: HoldBook,
        standing: StandingApprovals | None = None,
    ) -> None:
        self._store = store
        self._audit = audit
        self._site = site
        self._modes = modes
        self._holds = holds
        self._standing = standing or StandingApprovals(store, audit)

    def offer(self, draft: Draft, at: datetime) -> Proposal:
        """Put a draft on the table; an identical pending one stays, another is superseded."""
        with self._store.transaction() as tx:
            self.expire(at)
            for old in self._with_status(ProposalStatus.PENDING):
                if dict(old.changes) == dict(draft.changes):
                    return old
                self._move(old, ProposalStatus.SUPERSEDED, at, SYSTEM, "a newer plan")
            number = 1 + (tx.execute(select(func.max(PROPOSALS.c.number))).scalar() or 0)
            proposal_id = f"P-{number:06d}"
            expires_at = at + timedelta(seconds=self._site.safety.proposal_expiry_s)
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
            return self._must_get(proposal_id)

    def get(self, proposal_id: str) -> Proposal | None:
        """A proposal by its id."""
        rows = self._store.rows(select(PROPOSALS).where(PROPOSALS.c.id == proposal_id))
        return proposal_of_row(rows[0]) if rows else None

    def recent(self, count: int = 50, status: ProposalStatus | None = None) -> list[Proposal]:
        """The last proposals, newest first."""
        query = select(PROPOSALS).order_by(PROPOSALS.c.number.desc()).limit(count)
        if status is not None:
            query = query.where(PROPOSALS.c.status == status)
        return [proposal_of_row(row) for row in self._store.rows(query)]

    def counts(self) -> dict[ProposalStatus, int]:
        """How many proposals ended how."""
        query = select(PROPOSALS.c.status, func.count().label("n")).group_by(PROPOSALS.c.status)
        return {ProposalStatus(r["status"]): int(r["n"]) for r in self._store.rows(query)}

    def pending(self, at: datetime) -> Proposal | None:
        """What waits for a person now."""
        return next((p for p in self._with_status(ProposalStatus.PENDING) if p.expires_at > at), None)

    def decide(
        self,
        proposal_id: str,
        decision: Decision,
        *,
        digest: str,
        by: str,
        at: datetime,
        reason: str = "",
        code: RejectionCode = RejectionCode.OTHER,
    ) -> DecisionAnswer:
        """Approve or reject exactly what was shown; ``code`` says why not. The first decision stands."""
        with self._store.transaction():
            proposal = self.get(proposal_id)
            if proposal is None:
                return Unknown(proposal_id)
            if digest != proposal.digest or proposal.seal() != proposal.digest:
                self._refuse(proposal, by, at, "digest mismatch")
                return DigestMismatch(proposal)
            if proposal.status is ProposalStatus.EXPIRED:
                return Expired(proposal)
            if proposal.status is not ProposalStatus.PENDING:
                self._refuse(proposal, by, at, f"already {proposal.status}")
                return AlreadyDecided(proposal)
            if proposal.expires_at <= at:
                return Expired(self._move(proposal, ProposalStatus.EXPIRED, at, SYSTEM, "nobody decided"))
            if decision is Decision.REJECT:
                return Decided(self._move(proposal, ProposalStatus.REJECTED, at, by, reason, code))
            bar = self._bar(proposal, at)
            if bar:
                self._refuse(proposal, by, at, bar)
                return Held(proposal, bar)
            return Decided(self._move(proposal, ProposalStatus.APPROVED, at, by, reason))

    def granted(self, at: datetime) -> Proposal | None:
        """What may be executed now: approved by a person, or covered by a standing approval."""
        with self._store.transaction():
            self.expire(at)
            for proposal in self._with_status(ProposalStatus.APPROVED):
                if proposal.executed_at is None and not self._bar(proposal, at):
                    return proposal
            pending = self.pending(at)
            if pending is None or self._bar(pending, at):
                return None
            if self._modes.of_levers(frozenset(pending.changes)) is not Mode.SUPERVISED:
                return None
            approval = self._standing.use(pending.draft, at)
            return None if approval is None else self._approve_standing(pending, approval, at)

    def lapsed(self, proposal: Proposal) -> str:
        """Why the standing approval behind a proposal counts no more, or nothing. A person's own stands."""
        if proposal.standing is None:
            return ""
        mode = self._modes.of_levers(frozenset(proposal.changes))
        if mode is not Mode.SUPERVISED:
            return f"only standing approval {proposal.standing} is behind it, and the mode is {mode}"
        revoked = self._standing.revoked(proposal.standing)
        return f"standing approval {proposal.standing} behind it was revoked" if revoked else ""

    def begin(self, proposal: Proposal, at: datetime) -> bool:
        """Claim an approved proposal for execution. True once in its life."""
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

    def mark(self, proposal_id: str, status: ProposalStatus, at: datetime, note: str = "") -> Proposal:
        """Say what became of an approved proposal.

        Raises
        ------
        BrokenPromise
            If that cannot follow its present status.
        """
        with self._store.transaction():
            return self._move(self._must_get(proposal_id), status, at, SYSTEM, note)

    def note(self, proposal_id: str, text: str) -> bool:
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

    def expire(self, at: datetime) -> list[Proposal]:
        """End what nobody decided, or nobody executed, in time."""
        with self._store.transaction():
            late = [
                p
                for status in (ProposalStatus.PENDING, ProposalStatus.APPROVED)
                for p in self._with_status(status)
                if p.expires_at <= at and p.executed_at is None
            ]
            return [self._move(p, ProposalStatus.EXPIRED, at, SYSTEM, "its time ran out") for p in late]

    def withdraw(self, levers: frozenset[LeverId], at: datetime, why: str) -> list[Proposal]:
        """Take back pending and unexecuted proposals that move any of these levers."""
        with self._store.transaction():
            touched = [
                p
                for status in (ProposalStatus.PENDING, ProposalStatus.APPROVED)
                for p in self._with_status(status)
                if p.executed_at is None and levers & set(p.changes)
            ]
            return [self._move(p, ProposalStatus.SUPERSEDED, at, SYSTEM, why) for p in touched]

    def unfinished(self) -> list[Proposal]:
        """Proposals whose execution began and never ended: the program died in between."""
        return [p for p in self._with_status(ProposalStatus.APPROVED) if p.executed_at is not None]

    def _bar(self, proposal: Proposal, at: datetime) -> str:
        """Why the proposal may not be done now, or nothing."""
        if self._modes.stopped is not None:
            return f"stopped by {self._modes.stopped.by}: {self._modes.stopped.reason}"
        held = self._holds.levers(at) & set(proposal.changes)
        if held:
            return f"held: {', '.join(sorted(held))}"
        mode = self._modes.of_levers(frozenset(proposal.changes))
        return f"the mode is {mode}" if mode in (Mode.SHADOW, Mode.FALLBACK) else ""

    def _approve_standing(self, proposal: Proposal, approval: StandingApproval, at: datetime) -> Proposal:
        who = f"{approval.by} (standing {approval.id})"
        with self._store.transaction() as tx:
            tx.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal.id).values(standing=approval.id))
        return self._move(proposal, ProposalStatus.APPROVED, at, who, "covered by a standing approval")

    def _refuse(self, proposal: Proposal, by: str, at: datetime, why: str) -> None:
        self._audit.record("proposal.decision_refused", by, {"proposal": proposal.id, "why": why}, at)

    def _move(
        self,
        proposal: Proposal,
        to: ProposalStatus,
        at: datetime,
        who: str,
        why: str,
        code: RejectionCode | None = None,
    ) -> Proposal:
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
        return self._must_get(proposal.id)

    def _with_status(self, status: ProposalStatus) -> list[Proposal]:
        query = select(PROPOSALS).where(PROPOSALS.c.status == status).order_by(PROPOSALS.c.number)
        return [proposal_of_row(row) for row in self._store.rows(query)]

    def _must_get(self, proposal_id: str) -> Proposal:
        found = self.get(proposal_id)
        if found is None:
            raise BrokenPromise(f"there is no proposal {proposal_id}")
        return found
