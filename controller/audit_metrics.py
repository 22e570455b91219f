"""Counting decisions: whatever is written to the audit log is counted, so that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.audit import AuditRecord
from controller.metrics import OUTCOMES, Metrics

_DECISIONS: Mapping[str, str] = {
    "proposal.approved": "approve",
    "proposal.rejected": "reject",
    "hold.placed": "hold",
    "hold.released": "release",
    "stop": "stop",
    "resume": "resume",
    "fallback.entered": "fallback",
    "fallback.left": "mode_change",
    "mode.set": "mode_change",
    "mode.demoted": "mode_change",
    "limits.set": "limit_change",
}


def counting(metrics: Metrics) -> Callable[[AuditRecord], None]:
    """A listener of the audit log that counts proposals and decisions."""

    def count(record: AuditRecord) -> None:
        family, _, outcome = record.kind.partition(".")
        if record.kind == "proposal.offered":
            metrics.observe_proposal("pending")
        elif family == "proposal" and outcome in OUTCOMES:
            metrics.observe_proposal(outcome)
        if record.kind in _DECISIONS:
            metrics.observe_decision(_DECISIONS[record.kind])

    return count
