"""Which machines run in each step of a path: the PLC stages chillers and turns the economizer on and off.

Both of its rules have two thresholds (`optimizer.identify.staging`, `optimizer.identify.switching`), so a
course is followed step by step from how it stands now. The economizer starts more easily where fewer
chillers run, and where it runs they have less to do: neither can be followed without the other.
The tower takes some ten minutes to come down after a start: heat taken from the next step on is near enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from optimizer.duty import Duty
from optimizer.identify.staging import StagingLaw
from optimizer.identify.switching import Mask, SwitchingLaw
from plant.forecast import Array

if TYPE_CHECKING:
    from optimizer.model import PlantModel

Room: TypeAlias = tuple[Array, Array, Array, Array, Array]
"""Load, flow, chilled and condenser setpoint and wet bulb, as `PlantModel.water_side` takes them."""


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


@dataclass(frozen=True)
class Machines:
    """The plant room as it is: the economizer, and how many chillers run (NaN where nobody says)."""

    economizer: Economizer = Economizer()
    chillers: float = float("nan")

    @property
    def counted(self) -> bool:
        """Whether somebody says how many chillers run."""
        return self.chillers == self.chillers


UNKNOWN = Machines()


def followed(model: PlantModel, room: Room, duty: Duty, now: Machines, step_s: Array) -> Duty:
    """The duty with what runs in each step, steps last, as far as it is known what runs now.

    `step_s` (steps,) is each step's length.
    """
    staging = model.chillers.staging
    staged = now.counted and staging.number > 1
    if not (model.economizer.present and now.economizer.known):
        if not staged:
            return duty
        left = duty.left_kw(room[0], model.water_side(*room, duty).economizer_kw)
        return replace(duty, before=_counts(staging, left, now.chillers))
    seen = _Seen.of(model, room, duty, now, step_s)
    if now.economizer.on < 0.5 and not seen.could_start:
        counts = _counts(staging, duty.left_kw(room[0], 0.0), now.chillers) if staged else None
        return replace(duty, free=np.zeros_like(room[0]), before=counts)
    on, counts = (np.stack(each, axis=-1) for each in zip(*seen.steps(now), strict=True))
    return replace(duty, free=on, before=counts if staged else None)


@dataclass(frozen=True)
class Band:
    """The fewest and the most chillers the PLC leaves running in each step. Arrays (…, steps)."""

    fewest: Array
    most: Array

    @classmethod
    def of(cls, staging: StagingLaw, left_kw: Array, *, counted: bool) -> Band:
        """At what is left for them; one number where nobody says how many run now."""
        if counted:
            return cls(staging.fewest(left_kw), staging.most(left_kw))
        likely = staging.running(left_kw)
        return cls(likely, likely)

    def kept(self, count: Array, step: int) -> Array:
        """How many run in a step where so many ran before it."""
        return np.maximum(np.minimum(count, self.most[..., step]), self.fewest[..., step])


@dataclass(frozen=True)
class _Seen:
    """What the PLC looks at in each step of a course, whichever machines run. Arrays (…, steps)."""

    switching: SwitchingLaw
    number: int
    slack_k: Array
    """How far the return water is above the start line with every chiller running."""
    leave: Mask
    """Whether the economizer may run."""
    stays: Mask
    without: Band
    """How many chillers would run with the economizer off."""
    beside: Band
    """And with it on."""
    step_s: Array

    @classmethod
    def of(cls, model: PlantModel, room: Room, duty: Duty, now: Machines, step_s: Array) -> _Seen:
        """Reckon the plant room once with the economizer at work throughout."""
        load, flow, chw, _, wet = room
        law, flow = model.economizer.switching, np.maximum(flow, 1.0)
        leave = np.ones(1) if duty.economizer is None else duty.economizer
        would = model.water_side(*room, replace(duty, free=np.ones_like(load))).economizer_kw
        off, on = duty.left_kw(load, 0.0), duty.left_kw(load, would)
        span_k = chw + load / flow - wet - now.economizer.start_bias_k
        may = np.broadcast_to(leave > 0.5, load.shape)
        return cls(
            switching=law,
            number=max(model.chillers.number, 1),
            slack_k=law.slack_k(span_k, wet),
            leave=may,
            stays=law.stays(would, flow) & may,
            without=Band.of(model.chillers.staging, off, counted=now.counted),
            beside=Band.of(model.chillers.staging, on, counted=now.counted),
            step_s=step_s,
        )

    @property
    def could_start(self) -> bool:
        """Whether some step would start it even with the fewest chillers."""
        return bool(self._starts(self.slack_k, self.leave, self.without.fewest).any())

    def steps(self, now: Machines) -> Iterator[tuple[Array, Array]]:
        """Whether the economizer runs and how many chillers, step by step."""
        shape = self.slack_k.shape[:-1]
        on, since = np.full(shape, now.economizer.on), np.full(shape, now.economizer.since_s)
        count = np.full(shape, now.chillers if now.counted else 0.0)
        for k in range(self.slack_k.shape[-1]):
            count = np.where(on > 0.5, self.beside.kept(count, k), self.without.kept(count, k))
            yield on, count
            starts = self._starts(self.slack_k[..., k], self.leave[..., k], count)
            since = since + self.step_s[k]
            after = self.switching.after(on, since, starts, self.stays[..., k])
            since, on = np.where(after == on, since, 0.0), after

    def _starts(self, slack_k: Array, leave: Mask, count: Array) -> Mask:
        eased = self.switching.start_per_share_k * (1.0 - count / self.number)
        return np.asarray((slack_k + eased > 0) & leave)


def _counts(staging: StagingLaw, left_kw: Array, now: float) -> Array:
    """How many run in each step where so many run now."""
    band, count = Band.of(staging, left_kw, counted=True), np.full(left_kw.shape[:-1], now)
    found = np.empty_like(left_kw)
    for k in range(left_kw.shape[-1]):
        count = found[..., k] = band.kept(count, k)
    return found
