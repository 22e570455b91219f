"""Counting decisions: whatever is written to the audit log is counted, so that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable

from controller.audit import AuditRecord
from controller.metrics import Metrics
from controller.metrics_words import DECISION_OF, OUTCOMES


def counting(metrics: Metrics) -> Callable[[AuditRecord], None]:
    """A listener of the audit log that counts proposals and decisions."""

    def count(record: AuditRecord) -> None:
        family, _, outcome = record.kind.partition(".")
        if record.kind == "proposal.offered":
            metrics.observe_proposal("pending")
        elif family == "proposal" and outcome in OUTCOMES:
            metrics.observe_proposal(outcome)
        if record.kind in DECISION_OF:
            metrics.observe_decision(DECISION_OF[record.kind])

    return count
