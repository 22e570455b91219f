"""One trial of a lever: what the plant did from where the lever stood to where it was told to go.

A trial rests on what registers and process values say, not on who wrote: planner, trim-and-respond,
fallback, rescue and people at the panel all leave the same trace. Small moves one way add up to one
trial; a move cannot be judged before it is larger than noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.envelope import COOLER
from controller.process import process_points
from plant.points import PointId
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Process:
    """What answers to a setpoint, and how fast (three time constants). [s]"""

    quantity: Quantity
    settle_s: float


ANSWERS: Mapping[Quantity, Process] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: Process(Quantity.SUPPLY_AIR_TEMPERATURE, 600),
    Quantity.FAN_SPEED_SETPOINT: Process(Quantity.FAN_SPEED, 180),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: Process(
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE, 1200
    ),
    # Tower water follows the weather as much as its setpoint: no judgement from it.
}

LEAST_STEP = 3.0
"""Moves smaller than this many resolutions drown in noise and are not judged. [resolutions]"""

SUSPECT_STEP = 2.0
"""The same for a fan that answered backwards once already: a planner near its working point may not move it
by more for hours, and the next to do so would be a rescue. [resolutions]"""

ENOUGH = 0.3
"""Share of the move that counts as an answer. [-]"""

RUNS = 0.05
"""A fan slower than this has stopped: that is a machine's fault and says nothing of the lever. [-]"""

WIDE_OPEN = 0.95
"""A coil valve further open than this is at its end: its air follows the water and not the setpoint. [-]"""

TOO_LATE = 1 / 3
"""What was told within this last share of the time to settle is not asked for yet. [-]"""


class Answer(StrEnum):
    """How a lever answered."""

    FOLLOWED = "followed"
    SILENT = "silent"
    BACKWARDS = "backwards"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a lever and what answers to it stood before a trial."""

    register: float
    process: Mapping[PointId, float]
    valves_at_end: bool

    @classmethod
    def of(cls, site: Site, lever: Lever, snapshot: Snapshot) -> Anchor | None:
        """As a snapshot has it; None where the lever's position or its answer is not known."""
        register = snapshot.lever_value(lever)
        points = process_points(site, lever, ANSWERS[lever.quantity].quantity)
        process = {p: v for p in points if not math.isnan(v := snapshot.value(p))}
        if math.isnan(register) or not process:
            return None
        return cls(register, process, _at_end(site, lever, snapshot))


@dataclass(frozen=True, slots=True)
class Trial:
    """A lever on its way from where it stood to ``told``; it can be judged from ``due`` on."""

    stood: float
    told: float
    due: datetime
    settle_s: float

    @property
    def counts_until(self) -> datetime:
        """Moves after this instant have had no time to be answered."""
        return self.due - timedelta(seconds=TOO_LATE * self.settle_s)


@dataclass(frozen=True, slots=True)
class Strikes:
    """Bad answers of one kind in a row, and where the lever stood before the first of them."""

    answer: Answer
    count: int
    stood: float


def answer_of(
    start: Anchor, told: float, lever: Lever, now: Anchor, *, least_step: float = LEAST_STEP
) -> Answer:
    """What the plant answered to a move of at least ``least_step`` resolutions.

    The process is asked to come from where it stood to where the lever was told to go. An answer
    against the move counts as backwards only where it leads away from the setpoint as well: a process
    on its way back from beyond goes the right way. A cooling move is never called unanswered: a machine
    at its end (valve wide open, chiller off) cannot follow, and is needed more than ever. But no honest
    fan slows when told to speed up, whatever else is wrong.
    """
    was, is_ = _running_means(start, now, lever)
    move, least = told - start.register, least_step * lever.resolution - 1e-9
    if math.isnan(was) or abs(move) < least:
        return Answer.UNKNOWN
    way = math.copysign(1.0, move)
    followed, asked, missing = way * (is_ - was), way * (told - was), way * (told - is_)
    against = ENOUGH * max(abs(move), LEAST_STEP * lever.resolution)
    if lever.quantity is Quantity.FAN_SPEED_SETPOINT:
        # A drive at its lowest speed has no more to give the wrong way than it has.
        against = min(against, LEAST_STEP * lever.resolution - 1e-9)
    cooling = way * COOLER.get(lever.quantity, 0) > 0
    if followed <= -against and missing >= abs(move) / 2:
        return Answer.UNKNOWN if cooling and not _must_follow(start, now, lever) else Answer.BACKWARDS
    if asked >= least and followed >= ENOUGH * asked:
        return Answer.FOLLOWED
    return Answer.UNKNOWN if cooling or asked < least else Answer.SILENT


def is_strong(trial: Trial, lever: Lever) -> bool:
    """Whether a fan's answer to a move of a rescue is proof by itself: no noise is as large."""
    big = abs(trial.told - trial.stood) >= 2 * lever.max_move - 1e-9
    return big and lever.quantity is Quantity.FAN_SPEED_SETPOINT


def _must_follow(start: Anchor, now: Anchor, lever: Lever) -> bool:
    """Whether a move that asks for more cooling could have been followed."""
    match lever.quantity:
        case Quantity.FAN_SPEED_SETPOINT:
            return True
        case Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT:
            return not (start.valves_at_end or now.valves_at_end)
        case _:
            return False


def _at_end(site: Site, lever: Lever, snapshot: Snapshot) -> bool:
    """Whether any of the lever's coils has its valve wide open, or does not say."""
    if lever.quantity is not Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT:
        return False
    valves = [snapshot.value(p) for p in process_points(site, lever, Quantity.VALVE_POSITION)]
    return not valves or not all(v < WIDE_OPEN for v in valves)


def _running_means(start: Anchor, now: Anchor, lever: Lever) -> tuple[float, float]:
    """Means before and now over the units that were seen, and ran, both times."""
    both = [(v, now.process[p]) for p, v in start.process.items() if p in now.process]
    if lever.quantity is Quantity.FAN_SPEED_SETPOINT:
        both = [(a, b) for a, b in both if min(a, b) >= RUNS]
    if not both:
        return math.nan, math.nan
    return sum(a for a, _ in both) / len(both), sum(b for _, b in both) / len(both)
