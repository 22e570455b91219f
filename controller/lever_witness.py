"""Who says whether a lever was followed: its own machine's measurement, or else its zone's inlets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from controller.lever_inlets import InletAnchor, answer_by_inlets, inlet_points, least_step, settle_s
from controller.lever_trial import ANSWERS, LEAST_STEP, SUSPECT_STEP, Anchor, Answer, answer_of
from controller.process import process_points
from optimizer.identify.inlets import InletLaw
from plant.points import PointId
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import Site
from plant.snapshot import Snapshot

Stand: TypeAlias = Anchor | InletAnchor
"""Where a lever and its witness stood at one instant."""


@dataclass(frozen=True)
class Witness:
    """One lever's witness. `own`: its machine is measured; `law` tells of inlets where it is not.

    `suspect`: the last answer was backwards, so smaller moves are worth a trial.
    """

    site: Site
    lever: Lever
    own: bool
    points: Sequence[PointId]
    law: InletLaw | None
    suspect: bool = False

    @classmethod
    def of(cls, site: Site, lever: Lever, law: InletLaw | None, *, suspect: bool = False) -> Witness | None:
        """The best there is; None where nothing measured follows the lever."""
        process = (
            process_points(site, lever, ANSWERS[lever.quantity].quantity) if lever.quantity in ANSWERS else []
        )
        points = process or inlet_points(site, lever)
        return cls(site, lever, bool(process), points, law, suspect) if points else None

    @property
    def settle_s(self) -> float:
        """How long an answer takes. [s]"""
        return ANSWERS[self.lever.quantity].settle_s if self.own else settle_s(self.law)

    @property
    def least(self) -> float:
        """The smallest move worth a trial, in the lever's unit."""
        return self._least_step * self.lever.resolution if self.own else least_step(self.lever)

    def stand(self, snapshot: Snapshot) -> Stand | None:
        """Where lever and witness stand; None where that is not known."""
        kind: type[Anchor] | type[InletAnchor] = Anchor if self.own else InletAnchor
        return kind.of(self.site, self.lever, snapshot)

    def answer(self, start: Stand, told: float, now: Stand) -> Answer:
        """What the witness says of the move that began at ``start``."""
        if isinstance(start, Anchor) and isinstance(now, Anchor):
            return answer_of(start, told, self.lever, now, least_step=self._least_step)
        if isinstance(start, InletAnchor) and isinstance(now, InletAnchor):
            return answer_by_inlets(start, now, self.lever, self.law)
        return Answer.UNKNOWN

    @property
    def _least_step(self) -> float:
        fan = self.lever.quantity is Quantity.FAN_SPEED_SETPOINT
        return SUSPECT_STEP if fan and self.suspect else LEAST_STEP

    def read_since(self, due: datetime, snapshot: Snapshot) -> bool:
        """Whether the witness has been read since; an older reading says nothing."""
        read = [snapshot.reading(p) for p in self.points]
        return all(r.time >= due for r in read if r.usable)
