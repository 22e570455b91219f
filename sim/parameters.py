"""The plant's own secret: its true parameters. `sim.derive` makes them from nameplates and a seed.

Nothing outside `sim` may read these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.arrays import Array
from sim.physics.chiller import ChillerCurves
from sim.physics.it_load import ServerLaw

if TYPE_CHECKING:
    from sim.assembly import Plan

PIPE_SHARE, PIPE_CELLS = 0.25, 3
"""Part of the chilled water that is in the run to the coils, and as much in the run back."""


@dataclass(frozen=True)
class ZoneParameters:
    """Shapes (zones,), or (zones, groups) for exposure and offset."""

    design_kw: Array
    design_airflow_m3_s: Array
    leak: Array
    knee: Array
    softness: float
    cold_kj_k: Array
    hot_kj_k: Array
    mass_kj_k: Array
    mass_ua_kw_k: Array
    exposure: Array
    mixing: Array
    """Shape (zones, groups, groups): see `physics.recirculation.mixing_matrix`."""
    offset_k: Array
    heat_share: Array
    """Share of site-wide losses that lands in the zone. Sums to the share that stays indoors."""
    recommended_max_c: Array
    dew_point_min_c: Array
    dew_point_max_c: Array
    moist_kg: Array
    """Air held, and half as much again for what walls and paper buffer."""
    leak_kg_s: Array
    """Outdoor air that comes in whether one wants it or not: 0.3 changes an hour."""
    outdoor_m3_s: Array
    """Most an air-side economizer can bring in; 0 where there is none."""
    outdoor_fan_kw: Array
    liquid_share: Array
    """Share of server heat that leaves by liquid."""
    cdu_share: Array
    """Shape (zones, cdus): how a zone's liquid heat is shared among units."""


@dataclass(frozen=True)
class CrahParameters:
    """Shapes (crahs,); `zone_sum` is (crahs, zones) and sums units into zones."""

    zone_of: tuple[int, ...]
    zone_sum: Array
    airflow_m3_s: Array
    fan_kw: Array
    ua_kw_k: Array
    water_kg_s: Array
    plenum_m3_s: Array
    """Design flow of each unit's whole zone, all units healthy."""
    is_dx: Array
    """1 for units with their own compressors, 0 for chilled-water coils."""
    dx_kw: Array
    """Rated capacity of the compressors; 0 for coils."""
    dx_cop: Array
    condenser_fan_kw: Array


@dataclass(frozen=True)
class ChillerParameters:
    """Shapes (chillers,). The lead machine is the first. Curves stand side by side, one column each."""

    curves: ChillerCurves
    reference_kw: Array
    cop_reference: Array
    nominal_kw: Array
    min_on_s: Array
    min_off_s: Array


@dataclass(frozen=True)
class TankParameters:
    """Shapes (tanks,)."""

    mass_kg: Array
    most_kw: Array
    design_k: Array
    interface_kw_k: Array
    wall_kw_k: Array


@dataclass(frozen=True)
class LiquidParameters:
    """Shapes (cdus,)."""

    flow_kg_s: Array
    pump_kw: Array
    facility_kg_s: Array
    """Facility water at full valve."""
    facility_pump_kw: Array
    ua_kw_k: Array
    loop_kj_k: Array


@dataclass(frozen=True)
class RecoveryParameters:
    """A heat pump on the water that goes to the tower. Shapes ()."""

    most_kw: float
    """Heat it takes at most."""
    cop: float
    sink_c: float


@dataclass(frozen=True)
class LoopParameters:
    """Chilled-water and condenser-water loops, towers, exchanger, make-up."""

    chilled_kj_k: float
    chilled_max_kg_s: float
    chilled_pump_kw: float
    """Variable-speed pumps: secondary ones, where there are primary ones beside."""
    primary_pump_kw: float
    """Constant-speed pumps of the chillers' own circuit, all running; 0 where there is none."""
    condenser_kj_k: float
    condenser_max_kg_s: float
    condenser_pump_kw: float
    tower_water_kg_s: float
    """Design water through all cells."""
    tower_air_kg_s: float
    tower_fan_kw: Array
    """Shape (cells,)."""
    tower_ua_kw_k: float
    """For Merkel's theory."""
    exchanger_ua_kw_k: float
    cycles_of_concentration: float
    pressure_kpa: float
    survivor_fan: float = math.nan
    """Fan speed of a zone's other units while one is dead; NaN: nobody helps."""
    survivor_ramp_s: float = 60.0
    standby_start_s: float = math.nan
    """Time in which a standby chiller takes over from one that tripped; NaN: it does not."""


@dataclass(frozen=True)
class PowerParameters:
    """Electrical distribution. `it_at_ups` says whether the IT meter sits before the PDUs."""

    ups_rated_kw: float
    pdu_rated_kw: float
    lighting_kw: float
    ups_indoor_share: float
    it_at_ups: bool


@dataclass(frozen=True)
class PlantParameters:
    """Everything that makes this plant this plant."""

    server: ServerLaw
    zones: ZoneParameters
    crahs: CrahParameters
    chillers: ChillerParameters
    loops: LoopParameters
    tanks: TankParameters
    liquid: LiquidParameters
    recovery: RecoveryParameters
    power: PowerParameters
    groups: int
    has_water: bool
    """Whether there is a chilled- and condenser-water plant at all."""
    plan: Plan
    """The parts it is assembled from."""
