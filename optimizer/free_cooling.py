"""Whether the economizer runs in each step of a path: what the PLC does is felt in the next step.

Its rule has two thresholds (`optimizer.identify.switching`), so a course is followed step by step. The
tower takes some ten minutes to come down after a start: heat taken from the next step on is near enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.duty import Duty
from plant.forecast import Array

if TYPE_CHECKING:
    from optimizer.model import PlantModel


@dataclass(frozen=True)
class Economizer:
    """The economizer as it is: whether it runs (1 or 0, NaN where nobody says), and for how long it is so.

    `start_bias_k` is how much more (or less) span over the wet bulb it turned out to need lately than
    its law says: a PLC tunes itself by the hour, a law is learned by the day.
    """

    on: float = float("nan")
    since_s: float = float("inf")
    start_bias_k: float = 0.0

    @property
    def known(self) -> bool:
        """Whether somebody says whether it runs."""
        return self.on == self.on


UNKNOWN = Economizer()


def running(
    model: PlantModel,
    room: tuple[Array, Array, Array, Array, Array],
    duty: Duty,
    now: Economizer,
    step_s: Array,
) -> Array | None:
    """1 where it runs, 0 where not, steps last; None where nobody knows whether it runs now.

    `room` is load, flow, chilled and condenser setpoint and wet bulb as `PlantModel.water_side` takes
    them; `step_s` (steps,).
    """
    law = model.economizer
    if not law.present or not now.known:
        return None
    load, flow, chw, _, wet = room
    starts = law.switching.starts(chw + load / np.maximum(flow, 1.0) - now.start_bias_k, wet)
    leave = np.ones_like(load) if duty.economizer is None else duty.economizer
    starts = starts & (leave > 0.5)
    if now.on < 0.5 and not starts.any():
        return np.zeros_like(load)
    would = model.water_side(*room, replace(duty, free=np.ones_like(load)))
    stays = law.switching.stays(would.economizer_kw, np.maximum(flow, 1.0)) & (leave > 0.5)
    return law.switching.followed(starts, stays, now.on, now.since_s, step_s)
