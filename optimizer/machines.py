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
        left = _left_kw(room, duty, model.water_side(*room, duty).economizer_kw)
        return replace(duty, before=_counts(staging, left, now.chillers))
    seen = _Seen.of(model, room, duty, now, step_s)
    if now.economizer.on < 0.5 and not seen.could_start:
        left = _left_kw(room, duty, np.zeros_like(room[0]))
        counts = _counts(staging, left, now.chillers) if staged else None
        return replace(duty, free=np.zeros_like(room[0]), before=counts)
    on, counts = (np.stack(each, axis=-1) for each in zip(*seen.steps(now), strict=True))
    return replace(duty, free=on, before=counts if staged else None)


@dataclass(frozen=True)
class _Seen:
    """What the PLC looks at in each step of a course, whichever machines run. Arrays (…, steps)."""

    switching: SwitchingLaw
    staging: StagingLaw
    span_k: Array
    """Return water over the wet bulb, less what it lately took more than its law says."""
    wet_bulb_c: Array
    leave: Mask
    """Whether the economizer may run."""
    stays: Mask
    left_kw: tuple[Array, Array]
    """What chillers have to do without the economizer and with it."""
    step_s: Array

    @classmethod
    def of(cls, model: PlantModel, room: Room, duty: Duty, now: Machines, step_s: Array) -> _Seen:
        """Reckon the plant room once with the economizer at work throughout."""
        load, flow, chw, _, wet = room
        law, flow = model.economizer.switching, np.maximum(flow, 1.0)
        leave = np.ones(1) if duty.economizer is None else duty.economizer
        would = model.water_side(*room, replace(duty, free=np.ones_like(load))).economizer_kw
        return cls(
            switching=law,
            staging=model.chillers.staging,
            span_k=chw + load / flow - wet - now.economizer.start_bias_k,
            wet_bulb_c=np.broadcast_to(wet, load.shape),
            leave=np.broadcast_to(leave > 0.5, load.shape),
            stays=law.stays(would, flow),
            left_kw=(_left_kw(room, duty, np.zeros_like(would)), _left_kw(room, duty, would)),
            step_s=step_s,
        )

    @property
    def could_start(self) -> bool:
        """Whether some step would start it even with the fewest chillers."""
        share = self._share(self.staging.fewest(self.left_kw[0]))
        starts = self.span_k > self.switching.start_span_k(self.wet_bulb_c, share)
        return bool((starts & self.leave).any())

    def steps(self, now: Machines) -> Iterator[tuple[Array, Array]]:
        """Whether the economizer runs and how many chillers, step by step."""
        shape = self.span_k.shape[:-1]
        on, since = np.full(shape, now.economizer.on), np.full(shape, now.economizer.since_s)
        count = np.full(shape, now.chillers) if now.counted else None
        for k in range(self.span_k.shape[-1]):
            left = np.where(on > 0.5, self.left_kw[1][..., k], self.left_kw[0][..., k])
            count = self.staging.running(left, count)
            yield on, count
            line = self.switching.start_span_k(self.wet_bulb_c[..., k], self._share(count))
            starts = (self.span_k[..., k] > line) & self.leave[..., k]
            since = since + self.step_s[k]
            after = self.switching.after(on, since, starts, self.stays[..., k] & self.leave[..., k])
            since, on = np.where(after == on, since, 0.0), after
            count = count if now.counted else None

    def _share(self, count: Array) -> Array:
        return count / max(self.staging.number, 1)


def _left_kw(room: Room, duty: Duty, free_kw: Array) -> Array:
    """What is left for chillers: a tank is filled by them, and spares them."""
    stored = 0.0 if duty.storage_kw is None else duty.storage_kw
    return np.asarray(np.maximum(room[0] - free_kw + stored, 0.0))


def _counts(staging: StagingLaw, left_kw: Array, now: float) -> Array:
    """How many run in each step where so many run now."""
    count, found = np.full(left_kw.shape[:-1], now), np.empty_like(left_kw)
    for k in range(left_kw.shape[-1]):
        count = found[..., k] = staging.running(left_kw[..., k], count)
    return found
