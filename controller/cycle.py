"""The cycle: read, foresee, plan, check, ask. Acting follows approvals at its own pace (`actions`).

The same code runs in production, in the demo and in a replay; only the clock, the gateway and the
store are others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from controller.case import draft_of_advice, draft_of_plan
from controller.drafts import Draft
from controller.effect_error import effect_error
from controller.envelope import Verdict, VerdictOutcome, review
from controller.parts import Parts
from controller.proposals import Proposal
from controller.second_look import SecondLook
from controller.spare_room import leave_room
from plant.forecast import Forecast
from plant.plan import NoPlan
from plant.ports import Advice, PolicyAnswer
from plant.setpoints import LeverId
from plant.snapshot import Snapshot
from reports.switchback import Arm


@dataclass(frozen=True)
class CycleRecord:
    """What one cycle saw, thought and asked for."""

    snapshot: Snapshot
    outlook: Forecast
    answer: PolicyAnswer
    verdict: Verdict | None
    proposal: Proposal | None
    resting: str = ""
    """Why a good plan was put before nobody: a schedule wants the site as it was found."""

    @property
    def sentence(self) -> str:
        """What came of it, for a person."""
        if isinstance(self.answer, NoPlan):
            return f"no plan: {self.answer.reason}"
        if self.resting:
            return self.resting
        if self.verdict is not None and self.verdict.outcome is VerdictOutcome.REJECTED:
            return f"not proposed: {'; '.join(self.verdict.reasons)}"
        return self.answer.reason


async def run_cycle(parts: Parts) -> CycleRecord:
    """Read, foresee, plan, check, ask: in that order, once."""
    barred = parts.authority.barred(parts.clock.now()) | parts.distrusted
    snapshot = replace(parts.snapshot(), held=barred)
    outlook = await parts.outlook.look(snapshot)
    thought = await parts.planner.decide(snapshot, outlook)
    look = SecondLook(parts.site, parts.model, parts.cycle_s)
    answer = look.at(thought, outlook, snapshot, parts.clock.now())
    if isinstance(answer, NoPlan):
        return CycleRecord(snapshot, outlook, answer, None, None)
    if parts.authority.switchback.arm_at(parts.clock.now()) is Arm.BASELINE:
        return CycleRecord(snapshot, outlook, answer, None, None, "not proposed: switchback, baseline block")
    current = parts.snapshot()  # the plant has gone on while we thought
    verdict = judge(answer, current, parts, outlook)
    proposal = ask(answer, verdict, current, parts, carbon_synthetic=outlook.carbon.synthetic)
    return CycleRecord(snapshot, outlook, answer, verdict, proposal)


def judge(advice: Advice, snapshot: Snapshot, parts: Parts, outlook: Forecast) -> Verdict:
    """What the envelope lets through now: holds, zones without authority, doubts and trips narrow it."""
    at = parts.clock.now()
    narrowed = parts.narrowed(outlook, snapshot, at)

    def reviewed(wanted: Mapping[LeverId, float]) -> Verdict:
        held = parts.authority.closed(at) | parts.distrusted
        return review(parts.site, wanted, snapshot, at=at, held=held, narrowed=narrowed)

    return leave_room(reviewed(advice.setpoints), parts.trips, parts.site, snapshot, reviewed)


def ask(
    advice: Advice, verdict: Verdict, snapshot: Snapshot, parts: Parts, *, carbon_synthetic: bool
) -> Proposal | None:
    """Put what is left of the advice before a person; nothing to change is nothing to ask.

    While something approved still waits to be carried out, another wish would be about a plant
    that is about to change.
    """
    at = parts.clock.now()
    if parts.authority.desk.granted(at) is not None:
        return None
    draft = _draft(advice, verdict, snapshot, parts, carbon_synthetic)
    return None if draft is None else parts.authority.desk.offer(draft, at)


def _draft(
    advice: Advice, verdict: Verdict, snapshot: Snapshot, parts: Parts, carbon_synthetic: bool
) -> Draft | None:
    at = parts.clock.now()
    trips = parts.trips.now(snapshot, {name: change.after for name, change in verdict.changes.items()})
    if advice.plan is None:
        return draft_of_advice(advice, verdict, snapshot, parts.site, at=at, trips=trips)
    return draft_of_plan(
        advice.plan,
        verdict,
        snapshot,
        parts.site,
        at=at,
        error=effect_error(parts.site, parts.model),
        carbon_synthetic=carbon_synthetic,
        trips=trips,
    )
