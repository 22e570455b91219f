"""Actuation: from an approved proposal to registers that hold it, or back to where they were.

    validated → written → read back → (plant confirmed, by a later snapshot)

Each step can only stop the next. Approval was for exact values, so at execution the envelope may
say yes or no, but not something else. Half a change is undone to the values that stood before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from controller.audit import AuditLog
from controller.execution import Execution, Outcome, Step
from controller.guard import GuardedWriter, Purpose, at_target
from controller.modes import SYSTEM
from controller.proposals import ApprovalDesk, Proposal, ProposalStatus
from controller.recheck import FINAL, Moment, Refusal, validate
from controller.recovery import recover
from controller.rollback import way_back
from plant.commands import Command, Confirmed, Receipt, Refused
from plant.ports import Clock
from plant.site import Site
from plant.snapshot import Snapshot

__all__ = [
    "Execution",
    "GuardedWriter",
    "Moment",
    "Outcome",
    "Purpose",
    "Refusal",
    "Step",
    "execute",
    "recover",
    "settle",
]


async def execute(
    proposal: Proposal,
    moment: Moment,
    *,
    desk: ApprovalDesk,
    writer: GuardedWriter,
    audit: AuditLog,
    clock: Clock,
) -> Execution:
    """Carry out an approved proposal once, against the plant as it is at this moment."""
    at, site, snapshot = moment.at, moment.site, moment.snapshot
    refused = validate(proposal, moment, desk)
    if refused is None and not desk.begin(proposal, at):
        refused = (Refusal.REUSED, "it was executed before")
    if refused is not None:
        return _refuse(proposal, refused, desk, audit, at)
    commands = commands_for(site, proposal, snapshot)
    receipts = await writer.write(commands, snapshot=snapshot, purpose=Purpose.PROPOSAL, proposal=proposal.id)
    if all(isinstance(r, Confirmed) for r in receipts):
        done = Execution(proposal.id, Outcome.APPLIED, Step.READ_BACK, at, receipts=tuple(receipts))
        status, note = ProposalStatus.APPLIED, f"{len(receipts)} registers confirmed"
    else:
        done = await _undo(proposal, receipts, snapshot, site, writer, at)
        status = ProposalStatus.ROLLED_BACK if done.outcome is Outcome.ROLLED_BACK else ProposalStatus.FAILED
        note = done.reason
    with audit.together():
        desk.mark(proposal.id, status, clock.now(), note)
        audit.record("execution", SYSTEM, _summary(done), clock.now())
    return done


def commands_for(site: Site, proposal: Proposal, snapshot: Snapshot) -> list[Command]:
    """The writes a proposal needs; a register within half a resolution is left alone."""
    return [
        Command(point, change.after)
        for lever, change in proposal.changes.items()
        for point in site.lever_by_id[lever].points
        if abs(snapshot.value(point) - change.after) >= site.lever_by_id[lever].resolution / 2
    ]


def settle(
    proposal: Proposal, *, desk: ApprovalDesk, snapshot: Snapshot, site: Site, at: datetime
) -> Proposal:
    """Let a later snapshot confirm an applied proposal, or show that the plant did not keep it.

    Unchanged while the snapshot does not show every register as it was after the writes.
    """
    if proposal.status is not ProposalStatus.APPLIED or proposal.executed_at is None:
        return proposal
    # A reading that was under way while we wrote may still tell the old value: one poll must lie between.
    since = proposal.executed_at + timedelta(seconds=max((g.poll_s for g in site.gateways), default=0.0))
    strayed: list[str] = []
    for name, change in proposal.changes.items():
        lever = site.lever_by_id[name]
        for point in lever.points:
            value = snapshot.value(point)
            if math.isnan(value) or snapshot.reading(point).time <= since:
                return proposal
            if not at_target(value, change.after, lever):
                strayed.append(f"{point} reads {value:g}, was set to {change.after:g}")
    if strayed:
        return desk.mark(proposal.id, ProposalStatus.FAILED, at, "; ".join(strayed))
    return desk.mark(proposal.id, ProposalStatus.VERIFIED, at, "the plant holds every value")


async def _undo(
    proposal: Proposal,
    receipts: Sequence[Receipt],
    snapshot: Snapshot,
    site: Site,
    writer: GuardedWriter,
    at: datetime,
) -> Execution:
    """Set back every register that was, or may have been, changed."""
    complaints = [_complaint(r) for r in receipts if not isinstance(r, Confirmed)]
    touched = [r.command.point for r in receipts if not isinstance(r, Refused)]
    back, left = way_back(site, {point: snapshot.value(point) for point in touched})
    undone = (
        await writer.write(back, snapshot=snapshot, purpose=Purpose.ROLLBACK, proposal=proposal.id)
        if back
        else []
    )
    clean = all(isinstance(r, Confirmed) for r in undone)
    return Execution(
        proposal.id,
        Outcome.ROLLED_BACK if clean else Outcome.FAILED,
        Step.WRITTEN if touched else Step.VALIDATED,
        at,
        reason="; ".join([*complaints, *left]),
        receipts=tuple(receipts),
        undone=tuple(undone),
    )


def _refuse(
    proposal: Proposal, refused: tuple[Refusal, str], desk: ApprovalDesk, audit: AuditLog, at: datetime
) -> Execution:
    refusal, reason = refused
    execution = Execution(proposal.id, Outcome.REFUSED, None, at, refusal, reason)
    stored = desk.get(proposal.id)
    if stored is not None and stored.status is ProposalStatus.APPROVED:
        if refusal in FINAL:
            desk.mark(proposal.id, ProposalStatus.SUPERSEDED, at, f"{refusal}: {reason}")
        elif not desk.note(proposal.id, f"waits: {refusal}"):
            return execution  # it is asked again every few seconds; the record wants it once
    audit.record("execution", SYSTEM, _summary(execution), at)
    return execution


def _summary(execution: Execution) -> dict[str, object]:
    return {
        "proposal": execution.proposal_id,
        "outcome": execution.outcome,
        "step": execution.step,
        "refusal": execution.refusal,
        "reason": execution.reason,
        "registers": {r.command.point: r.command.value for r in execution.receipts},
    }


def _complaint(receipt: Receipt) -> str:
    match receipt:
        case Refused(command, reason):
            return f"{command.point} refused: {reason}"
        case Confirmed(command, _):
            return f"{command.point} confirmed"
        case _:
            return f"{receipt.command.point}: {type(receipt).__name__.lower()}"
