"""The water side of a plant that fits a site's nameplates: chillers, loops, tanks, liquid, recovery."""

from __future__ import annotations

import math

import numpy as np

from plant.psychrometrics import CP_WATER
from plant.site import Equipment, EquipmentKind, Site
from sim.nameplates import around, given
from sim.parameters import (
    ChillerParameters,
    LiquidParameters,
    LoopParameters,
    RecoveryParameters,
    TankParameters,
)
from sim.physics import merkel
from sim.physics.chiller import TRANE_CVHE, YORK_YS, available_kw, compressor_kw, side_by_side
from sim.physics.economizer import ua_for_approach_kw_k

TOWER_RANGE_K, TOWER_LIQUID_TO_GAS = 5.56, 1.2
RATING_LEAVING_C, RATING_ENTERING_C = 6.67, 29.44
CENTRIFUGAL_FROM_KW = 1000.0
TANK_DESIGN_K = 8.0
LIQUID_RISE_K, LIQUID_APPROACH_K = 10.0, 4.0
RECOVERY_SINK_C = 65.0


def chillers(site: Site, load_kw: float, rng: np.random.Generator) -> ChillerParameters:
    """The chillers, or one that is enough for `load_kw` where none is described."""
    found = site.equipment_of(EquipmentKind.CHILLER)
    nominal = np.array(
        [given(e.nameplate.capacity_kw, 1.4 * load_kw / len(found)) for e in found] or [1.4 * load_kw]
    )
    cop = np.array([given(e.nameplate.cop, 5.4) for e in found] or [5.4]) * around(rng, len(nominal), 0.02)
    curves = side_by_side([TRANE_CVHE if kw > CENTRIFUGAL_FROM_KW else YORK_YS for kw in nominal])
    # A nameplate is printed at rating conditions, which are not the curve's own reference.
    te, tc = np.asarray(RATING_LEAVING_C), np.asarray(RATING_ENTERING_C)
    reference = nominal / available_kw(np.asarray(1.0), curves, te, tc)
    at_rating = nominal / compressor_kw(nominal, nominal, np.ones_like(nominal), curves, te, tc)
    return ChillerParameters(
        curves,
        reference,
        cop / at_rating,
        nominal,
        min_on_s=np.array([e.run.min_on_s for e in found] or [0.0]),
        min_off_s=np.array([e.run.min_off_s for e in found] or [0.0]),
    )


def loops(site: Site, chiller_kw: float) -> LoopParameters:
    """Pipes, pumps, towers and exchanger, sized for `chiller_kw` where nothing is said."""
    primary, chw = _chilled_pumps(site)
    cw = site.equipment_of(EquipmentKind.CONDENSER_WATER_PUMP)
    cells = site.equipment_of(EquipmentKind.TOWER_CELL)
    exchangers = site.equipment_of(EquipmentKind.ECONOMIZER)
    rejected = chiller_kw * 1.2
    tower_kw = sum(given(e.nameplate.capacity_kw, rejected / len(cells)) for e in cells) or rejected
    fan = np.array(
        [given(e.nameplate.power_kw, 0.023 * tower_kw / len(cells)) for e in cells] or [0.023 * tower_kw]
    )
    tower_water = tower_kw / (CP_WATER * TOWER_RANGE_K)
    chilled = sum(given(e.nameplate.water_flow_m3_s, 0.0) for e in chw) * 1000 or chiller_kw / (
        CP_WATER * 6.8
    )
    condenser = sum(given(e.nameplate.water_flow_m3_s, 0.0) for e in cw) * 1000 or tower_water
    tower_air = tower_water / TOWER_LIQUID_TO_GAS
    economizer_kw = sum(given(e.nameplate.capacity_kw, chiller_kw * 0.75) for e in exchangers)
    return LoopParameters(
        # About 4 minutes of design flow in pipes and buffer.
        chilled_kj_k=(given(site.safety.chilled_loop_m3, chilled * 0.24)) * 1000 * CP_WATER,
        chilled_max_kg_s=chilled,
        chilled_pump_kw=sum(given(e.nameplate.power_kw, 0.0) for e in chw) or 0.55 * chilled,
        primary_pump_kw=sum(given(e.nameplate.power_kw, 0.25 * chilled) for e in primary),
        condenser_kj_k=condenser * 180 * CP_WATER,
        condenser_max_kg_s=condenser,
        condenser_pump_kw=sum(given(e.nameplate.power_kw, 0.0) for e in cw) or 0.37 * condenser,
        tower_water_kg_s=tower_water,
        tower_air_kg_s=tower_air,
        tower_fan_kw=fan,
        tower_ua_kw_k=merkel.design_ua_kw_k(tower_kw, tower_water, tower_air, 25.56, TOWER_RANGE_K, 3.89),
        exchanger_ua_kw_k=ua_for_approach_kw_k(economizer_kw, 6.0, 1.5) if exchangers else 0.0,
        cycles_of_concentration=4.0,
        # ISA barometric formula.
        pressure_kpa=101.325 * (1 - 2.25577e-5 * site.elevation_m) ** 5.2559,
        survivor_fan=given(site.safety.survivor_fan, math.nan),
        survivor_ramp_s=site.safety.survivor_ramp_s,
        standby_start_s=given(site.safety.chiller_start_s, math.nan),
    )


def _chilled_pumps(site: Site) -> tuple[tuple[Equipment, ...], tuple[Equipment, ...]]:
    """Primary and secondary pumps.

    Two or more entries are a primary-secondary plant: the first circulates through the chillers at
    constant speed, the rest serve the coils. One entry is variable primary flow.
    """
    pumps = site.equipment_of(EquipmentKind.CHILLED_WATER_PUMP)
    return (pumps[:1], pumps[1:]) if len(pumps) > 1 else ((), pumps)


def tanks(site: Site) -> TankParameters:
    """Storage tanks."""
    found = site.equipment_of(EquipmentKind.STORAGE_TANK)
    kwh = np.array([given(e.nameplate.storage_kwh, 2000.0) for e in found])
    kg = kwh * 3600 / (CP_WATER * TANK_DESIGN_K)
    return TankParameters(
        mass_kg=kg,
        most_kw=np.array([given(e.nameplate.capacity_kw, k / 6) for e, k in zip(found, kwh, strict=True)]),
        design_k=np.full(len(found), TANK_DESIGN_K),
        # Loses about 2 % of a full charge a day, through walls and thermocline (1 to 3 % is usual).
        interface_kw_k=0.001 * kwh / 24 / TANK_DESIGN_K,
        wall_kw_k=0.013 * kwh / 24 / 14.0,
    )


def liquid(site: Site) -> LiquidParameters:
    """Coolant distribution units."""
    found = site.equipment_of(EquipmentKind.CDU)
    it_kw = sum(z.it_design_kw for z in site.zones)
    serves_kw = [site.zone_by_id[e.zone].it_design_kw if e.zone else it_kw for e in found]
    capacity = np.array(
        [given(e.nameplate.capacity_kw, 0.7 * kw) for e, kw in zip(found, serves_kw, strict=True)]
    )
    flow = np.array(
        [
            given(e.nameplate.water_flow_m3_s, c / (CP_WATER * 1000 * LIQUID_RISE_K * 0.8)) * 1000
            for e, c in zip(found, capacity, strict=True)
        ]
    )
    return LiquidParameters(
        flow_kg_s=flow,
        pump_kw=np.array(
            [given(e.nameplate.power_kw, 0.012 * c) for e, c in zip(found, capacity, strict=True)]
        ),
        facility_kg_s=1.2 * flow,
        facility_pump_kw=0.3 * flow,
        ua_kw_k=capacity / LIQUID_APPROACH_K,
        loop_kj_k=flow * 60 * CP_WATER,
    )


def recovery(site: Site) -> RecoveryParameters:
    """The heat pumps, taken as one."""
    found = site.equipment_of(EquipmentKind.HEAT_RECOVERY)
    most = sum(given(e.nameplate.capacity_kw, 100.0) for e in found)
    cops = [given(e.nameplate.cop, 4.5) for e in found]
    return RecoveryParameters(most, sum(cops) / len(cops) if cops else 4.5, RECOVERY_SINK_C)
