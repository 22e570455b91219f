"""Distress: what we write does not arrive, or cannot be undone. Then the plant must help itself.

One failed rollback closes the levers concerned. A second in a row, or three rounds of fallback writes
of which not one is confirmed, and nothing more is written blindly: the heartbeat is withheld, so that
the plant's own dead-man takes its local setpoints. The wire is tried meanwhile by writing the same
count again, which is no beat; when it has answered three times in a row, the program goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from controller.alarms import AlarmKind
from controller.execution import Execution, Outcome
from controller.modes import SYSTEM
from controller.parts import Parts
from controller.proposals import Proposal
from plant.commands import Confirmed, Receipt
from plant.points import SITE

WHO, CAUSE = "distress", "writes fail"
ROLLBACKS, ROUNDS, ANSWERS = 2, 3, 3


class Distress:
    """Counts writes that failed, and says when the program must let go."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rollbacks = 0
        self._rounds = 0
        self._answers = 0
        self._standing = False
        self._knocked_at: datetime | None = None

    @property
    def standing(self) -> bool:
        """Whether nothing is to be written now."""
        return self._standing

    def executed(self, execution: Execution, proposal: Proposal, at: datetime) -> None:
        """What became of a proposal's writes. A change that went through ends the doubts."""
        match execution.outcome:
            case Outcome.FAILED:
                self._rollbacks += 1
                self._parts.distrusted |= frozenset(proposal.changes)
                why = f"a change of {', '.join(proposal.changes)} could not be undone"
                self._parts.authority.audit.record("lever.distrusted", SYSTEM, {"why": why}, at)
                if self._rollbacks >= ROLLBACKS:
                    self._let_go(f"{self._rollbacks} changes in a row could not be undone", at)
            case Outcome.APPLIED:
                self._rollbacks = 0
                self._parts.distrusted = frozenset()
            case _:
                return

    def fell_back(self, receipts: Sequence[Receipt], at: datetime) -> None:
        """What became of a round of fallback writes."""
        if not receipts:
            return
        self._rounds = 0 if any(isinstance(r, Confirmed) for r in receipts) else self._rounds + 1
        if self._rounds >= ROUNDS:
            self._let_go(f"{self._rounds} rounds of fallback writes were not confirmed", at)

    async def look(self, at: datetime) -> None:
        """While it stands: try the wire once a control period, and go on when it answers."""
        period = timedelta(seconds=self._parts.cycle_s)
        if not self._standing or (self._knocked_at is not None and at - self._knocked_at < period):
            return
        self._knocked_at = at
        receipt = await self._parts.authority.heartbeat.knock()
        self._answers = self._answers + 1 if isinstance(receipt, Confirmed) else 0
        if self._answers >= ANSWERS:
            self._go_on(at)

    def _let_go(self, why: str, at: datetime) -> None:
        if self._standing:
            return
        self._standing, self._answers, self._knocked_at = True, 0, at
        authority = self._parts.authority
        authority.heartbeat.withhold(why, who=WHO)
        authority.modes.enter_fallback(CAUSE, why, at, SITE)
        authority.alarms.hold_to(AlarmKind.WRITES_FAIL, "site", True, why, at)
        authority.audit.record("heartbeat.withheld", SYSTEM, {"why": why}, at)

    def _go_on(self, at: datetime) -> None:
        self._standing, self._rollbacks, self._rounds = False, 0, 0
        self._parts.distrusted = frozenset()
        authority = self._parts.authority
        authority.heartbeat.resume(who=WHO)
        authority.modes.leave_fallback(CAUSE, at, SITE)
        authority.alarms.hold_to(AlarmKind.WRITES_FAIL, "site", False, "the wire answers again", at)
        authority.audit.record("heartbeat.resumed", SYSTEM, {"why": "the wire answers again"}, at)
