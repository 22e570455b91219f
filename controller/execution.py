"""What an execution is: how far it came, how it ended, and what every register said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.recheck import Refusal
from plant.commands import Confirmed, Receipt
from plant.points import PointId


class Step(StrEnum):
    """How far an execution came. That the plant holds it is seen later, and is the proposal's: `verified`."""

    VALIDATED = "validated"
    WRITTEN = "written"
    READ_BACK = "read_back"


class Outcome(StrEnum):
    """How an execution ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    """Stopped before anything was written."""
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    """Neither done nor undone: some register is not where anyone wants it."""


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

    @property
    def stuck(self) -> tuple[PointId, ...]:
        """Registers that were, or may have been, changed and could not be set back."""
        return tuple(r.command.point for r in self.undone if not isinstance(r, Confirmed))
