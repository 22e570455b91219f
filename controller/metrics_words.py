"""Known label values: what a metric may say, taken from the records that say it.

They are counted from zero at the start, so that a rate over nothing and a rate of zero differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from controller.mode import Mode
from controller.proposal_record import ProposalStatus
from plant.commands import Receipt
from reports.switchback_record import Applied

MODES = tuple(mode.value for mode in Mode)
OUTCOMES = (*(status.value for status in ProposalStatus), "refused")
"""States of a proposal; a refused one was never offered."""
RECEIPTS = tuple(kind.__name__.lower() for kind in get_args(Receipt))
APPLIED = ("none", *(applied.value for applied in Applied))
DECISION_OF: Mapping[str, str] = {
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
"""The decision a record of the audit log is."""
DECISIONS = tuple(dict.fromkeys(DECISION_OF.values()))
