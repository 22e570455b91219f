"""Actuation: from an approved proposal to registers that hold it, or back to where they were.

    validated → written → read back → (plant confirmed, by a later snapshot)

Each step can only stop the next. Approval was for exact values, so at execution the envelope may
say yes or no, but not something else. Half a change is undone to the values that stood before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller import envelope
from controller.audit import AuditLog
from controller.contingency import TripCheck
from controller.envelope import Range, VerdictOutcome
from controller.guard import GuardedWriter, Purpose, at_target
from controller.modes import SYSTEM
from controller.proposals import ApprovalDesk, Proposal, ProposalStatus
from controller.recovery import recover
from controller.spare_room import UNTOLD, broken_by, untold, warms
from plant.commands import Command, Confirmed, Receipt, Refused
from plant.ports import Clock
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot

__all__ = [
    "Execution",
    "GuardedWriter",
    "Outcome",
    "Purpose",
    "Refusal",
    "Step",
    "execute",
    "recover",
    "settle",
]


class Step(StrEnum):
    """How far an execution came."""

    VALIDATED = "validated"
    WRITTEN = "written"
    READ_BACK = "read_back"
    PLANT_CONFIRMED = "plant_confirmed"


class Outcome(StrEnum):
    """How an execution ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    """Stopped before anything was written."""
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    """Neither done nor undone: some register is not where anyone wants it."""


class Refusal(StrEnum):
    """Why nothing was written. A closed set."""

    NOT_APPROVED = "not_approved"
    TAMPERED = "tampered"
    EXPIRED = "expired"
    HELD = "held"
    STALE = "stale"
    PLANT_CHANGED = "plant_changed"
    ENVELOPE = "envelope"
    REUSED = "reused"
    LAPSED = "lapsed"
    """The standing approval behind it counts no more; no person approved it."""


_FINAL = frozenset({Refusal.TAMPERED, Refusal.PLANT_CHANGED, Refusal.ENVELOPE, Refusal.LAPSED})
"""Refusals that end the proposal; the others leave it to wait or to expire."""


@dataclass(frozen=True)
class Execution:
    """What an execution did. Receipts are one for each register, in order."""

    proposal_id: str
    outcome: Outcome
    step: Step | None
    at: datetime
    refusal: Refusal | None = None
    reason: str = ""
    receipts: tuple[Receipt, ...] = ()
    undone: tuple[Receipt, ...] = ()


async def execute(
    proposal: Proposal,
    *,
    desk: ApprovalDesk,
    snapshot: Snapshot,
    site: Site,
    writer: GuardedWriter,
    audit: AuditLog,
    clock: Clock,
    held: frozenset[LeverId] = frozenset(),
    trips: TripCheck | None = None,
    narrowed: Sequence[Mapping[LeverId, Range]] = (),
) -> Execution:
    """Carry out an approved proposal once, against the plant as it is now.

    ``trips`` says what would be if a machine tripped after it; without it nobody asks. ``narrowed`` is what
    frozen levers and doubts leave, as it was asked when the proposal was made.
    """
    at = clock.now()
    refused = validate(
        proposal, desk=desk, snapshot=snapshot, site=site, at=at, held=held, trips=trips, narrowed=narrowed
    )
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
        done = await _undo(proposal, receipts, snapshot, writer, at)
        status = ProposalStatus.ROLLED_BACK if done.outcome is Outcome.ROLLED_BACK else ProposalStatus.FAILED
        note = done.reason
    with audit.together():
        desk.mark(proposal.id, status, clock.now(), note)
        audit.record("execution", SYSTEM, _summary(done), clock.now())
    return done


def validate(
    proposal: Proposal,
    *,
    desk: ApprovalDesk,
    snapshot: Snapshot,
    site: Site,
    at: datetime,
    held: frozenset[LeverId],
    trips: TripCheck | None = None,
    narrowed: Sequence[Mapping[LeverId, Range]] = (),
) -> tuple[Refusal, str] | None:
    """Why the proposal may not be carried out now, or None. The stored one counts, not the one handed in."""
    stored = desk.get(proposal.id)
    if stored is None or stored.status is not ProposalStatus.APPROVED:
        return Refusal.NOT_APPROVED, "it is not an approved proposal"
    if not stored.digest == stored.seal() == proposal.digest == proposal.seal():
        return Refusal.TAMPERED, "it is not what was approved"
    if stored.executed_at is not None:
        return Refusal.REUSED, "it was executed before"
    if stored.expires_at <= at:
        return Refusal.EXPIRED, f"it ended at {stored.expires_at.isoformat()}"
    if lapsed := desk.lapsed(stored):
        return Refusal.LAPSED, lapsed
    return objection(stored, snapshot=snapshot, site=site, at=at, held=held, trips=trips, narrowed=narrowed)


def objection(
    proposal: Proposal,
    *,
    snapshot: Snapshot,
    site: Site,
    at: datetime,
    held: frozenset[LeverId],
    trips: TripCheck | None = None,
    narrowed: Sequence[Mapping[LeverId, Range]] = (),
) -> tuple[Refusal, str] | None:
    """What the plant, the holds and the envelope say against the proposal now, or None."""
    age_s = (at - snapshot.time).total_seconds()
    if abs(age_s) > site.safety.max_data_age_s:
        return Refusal.STALE, f"the plant was last seen {age_s:.0f} s ago"
    touched = sorted(held & set(proposal.changes))
    if touched:
        return Refusal.HELD, f"held: {', '.join(touched)}"
    moved = _moved_since(proposal, snapshot, site)
    if moved:
        return Refusal.PLANT_CHANGED, "; ".join(moved)
    wanted = {lever: change.after for lever, change in proposal.changes.items()}
    verdict = envelope.review(site, wanted, snapshot, at=at, held=held, narrowed=narrowed)
    if verdict.outcome is not VerdictOutcome.ACCEPTED:
        return Refusal.ENVELOPE, "; ".join(verdict.reasons)
    if trips is None:
        return None
    warming = any(warms(site, name, c.after - c.before) for name, c in proposal.changes.items())
    if warming and untold(trips, snapshot):
        return Refusal.ENVELOPE, UNTOLD
    broken = broken_by(trips, snapshot, wanted)
    if broken:
        return Refusal.ENVELOPE, "; ".join(o.sentence for o in broken)
    return None


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
    proposal: Proposal, receipts: Sequence[Receipt], snapshot: Snapshot, writer: GuardedWriter, at: datetime
) -> Execution:
    """Set back every register that was, or may have been, changed. Bumpless: to where it just stood."""
    why = "; ".join(_complaint(r) for r in receipts if not isinstance(r, Confirmed))
    touched = [r.command.point for r in receipts if not isinstance(r, Refused)]
    back = [Command(point, snapshot.value(point)) for point in touched]
    undone = (
        await writer.write(back, snapshot=snapshot, purpose=Purpose.ROLLBACK, proposal=proposal.id)
        if back
        else []
    )
    clean = all(isinstance(r, Confirmed) for r in undone)
    return Execution(
        proposal.id,
        Outcome.ROLLED_BACK if clean else Outcome.FAILED,
        Step.WRITTEN if back else Step.VALIDATED,
        at,
        reason=why,
        receipts=tuple(receipts),
        undone=tuple(undone),
    )


def _moved_since(proposal: Proposal, snapshot: Snapshot, site: Site) -> list[str]:
    """Levers that no longer stand where they stood when the proposal was shown."""
    moved = []
    for name, change in proposal.changes.items():
        present = snapshot.lever_value(site.lever_by_id[name])
        if not abs(present - change.before) <= site.lever_by_id[name].resolution + 1e-9:
            moved.append(f"{name} stood at {change.before:g} and now at {present:g}")
    return moved


def _refuse(
    proposal: Proposal, refused: tuple[Refusal, str], desk: ApprovalDesk, audit: AuditLog, at: datetime
) -> Execution:
    refusal, reason = refused
    execution = Execution(proposal.id, Outcome.REFUSED, None, at, refusal, reason)
    stored = desk.get(proposal.id)
    if stored is not None and stored.status is ProposalStatus.APPROVED:
        if refusal in _FINAL:
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
