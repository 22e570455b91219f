"""A plant that fits a site's nameplates, with seeded unit-to-unit variation.

What a nameplate does not say is filled in with ordinary design figures, so that any site
description can be played.
"""

from __future__ import annotations

import numpy as np

from plant.points import OwnerId
from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR
from plant.quantities import Quantity
from plant.site import Equipment, EquipmentKind, Nameplate, Site
from sim import derive_water as water
from sim.arrays import Array
from sim.assembly import plan_for
from sim.nameplates import around, given
from sim.parameters import CrahParameters, PlantParameters, PowerParameters, ZoneParameters
from sim.physics.coil import ntu_for_effectiveness
from sim.physics.it_load import ServerLaw, airflow_for_rise_m3_s
from sim.physics.recirculation import mixing_matrix
from sim.room_units import room_units_of

SERVER_RISE_K = 12.0
COIL_AIR_IN_C, COIL_WATER_IN_C, COIL_WATER_RISE_K = 30.0, 7.0, 8.0
LIQUID_SHARE_MOST = 0.85
"""Memory, drives and supplies stay air-cooled: 15 % of a direct-to-chip rack at least."""
AIR_KG_PER_RACK = 8.75 * 1.2
"""2.5 m² of floor and 3.5 m of height for each rack."""


def derive_parameters(site: Site, seed: int, *, merkel_towers: bool = False) -> PlantParameters:
    """A plant that fits the site's nameplates; the same seed gives the same plant.

    With `merkel_towers` its towers follow Merkel's theory instead of the YorkCalc correlation.
    """
    rng = np.random.default_rng([seed, 0xC001])
    it_kw = sum(z.it_design_kw for z in site.zones)
    groups = max(4, *(len(site.points_of(z.id, Quantity.INLET_TEMPERATURE)) for z in site.zones))
    power = _power(site, it_kw)
    load_kw = it_kw * 1.15
    chillers = water.chillers(site, load_kw, rng)
    zones, crahs = _zones(site, groups, rng), _crahs(site, rng)
    has_water = has_water_plant(site)
    return PlantParameters(
        server=ServerLaw(),
        zones=zones,
        crahs=crahs,
        chillers=chillers,
        loops=water.loops(site, float(chillers.nominal_kw.sum())),
        tanks=water.tanks(site),
        liquid=water.liquid(site),
        recovery=water.recovery(site),
        power=power,
        groups=groups,
        has_water=has_water,
        plan=plan_for(
            site,
            has_water=has_water,
            has_dx=bool(crahs.is_dx.any()),
            has_coils=bool((crahs.is_dx == 0).any()),
            merkel=merkel_towers,
        ),
    )


def has_water_plant(site: Site) -> bool:
    """Whether the site makes chilled or tower water: it has machines for it, or no DX units instead."""
    kinds = {e.kind for e in site.equipment}
    if EquipmentKind.DX_UNIT not in kinds:
        return True
    return bool(kinds & _WATER_KINDS)


_WATER_KINDS = {EquipmentKind.CRAH, EquipmentKind.CHILLER, EquipmentKind.TOWER_CELL, EquipmentKind.CDU}


def _zones(site: Site, groups: int, rng: np.random.Generator) -> ZoneParameters:
    n = len(site.zones)
    design = np.array([z.it_design_kw for z in site.zones])
    racks = np.array([float(z.racks) for z in site.zones])
    liquid_share, cdu_share = _liquid_shares(site, design)
    by_air = design * (1.0 - liquid_share)
    airflow = airflow_for_rise_m3_s(by_air, SERVER_RISE_K) * around(rng, n, 0.04)
    outdoor = [_outdoor_air(site, z.id) for z in site.zones]
    # Racks: about 600 kg of steel and copper each at 0.5 kJ/(kg·K); floor slab counts with the mass.
    through = RHO_AIR * CP_AIR * airflow
    exposure = rng.uniform(0.5, 1.2, (n, groups))
    # One end-of-row group in each zone breathes far more exhaust than the rest.
    exposure[np.arange(n), rng.integers(0, groups, n)] = rng.uniform(1.4, 1.7, n)
    exposure /= exposure.mean(axis=1, keepdims=True)
    return ZoneParameters(
        design_kw=design,
        design_airflow_m3_s=airflow,
        leak=np.asarray(0.03 * around(rng, n, 0.2)),
        knee=np.asarray(1.08 + 0.04 * np.clip(rng.standard_normal(n), -1.5, 1.5)),
        softness=0.09,
        cold_kj_k=racks * 15.0,
        hot_kj_k=racks * 60.0,
        mass_kj_k=racks * 420.0 * around(rng, n, 0.1),
        mass_ua_kw_k=np.asarray(1.2 * through * around(rng, n, 0.1)),
        exposure=exposure,
        mixing=np.stack([mixing_matrix(row) for row in exposure]),
        offset_k=np.clip(0.15 * rng.standard_normal((n, groups)), -0.3, 0.3),
        heat_share=design / design.sum(),
        recommended_max_c=np.array([z.limits.recommended_max_c for z in site.zones]),
        dew_point_min_c=np.array([z.humidity.dew_point_min_c for z in site.zones]),
        dew_point_max_c=np.array([z.humidity.dew_point_max_c for z in site.zones]),
        moist_kg=1.5 * AIR_KG_PER_RACK * racks,
        leak_kg_s=0.3 / 3600 * AIR_KG_PER_RACK * racks,
        outdoor_m3_s=np.array([air for air, _ in outdoor]),
        outdoor_fan_kw=np.array([kw for _, kw in outdoor]),
        liquid_share=liquid_share,
        cdu_share=cdu_share,
    )


def _outdoor_air(site: Site, zone: OwnerId) -> tuple[float, float]:
    """Most outdoor air of a zone, and its relief fans. A unit without a zone serves all in proportion."""
    air = kw = 0.0
    whole = sum(z.it_design_kw for z in site.zones)
    for e in site.equipment_of(EquipmentKind.AIR_ECONOMIZER):
        if e.zone not in (None, zone):
            continue
        share = 1.0 if e.zone else site.zone_by_id[zone].it_design_kw / whole
        most = given(e.nameplate.airflow_m3_s, 0.1 * site.zone_by_id[zone].it_design_kw / share)
        air += share * most
        kw += share * given(e.nameplate.power_kw, 0.2 * most)
    return air, kw


def _liquid_shares(site: Site, design_kw: Array) -> tuple[Array, Array]:
    """Share of each zone's heat that goes by liquid, and how units share it."""
    units = site.equipment_of(EquipmentKind.CDU)
    can = np.zeros((len(site.zones), len(units)))
    for column, unit in enumerate(units):
        serves = np.array([float(unit.zone in (None, z.id)) for z in site.zones]) * design_kw
        capacity = given(unit.nameplate.capacity_kw, 0.7 * float(serves.sum()))
        can[:, column] = capacity * serves / serves.sum()
    whole = can.sum(axis=1)
    share = np.minimum(whole / design_kw, LIQUID_SHARE_MOST)
    return share, can / np.maximum(whole, 1e-9)[:, None]


def _room_units(site: Site) -> list[tuple[int, Equipment | None]]:
    """Every air unit with its zone's index; None stands for the one assumed where none is described."""
    units: list[tuple[int, Equipment | None]] = []
    for index, zone in enumerate(site.zones):
        found = room_units_of(site, zone.id)
        units.extend((index, e) for e in found)
        if not found:
            units.append((index, None))
    return units


def _crahs(site: Site, rng: np.random.Generator) -> CrahParameters:
    units = _room_units(site)
    plates = [e.nameplate if e else Nameplate() for _, e in units]
    zone_of = tuple(index for index, _ in units)
    share = [1 / zone_of.count(index) for index in zone_of]
    design = [site.zones[index].it_design_kw for index in zone_of]
    capacity = np.array(
        [given(e.capacity_kw, 1.5 * d * s) for e, d, s in zip(plates, design, share, strict=True)]
    )
    air = np.array([given(e.airflow_m3_s, c / 16.25) for e, c in zip(plates, capacity, strict=True)])
    fan = np.array([given(e.power_kw, 0.69 * a) for e, a in zip(plates, air, strict=True)])
    n = len(units)
    zone_sum = np.zeros((n, len(site.zones)))
    zone_sum[np.arange(n), list(zone_of)] = 1.0
    water = capacity / (CP_WATER * COIL_WATER_RISE_K)
    ua = [
        _coil_ua(c, RHO_AIR * CP_AIR * a, CP_WATER * w) for c, a, w in zip(capacity, air, water, strict=True)
    ]
    only_dx = not has_water_plant(site)
    is_dx = np.array([float(e.kind is EquipmentKind.DX_UNIT if e else only_dx) for _, e in units])
    airflow = air * around(rng, n, 0.03)
    return CrahParameters(
        zone_of=zone_of,
        zone_sum=zone_sum,
        airflow_m3_s=airflow,
        fan_kw=fan * around(rng, n, 0.04),
        ua_kw_k=np.array(ua) * around(rng, n, 0.05),
        water_kg_s=water,
        plenum_m3_s=zone_sum @ (airflow @ zone_sum),
        is_dx=is_dx,
        dx_kw=is_dx * capacity,
        dx_cop=np.array([given(e.cop, 3.2) for e in plates]),
        # About 1.5 % of the heat rejected.
        condenser_fan_kw=0.02 * is_dx * capacity,
    )


def _coil_ua(capacity_kw: float, air_kw_k: float, water_kw_k: float) -> float:
    least, most = min(air_kw_k, water_kw_k), max(air_kw_k, water_kw_k)
    effectiveness = min(capacity_kw / (least * (COIL_AIR_IN_C - COIL_WATER_IN_C)), 0.9)
    return ntu_for_effectiveness(effectiveness, least / most) * least


def _power(site: Site, it_kw: float) -> PowerParameters:
    ups = site.equipment_of(EquipmentKind.UPS)
    return PowerParameters(
        ups_rated_kw=sum(given(e.nameplate.capacity_kw, 0.0) for e in ups) or 1.35 * it_kw,
        pdu_rated_kw=1.2 * it_kw,
        lighting_kw=0.01 * it_kw,
        ups_indoor_share=0.3,
        it_at_ups=site.pue_category == 1,
    )
