"""Every decision in the audit log is counted under its kind: what Grafana's annotations show."""

from __future__ import annotations

import pytest
from made_up_metrics import START
from prometheus_client.parser import text_string_to_metric_families

from controller.audit import AuditLog
from controller.audit_metrics import counting
from controller.metrics import Metrics
from controller.metrics_words import DECISIONS
from controller.store import Store
from plant.site import Site

KINDS = {
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


def decisions(metrics: Metrics) -> dict[str, float]:
    return {
        sample.labels["decision"]: sample.value
        for family in text_string_to_metric_families(metrics.render()[0].decode())
        for sample in family.samples
        if sample.name == "coolwright_decisions_total"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_decision_in_the_audit_log_is_one_of_its_kind_and_of_no_other(kind: str, demo_site: Site) -> None:
    metrics, audit = Metrics(demo_site), AuditLog(Store("sqlite://"))
    audit.listen(counting(metrics))
    audit.record(kind, "Kim", {"scope": "site"}, START)
    expected = dict.fromkeys(DECISIONS, 0.0) | {KINDS[kind]: 1.0}
    assert decisions(metrics) == expected
    audit._store.close()
