"""The re-check: whether what was approved may still be done, by the plant as it is at that moment.

Approval was for exact values, so here everything may say yes or no, but not something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller import envelope
from controller.contingency import TripCheck
from controller.envelope import Range, VerdictOutcome
from controller.proposals import ApprovalDesk, Proposal, ProposalStatus
from controller.spare_room import UNTOLD, broken_by, untold, warms
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot


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


FINAL = frozenset({Refusal.TAMPERED, Refusal.PLANT_CHANGED, Refusal.ENVELOPE, Refusal.LAPSED})
"""Refusals that end the proposal; the others leave it to wait or to expire."""


@dataclass(frozen=True)
class Moment:
    """The plant as it is seen at one instant, and what narrows a change of it then.

    ``trips`` says what would be if a machine tripped after it; without it nobody asks. ``narrowed`` is what
    frozen levers and doubts leave, as it was asked when the proposal was made.
    """

    at: datetime
    snapshot: Snapshot
    site: Site
    held: frozenset[LeverId] = frozenset()
    trips: TripCheck | None = None
    narrowed: Sequence[Mapping[LeverId, Range]] = ()


def validate(proposal: Proposal, moment: Moment, desk: ApprovalDesk) -> tuple[Refusal, str] | None:
    """Why the proposal may not be carried out now, or None. The stored one counts, not the one handed in."""
    stored = desk.get(proposal.id)
    if stored is None or stored.status is not ProposalStatus.APPROVED:
        return Refusal.NOT_APPROVED, "it is not an approved proposal"
    if not stored.digest == stored.seal() == proposal.digest == proposal.seal():
        return Refusal.TAMPERED, "it is not what was approved"
    if stored.executed_at is not None:
        return Refusal.REUSED, "it was executed before"
    if stored.expires_at <= moment.at:
        return Refusal.EXPIRED, f"it ended at {stored.expires_at.isoformat()}"
    if lapsed := desk.lapsed(stored):
        return Refusal.LAPSED, lapsed
    return objection(stored, moment)


def objection(proposal: Proposal, moment: Moment) -> tuple[Refusal, str] | None:
    """What the plant, the holds and the envelope say against the proposal now, or None."""
    site, snapshot, trips = moment.site, moment.snapshot, moment.trips
    age_s = (moment.at - snapshot.time).total_seconds()
    if abs(age_s) > site.safety.max_data_age_s:
        return Refusal.STALE, f"the plant was last seen {age_s:.0f} s ago"
    touched = sorted(moment.held & set(proposal.changes))
    if touched:
        return Refusal.HELD, f"held: {', '.join(touched)}"
    moved = _moved_since(proposal, snapshot, site)
    if moved:
        return Refusal.PLANT_CHANGED, "; ".join(moved)
    wanted = {lever: change.after for lever, change in proposal.changes.items()}
    verdict = envelope.review(
        site, wanted, snapshot, at=moment.at, held=moment.held, narrowed=moment.narrowed
    )
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


def _moved_since(proposal: Proposal, snapshot: Snapshot, site: Site) -> list[str]:
    """Levers that no longer stand where they stood when the proposal was shown."""
    moved = []
    for name, change in proposal.changes.items():
        present = snapshot.lever_value(site.lever_by_id[name])
        if not abs(present - change.before) <= site.lever_by_id[name].resolution + 1e-9:
            moved.append(f"{name} stood at {change.before:g} and now at {present:g}")
    return moved
