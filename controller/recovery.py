"""Recovery: finishing the record of an execution that a crash cut off, from what the plant says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import update

from controller.canonical import stamp
from controller.command_record import CommandRecord, Purpose, commands_of
from controller.execution import Execution, Outcome, Step
from controller.guard import GuardedWriter, at_target
from controller.proposals import ApprovalDesk, Proposal, ProposalStatus
from controller.rollback import way_back
from controller.store import Store
from controller.tables import COMMANDS
from plant.commands import Confirmed
from plant.points import PointId
from plant.site import Site
from plant.snapshot import Snapshot

_STATUS = {
    Outcome.REFUSED: ProposalStatus.FAILED,
    Outcome.APPLIED: ProposalStatus.APPLIED,
    Outcome.ROLLED_BACK: ProposalStatus.ROLLED_BACK,
    Outcome.FAILED: ProposalStatus.FAILED,
}
"""What becomes of the proposal."""


async def recover(
    *, desk: ApprovalDesk, store: Store, snapshot: Snapshot, site: Site, writer: GuardedWriter, at: datetime
) -> list[Execution]:
    """Finish the record of executions a crash cut off, from what the plant's registers say.

    All new: applied. All old: failed, nothing was written. Mixed: undone. A register that the plant
    itself has moved since (its dead-man did its work) is left to the plant.
    """
    ended: list[Execution] = []
    for proposal in desk.unfinished():
        records = [r for r in commands_of(store, proposal.id) if r.purpose is Purpose.PROPOSAL]
        where = {r.point: snapshot.value(r.point) for r in records}
        if any(math.isnan(v) for v in where.values()) or not _seen_since(proposal, where, snapshot):
            continue  # the plant does not say yet; ask again with the next snapshot
        done = await _finish_cut_off(proposal, records, where, snapshot, site, writer, at)
        with store.transaction():
            _settle_intents(store, proposal, snapshot, site, at)
            desk.mark(proposal.id, _STATUS[done.outcome], at, done.reason)
        ended.append(done)
    return ended


def _seen_since(proposal: Proposal, where: Mapping[PointId, float], snapshot: Snapshot) -> bool:
    """A reading from before the writes would tell the old value, and a half change would look undone."""
    begun = proposal.executed_at
    return begun is not None and all(snapshot.reading(point).time > begun for point in where)


def _settle_intents(store: Store, proposal: Proposal, snapshot: Snapshot, site: Site, at: datetime) -> None:
    """Writes whose answer nobody heard: what the register says is what became of them.

    A write that is found done is ours, and its lease is renewed like any other.
    """
    lever_of = {p: lever for lever in site.levers for p in lever.points}
    for record in commands_of(store, proposal.id):
        if record.state != "intended":
            continue
        stands = snapshot.value(record.point)
        known = record.point in lever_of and not math.isnan(stands)
        done = known and at_target(stands, record.value, lever_of[record.point])
        values = {
            "state": "confirmed" if done else "unreachable",
            "read_back": stands if known else None,
            "reason": "cut off; read after the restart",
            "finished_at": stamp(at),
        }
        with store.transaction() as tx:
            tx.execute(update(COMMANDS).where(COMMANDS.c.id == record.id).values(**values))


async def _finish_cut_off(
    proposal: Proposal,
    records: Sequence[CommandRecord],
    where: Mapping[PointId, float],
    snapshot: Snapshot,
    site: Site,
    writer: GuardedWriter,
    at: datetime,
) -> Execution:
    lever_of = {p: lever for lever in site.levers for p in lever.points}
    new = [r for r in records if at_target(where[r.point], r.value, lever_of[r.point])]
    if not new:
        why = "cut off; no register had changed"
        return Execution(proposal.id, Outcome.REFUSED, Step.VALIDATED, at, reason=why)
    if len(new) == len(records):
        why = "cut off; every register had changed"
        return Execution(proposal.id, Outcome.APPLIED, Step.READ_BACK, at, reason=why)
    back, left = way_back(site, {r.point: r.before for r in new})
    undone = await writer.write(back, snapshot=snapshot, purpose=Purpose.ROLLBACK, proposal=proposal.id)
    clean = all(isinstance(r, Confirmed) for r in undone)
    told = (
        f"cut off; {len(back)} registers set back" if clean else "cut off; a register could not be set back"
    )
    return Execution(
        proposal.id,
        Outcome.ROLLED_BACK if clean else Outcome.FAILED,
        Step.WRITTEN,
        at,
        reason="; ".join([f"cut off; {told}", *left]),
        undone=tuple(undone),
    )
