"""What is asked of a plant over time, the world it meets, and what comes of it: the rollout's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from optimizer.duty import PLAIN, Duty
from optimizer.machines import UNKNOWN, Machines
from plant.forecast import Array

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Course:
    """Candidate setpoints over time. Zone arrays (candidates, steps, zones), others (candidates, steps).

    `duty` is what a schedule asks of the plant room; `put_off_kw` IT power that is put off (zones,
    negative where waiting work is caught up), None where no work may wait.
    """

    supply_c: Array
    speed: Array
    chw_c: Array
    cw_c: Array
    duty: Duty = PLAIN
    put_off_kw: Array | None = None
    outdoor_air: Array | None = None
    """Leave for outdoor-air dampers, 1 or 0, as zone arrays; None where nobody withholds it."""
    liquid_c: Array | None = None
    """Supply temperatures of liquid loops (…, steps, loops); None: as they stand."""


@dataclass(frozen=True)
class World:
    """What the plan cannot choose, per step, and where the inlets start.

    `it_reference_kw` and `it_std_kw` have shape (steps, zones), `wet_bulb_c` (steps,), each with a
    candidates' axis before it where candidates live in worlds of their own (`each_in`); `inlets_c` and
    `inlet_bias_k` (zones, sensors), NaN where there is no sensor.
    """

    step_s: int
    it_reference_kw: Array
    it_std_kw: Array
    wet_bulb_c: Array
    inlets_c: Array
    inlet_bias_k: Array
    stored_kwh: float = 0.0
    """Cold in the tank now."""
    dry_bulb_c: Array | None = None
    """Outdoor air (steps,), where a law of the site asks for it."""
    dew_point_c: Array | None = None
    """Its dew point, likewise."""
    liquid_c: Array | None = None
    """Where liquid loops stand (loops,); 30 °C where nobody says."""
    machines: Machines = UNKNOWN
    """What runs now."""

    @property
    def outdoor_c(self) -> Array:
        """Outdoor dry bulb; the wet bulb, below it, where nobody gave one. Shape (steps,)."""
        return self.wet_bulb_c if self.dry_bulb_c is None else self.dry_bulb_c

    @property
    def dew_c(self) -> Array:
        """Outdoor dew point; the wet bulb, above it, where nobody gave one. Shape (steps,)."""
        return self.wet_bulb_c if self.dew_point_c is None else self.dew_point_c


@dataclass(frozen=True)
class Rollout:
    """What courses lead to. Zone arrays (candidates, steps, zones), others (candidates, steps)."""

    worst_inlet_c: Array
    worst_inlet_std_k: Array
    it_kw: Array
    cooling_kw: Array
    facility_kw: Array
    water_l: Array
    supply_c: Array
    chillers_on: Array
    economizer_kw: Array
    short_kw: Array
    """Cooling load that the machines asked for cannot carry; 0 where the PLC stages by itself."""
    economizer_on: Array | None = None
    """1 where the economizer runs in a step, 0 where not; None where nobody knows whether it runs now."""
    storage_kw: Array | None = None
    """What the tank really takes (+) or gives, and holds at the end of each step."""
    stored_kwh: Array | None = None


Parts = TypeVar("Parts", bound="DataclassInstance")


def joined(records: Sequence[Parts]) -> Parts:
    """Courses (or duties) as one, the candidates of each after those of the one before."""
    first = records[0]
    return replace(
        first, **{f.name: _end_to_end([getattr(r, f.name) for r in records]) for f in fields(first)}
    )


def _end_to_end(values: Sequence[Array | Duty | None]) -> Array | Duty | None:
    arrays = [v for v in values if isinstance(v, np.ndarray)]
    if arrays:
        return np.concatenate(arrays)
    duties = [v for v in values if is_dataclass(v)]
    return joined(duties) if duties else None


def each_in(worlds: Sequence[World], candidates: int) -> World:
    """One world whose first so many candidates live in the first of ``worlds``, the next in the second.

    They differ in load, wet bulb and outdoor air alone.
    """
    first = worlds[0]

    def of(values: Sequence[Array]) -> Array:
        return np.repeat(np.stack(values), candidates, axis=0)

    return replace(
        first,
        it_reference_kw=of([w.it_reference_kw for w in worlds]),
        wet_bulb_c=of([w.wet_bulb_c for w in worlds]),
        dry_bulb_c=None if first.dry_bulb_c is None else of([w.outdoor_c for w in worlds]),
    )


def parted(rolled: Rollout, candidates: int) -> list[Rollout]:
    """A rollout in parts of so many candidates."""
    known: dict[str, Array] = {k: a for k, a in vars(rolled).items() if a is not None}
    begins = range(0, len(rolled.it_kw), candidates)
    return [replace(rolled, **{k: a[b : b + candidates] for k, a in known.items()}) for b in begins]


@dataclass(frozen=True)
class WaterSide:
    """The plant room at one or many operating points; powers in kW, arrays of one shape."""

    chiller_kw: Array
    tower_kw: Array
    pumps_kw: Array
    economizer_kw: Array
    rejected_kw: Array
    cw_c: Array
    chillers_on: Array
    short_kw: Array

    @property
    def power_kw(self) -> Array:
        """All of its electrical power."""
        return np.asarray(self.chiller_kw + self.tower_kw + self.pumps_kw)


def no_room(*given: Array) -> WaterSide:
    """The plant room of a site without chilled water: nothing runs."""
    cw = np.broadcast_arrays(*given)[2]
    none = np.zeros(cw.shape)
    return WaterSide(none, none, none, none, none, cw, none, none)
