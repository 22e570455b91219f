"""The plant's own secret: its true parameters, from nameplates plus seeded unit-to-unit variation.

Nothing outside `sim` may read these. What a nameplate does not say is filled in with ordinary
design figures, so that any site description can be played.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR
from plant.quantities import Quantity
from plant.site import EquipmentKind, Nameplate, Site
from sim.arrays import Array
from sim.physics.chiller import TRANE_CVHE, YORK_YS, ChillerCurves, available_kw, compressor_kw
from sim.physics.coil import ntu_for_effectiveness
from sim.physics.economizer import ua_for_approach_kw_k
from sim.physics.it_load import ServerLaw, airflow_for_rise_m3_s

SERVER_RISE_K = 12.0
COIL_AIR_IN_C, COIL_WATER_IN_C, COIL_WATER_RISE_K = 30.0, 7.0, 8.0
TOWER_RANGE_K, TOWER_LIQUID_TO_GAS = 5.56, 1.2
RATING_LEAVING_C, RATING_ENTERING_C = 6.67, 29.44
CENTRIFUGAL_FROM_KW = 1000.0


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
    offset_k: Array
    heat_share: Array
    """Share of site-wide losses that lands in the zone. Sums to the share that stays indoors."""
    recommended_max_c: Array


@dataclass(frozen=True)
class CrahParameters:
    """Shapes (crahs,); `zone_sum` is (crahs, zones) and sums units into zones."""

    zone_of: tuple[int, ...]
    zone_sum: Array
    airflow_m3_s: Array
    fan_kw: Array
    ua_kw_k: Array
    water_kg_s: Array


@dataclass(frozen=True)
class ChillerParameters:
    """Shapes (chillers,). The lead machine is the first."""

    curves: ChillerCurves
    reference_kw: Array
    cop_reference: Array
    nominal_kw: Array


@dataclass(frozen=True)
class LoopParameters:
    """Chilled-water and condenser-water loops, towers, exchanger, make-up."""

    chilled_kj_k: float
    chilled_max_kg_s: float
    chilled_pump_kw: float
    condenser_kj_k: float
    condenser_max_kg_s: float
    condenser_pump_kw: float
    tower_water_kg_s: float
    """Design water through all cells."""
    tower_air_kg_s: float
    tower_fan_kw: Array
    """Shape (cells,)."""
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
    power: PowerParameters
    groups: int


def derive_parameters(site: Site, seed: int) -> PlantParameters:
    """A plant that fits the site's nameplates; the same seed gives the same plant."""
    rng = np.random.default_rng([seed, 0xC001])
    it_kw = sum(z.it_design_kw for z in site.zones)
    groups = max(4, *(len(site.points_of(z.id, Quantity.INLET_TEMPERATURE)) for z in site.zones))
    power = _power(site, it_kw)
    load_kw = it_kw * 1.15
    chillers = _chillers(site, load_kw, rng)
    return PlantParameters(
        server=ServerLaw(),
        zones=_zones(site, groups, rng),
        crahs=_crahs(site, rng),
        chillers=chillers,
        loops=_loops(site, float(chillers.nominal_kw.sum())),
        power=power,
        groups=groups,
    )


def _around(rng: np.random.Generator, count: int, spread: float) -> Array:
    return np.asarray(1.0 + spread * np.clip(rng.standard_normal(count), -2, 2))


def _zones(site: Site, groups: int, rng: np.random.Generator) -> ZoneParameters:
    n = len(site.zones)
    design = np.array([z.it_design_kw for z in site.zones])
    racks = np.array([float(z.racks) for z in site.zones])
    airflow = airflow_for_rise_m3_s(design, SERVER_RISE_K) * _around(rng, n, 0.04)
    # Racks: about 600 kg of steel and copper each at 0.5 kJ/(kg·K); floor slab counts with the mass.
    through = RHO_AIR * CP_AIR * airflow
    exposure = rng.uniform(0.5, 1.2, (n, groups))
    # One end-of-row group in each zone breathes far more exhaust than the rest.
    exposure[np.arange(n), rng.integers(0, groups, n)] = rng.uniform(1.4, 1.7, n)
    exposure /= exposure.mean(axis=1, keepdims=True)
    return ZoneParameters(
        design_kw=design,
        design_airflow_m3_s=airflow,
        leak=np.asarray(0.03 * _around(rng, n, 0.2)),
        knee=np.asarray(1.08 + 0.04 * np.clip(rng.standard_normal(n), -1.5, 1.5)),
        softness=0.09,
        cold_kj_k=racks * 15.0,
        hot_kj_k=racks * 60.0,
        mass_kj_k=racks * 420.0 * _around(rng, n, 0.1),
        mass_ua_kw_k=np.asarray(1.2 * through * _around(rng, n, 0.1)),
        exposure=exposure,
        offset_k=np.clip(0.15 * rng.standard_normal((n, groups)), -0.3, 0.3),
        heat_share=design / design.sum(),
        recommended_max_c=np.array([z.limits.recommended_max_c for z in site.zones]),
    )


def _crahs(site: Site, rng: np.random.Generator) -> CrahParameters:
    units: list[tuple[int, Nameplate]] = []
    for index, zone in enumerate(site.zones):
        found = site.equipment_of(EquipmentKind.CRAH, zone.id)
        units.extend((index, e.nameplate) for e in found)
        if not found:
            units.append((index, Nameplate()))
    zone_of = tuple(index for index, _ in units)
    share = [1 / zone_of.count(index) for index in zone_of]
    design = [site.zones[index].it_design_kw for index in zone_of]
    capacity = np.array(
        [_or(e.capacity_kw, 1.5 * d * s) for (_, e), d, s in zip(units, design, share, strict=True)]
    )
    air = np.array([_or(e.airflow_m3_s, c / 16.25) for (_, e), c in zip(units, capacity, strict=True)])
    fan = np.array([_or(e.power_kw, 0.69 * a) for (_, e), a in zip(units, air, strict=True)])
    n = len(units)
    zone_sum = np.zeros((n, len(site.zones)))
    zone_sum[np.arange(n), list(zone_of)] = 1.0
    water = capacity / (CP_WATER * COIL_WATER_RISE_K)
    ua = [
        _coil_ua(c, RHO_AIR * CP_AIR * a, CP_WATER * w) for c, a, w in zip(capacity, air, water, strict=True)
    ]
    return CrahParameters(
        zone_of=zone_of,
        zone_sum=zone_sum,
        airflow_m3_s=air * _around(rng, n, 0.03),
        fan_kw=fan * _around(rng, n, 0.04),
        ua_kw_k=np.array(ua) * _around(rng, n, 0.05),
        water_kg_s=water,
    )


def _coil_ua(capacity_kw: float, air_kw_k: float, water_kw_k: float) -> float:
    least, most = min(air_kw_k, water_kw_k), max(air_kw_k, water_kw_k)
    effectiveness = min(capacity_kw / (least * (COIL_AIR_IN_C - COIL_WATER_IN_C)), 0.9)
    return ntu_for_effectiveness(effectiveness, least / most) * least


def _chillers(site: Site, load_kw: float, rng: np.random.Generator) -> ChillerParameters:
    found = site.equipment_of(EquipmentKind.CHILLER)
    nominal = np.array(
        [_or(e.nameplate.capacity_kw, 1.4 * load_kw / len(found)) for e in found] or [1.4 * load_kw]
    )
    cop = np.array([_or(e.nameplate.cop, 5.4) for e in found] or [5.4]) * _around(rng, len(nominal), 0.02)
    curves = TRANE_CVHE if nominal.max() > CENTRIFUGAL_FROM_KW else YORK_YS
    # A nameplate is printed at rating conditions, which are not the curve's own reference.
    te, tc = np.asarray(RATING_LEAVING_C), np.asarray(RATING_ENTERING_C)
    reference = nominal / available_kw(np.asarray(1.0), curves, te, tc)
    at_rating = nominal / compressor_kw(nominal, nominal, np.ones_like(nominal), curves, te, tc)
    return ChillerParameters(curves, reference, cop / at_rating, nominal)


def _loops(site: Site, chiller_kw: float) -> LoopParameters:
    chw = site.equipment_of(EquipmentKind.CHILLED_WATER_PUMP)
    cw = site.equipment_of(EquipmentKind.CONDENSER_WATER_PUMP)
    cells = site.equipment_of(EquipmentKind.TOWER_CELL)
    exchangers = site.equipment_of(EquipmentKind.ECONOMIZER)
    rejected = chiller_kw * 1.2
    tower_kw = sum(_or(e.nameplate.capacity_kw, rejected / len(cells)) for e in cells) or rejected
    fan = np.array(
        [_or(e.nameplate.power_kw, 0.023 * tower_kw / len(cells)) for e in cells] or [0.023 * tower_kw]
    )
    tower_water = tower_kw / (CP_WATER * TOWER_RANGE_K)
    chilled = sum(_or(e.nameplate.water_flow_m3_s, 0.0) for e in chw) * 1000 or chiller_kw / (CP_WATER * 6.8)
    condenser = sum(_or(e.nameplate.water_flow_m3_s, 0.0) for e in cw) * 1000 or tower_water
    economizer_kw = sum(_or(e.nameplate.capacity_kw, chiller_kw * 0.75) for e in exchangers)
    return LoopParameters(
        # About 4 minutes of design flow in pipes and buffer.
        chilled_kj_k=(_or(site.safety.chilled_loop_m3, chilled * 0.24)) * 1000 * CP_WATER,
        chilled_max_kg_s=chilled,
        chilled_pump_kw=sum(_or(e.nameplate.power_kw, 0.0) for e in chw) or 0.55 * chilled,
        condenser_kj_k=condenser * 180 * CP_WATER,
        condenser_max_kg_s=condenser,
        condenser_pump_kw=sum(_or(e.nameplate.power_kw, 0.0) for e in cw) or 0.37 * condenser,
        tower_water_kg_s=tower_water,
        tower_air_kg_s=tower_water / TOWER_LIQUID_TO_GAS,
        tower_fan_kw=fan,
        exchanger_ua_kw_k=ua_for_approach_kw_k(economizer_kw, 6.0, 1.5) if exchangers else 0.0,
        cycles_of_concentration=4.0,
        # ISA barometric formula.
        pressure_kpa=101.325 * (1 - 2.25577e-5 * site.elevation_m) ** 5.2559,
        survivor_fan=_or(site.safety.survivor_fan, math.nan),
        survivor_ramp_s=site.safety.survivor_ramp_s,
        standby_start_s=_or(site.safety.chiller_start_s, math.nan),
    )


def _power(site: Site, it_kw: float) -> PowerParameters:
    ups = site.equipment_of(EquipmentKind.UPS)
    return PowerParameters(
        ups_rated_kw=sum(_or(e.nameplate.capacity_kw, 0.0) for e in ups) or 1.35 * it_kw,
        pdu_rated_kw=1.2 * it_kw,
        lighting_kw=0.01 * it_kw,
        ups_indoor_share=0.3,
        it_at_ups=site.pue_category == 1,
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
