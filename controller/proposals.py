"""The approval desk: proposals are offered here and decided here, each exactly once.

A decision is for a digest, once, before the expiry. What was approved is what is executed; if the
plant has moved on, execution refuses (see `actuation`) and a new proposal is made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from controller.audit import AuditLog
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
from controller.proposal_book import ProposalBook
from controller.proposal_record import Proposal, ProposalStatus
from controller.standing import StandingApproval, StandingApprovals
from controller.store import Store, StoreUnavailable
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
        self._book = ProposalBook(store, audit)
        self._site = site
        self._modes = modes
        self._holds = holds
        self._standing = standing or StandingApprovals(store, audit)
        self._fell_at: datetime | None = None
        modes.listen(self.authority_fell)

    def offer(self, draft: Draft, at: datetime) -> Proposal:
        """Put a draft on the table; an identical pending one stays, another is superseded."""
        with self._store.transaction():
            self.expire(at)
            for old in self._book.that_are(ProposalStatus.PENDING):
                if dict(old.changes) == dict(draft.changes):
                    return old
                self._book.move(old, ProposalStatus.SUPERSEDED, at, SYSTEM, "a newer plan")
            expires_at = at + timedelta(seconds=self._site.safety.proposal_expiry_s)
            return self._book.add(draft, at, expires_at)

    def get(self, proposal_id: str) -> Proposal | None:
        """A proposal by its id."""
        return self._book.get(proposal_id)

    def recent(self, count: int = 50, status: ProposalStatus | None = None) -> list[Proposal]:
        """The last proposals, newest first."""
        return self._book.recent(count, status)

    def counts(self) -> dict[ProposalStatus, int]:
        """How many proposals ended how."""
        return self._book.counts()

    def pending(self, at: datetime) -> Proposal | None:
        """What waits for a person now."""
        return next((p for p in self._book.that_are(ProposalStatus.PENDING) if p.expires_at > at), None)

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
                return Expired(
                    self._book.move(proposal, ProposalStatus.EXPIRED, at, SYSTEM, "nobody decided")
                )
            if decision is Decision.REJECT:
                return Decided(self._book.move(proposal, ProposalStatus.REJECTED, at, by, reason, code))
            bar = self._bar(proposal, at)
            if bar:
                self._refuse(proposal, by, at, bar)
                return Held(proposal, bar)
            return Decided(self._book.move(proposal, ProposalStatus.APPROVED, at, by, reason))

    def granted(self, at: datetime) -> Proposal | None:
        """What may be executed now: approved by a person, or covered by a standing approval."""
        with self._store.transaction():
            self.expire(at)
            if self._fell_at is not None:
                # The database was away then, and what stood in the way may be gone by now.
                self._end_approved(at, lambda _: "authority was withdrawn while it waited")
                self._fell_at = None
            for proposal in self._book.that_are(ProposalStatus.APPROVED):
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

    def authority_fell(self, at: datetime) -> list[Proposal]:
        """Somebody, or a failure, took authority away: what was agreed to under it and not yet done is ended.

        It is not kept for when authority comes back; what is right then is proposed then.
        """
        self._fell_at = at
        try:
            with self._store.transaction():
                ended = self._end_approved(at, lambda p: self._bar(p, at) or self.lapsed(p))
        except StoreUnavailable:
            return []  # `granted` does it, before anything is granted again
        self._fell_at = None
        return ended

    def begin(self, proposal: Proposal, at: datetime) -> bool:
        """Claim an approved proposal for execution. True once in its life."""
        return self._book.claim(proposal, at)

    def mark(self, proposal_id: str, status: ProposalStatus, at: datetime, note: str = "") -> Proposal:
        """Say what became of an approved proposal.

        Raises
        ------
        BrokenPromise
            If that cannot follow its present status.
        """
        with self._store.transaction():
            return self._book.move(self._book.must_get(proposal_id), status, at, SYSTEM, note)

    def note(self, proposal_id: str, text: str) -> bool:
        """Write a remark on an approved proposal; False if it is there already."""
        return self._book.remark(proposal_id, text)

    def expire(self, at: datetime) -> list[Proposal]:
        """End what nobody decided, or nobody executed, in time."""
        with self._store.transaction():
            late = [
                p
                for p in self._book.that_are(ProposalStatus.PENDING, ProposalStatus.APPROVED)
                if p.expires_at <= at and p.executed_at is None
            ]
            return [self._book.move(p, ProposalStatus.EXPIRED, at, SYSTEM, "its time ran out") for p in late]

    def withdraw(self, levers: frozenset[LeverId], at: datetime, why: str) -> list[Proposal]:
        """Take back pending and unexecuted proposals that move any of these levers."""
        with self._store.transaction():
            touched = [
                p
                for p in self._book.that_are(ProposalStatus.PENDING, ProposalStatus.APPROVED)
                if p.executed_at is None and levers & set(p.changes)
            ]
            return [self._book.move(p, ProposalStatus.SUPERSEDED, at, SYSTEM, why) for p in touched]

    def unfinished(self) -> list[Proposal]:
        """Proposals whose execution began and never ended: the program died in between."""
        return [p for p in self._book.that_are(ProposalStatus.APPROVED) if p.executed_at is not None]

    def _end_approved(self, at: datetime, why: Callable[[Proposal], str]) -> list[Proposal]:
        """End what was approved and not begun, where there is a reason."""
        waiting = [p for p in self._book.that_are(ProposalStatus.APPROVED) if p.executed_at is None]
        return [
            self._book.move(p, ProposalStatus.SUPERSEDED, at, SYSTEM, reason)
            for p in waiting
            if (reason := why(p))
        ]

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
        with self._store.transaction():
            self._book.name_standing(proposal, approval.id)
            return self._book.move(
                proposal, ProposalStatus.APPROVED, at, who, "covered by a standing approval"
            )

    def _refuse(self, proposal: Proposal, by: str, at: datetime, why: str) -> None:
        self._audit.record("proposal.decision_refused", by, {"proposal": proposal.id, "why": why}, at)
