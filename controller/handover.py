"""The handover: what the next shift needs to know, from the record alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.audit import AuditLog, AuditRecord

_TOLD = (
    "mode.",
    "stop",
    "resume",
    "hold.",
    "alarm.raised",
    "alarm.shelved",
    "fallback.",
    "lever.",
    "plant.",
    "standing.",
    "drill.",
    "limits.",
    "switchback.",
    "proposal.failed",
    "proposal.rolled_back",
    "proposal.rejected",
)
_OUTCOMES = "proposal."
_NOT_OUTCOMES = frozenset({"started", "decision_refused", "approved"})


@dataclass(frozen=True)
class Handover:
    """What happened since a time: proposals by outcome, people at work, and what stood out."""

    since: datetime
    until: datetime
    proposals: Mapping[str, int]
    people: Mapping[str, int]
    events: tuple[AuditRecord, ...]


def handover(audit: AuditLog, since: datetime, until: datetime, *, program: str = "coolwright") -> Handover:
    """Sum up the audit log from ``since`` to ``until``."""
    records = [r for r in audit.since(since) if r.at <= until]
    outcomes = Counter(
        outcome
        for r in records
        if r.kind.startswith(_OUTCOMES) and (outcome := r.kind.removeprefix(_OUTCOMES)) not in _NOT_OUTCOMES
    )
    people = Counter(r.who for r in records if r.who != program)
    events = tuple(r for r in records if r.kind.startswith(_TOLD))
    return Handover(since, until, dict(outcomes), dict(people), events)
