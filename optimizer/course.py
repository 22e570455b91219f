"""What is asked of a plant over time, the world it meets, and what comes of it: the rollout's arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.duty import PLAIN, Duty
from optimizer.machines import UNKNOWN, Machines
from plant.forecast import Array


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

    `it_reference_kw` and `it_std_kw` have shape (steps, zones), `wet_bulb_c` (steps,),
    `inlets_c` and `inlet_bias_k` (zones, sensors) with NaN where there is no sensor.
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
