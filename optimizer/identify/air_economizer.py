"""Learning outdoor-air dampers: G from the heat chilled water is spared, relief fans from the cooling meter.

The law is in `outdoor_air`, what is learned from where dampers stood in `dampers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optimizer.identify.coils import zone_heat_kw
from optimizer.identify.dampers import LEAST_OPEN, Seen, dew_point_limits, slow_fans
from optimizer.identify.evidence import Coverage, Evidence, Origin
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.identify.regression import Bounds, Fit, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.psychrometrics import CP_AIR, RHO_AIR
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

_VAGUE = 0.35
"""Half the 90 % interval of G over the nameplate's, beyond which the data tell nothing."""
_ALL_OF_IT = 0.97
_RELIEF_KW_PER_M3_S = 0.2
_NEVER = "the dampers never opened in the data: what outdoor air takes is the nameplate's"


def learn_outdoor_air(
    signals: Signals, air_kw_k: Mapping[OwnerId, float]
) -> tuple[dict[OwnerId, OutdoorAirLaw], tuple[Evidence, ...]]:
    """Fit every zone that has dampers; nothing where none has."""
    site = signals.site
    zones = [z.id for z in site.zones if site.equipment_of(EquipmentKind.AIR_ECONOMIZER, z.id)]
    if not zones:
        return {}, ()
    seen = {z: Seen.of(signals, z, air_kw_k[z]) for z in zones}
    rated = {z: rated_kw_k(site, z) for z in zones}
    fitted = _fit(signals, seen, rated)
    relief = _relief_share(signals, seen, rated)
    laws, records = {}, []
    for k, zone in enumerate(zones):
        why = _vague(fitted, k, seen[zone], rated[zone])
        most = rated[zone] if why else float(fitted.coefficients[2 + k])
        high, low = dew_point_limits(seen[zone], most, site.zone_by_id[zone].humidity)
        law = OutdoorAirLaw(most, relief * _rated_fan_kw(site, zone), low, high)
        laws[zone] = replace(law, slow_fans=slow_fans(law, seen[zone]))
        records.append(_record(zone, k, fitted, seen[zone], rated[zone], why))
    return laws, tuple(records)


def learn_idle_load(signals: Signals) -> float:
    """Load of the chilled water while outdoor air takes all heat; 0 where that was not seen. [kW]"""
    if not signals.free_heat_kw:
        return 0.0
    zones = [z.id for z in signals.site.zones]
    heat = [zone_heat_kw(signals, z) for z in zones]
    free = [signals.free_heat_kw.get(z, np.zeros(signals.samples)) for z in zones]
    all_free = np.all([f > _ALL_OF_IT * h for f, h in zip(free, heat, strict=True)], axis=0)
    runs = np.nan_to_num(signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS)) > 0.99
    load = signals.cooling_load_kw
    seen = load[all_free & runs & ~np.isnan(load)]
    return max(float(np.median(seen)), 0.0) if seen.size >= LEAST_OPEN else 0.0


def free_heat_kw(
    laws: Mapping[OwnerId, OutdoorAirLaw], signals: Signals, air_kw_k: Mapping[OwnerId, float]
) -> dict[OwnerId, Array]:
    """Heat that left each zone with outdoor air, by its measured dampers. [kW]"""
    return {
        zone: np.nan_to_num(Seen.of(signals, zone, air_kw_k[zone]).moved(law.most_kw_k))
        for zone, law in laws.items()
    }


def compare_outdoor_air(
    law: OutdoorAirLaw, air_kw_k: float, signals: Signals, zone: OwnerId
) -> tuple[Array, Array]:
    """Heat by the measured dampers and by the law's own, while enabled. [kW] Shapes (samples,)."""
    seen = Seen.of(signals, zone, air_kw_k)
    leave = law.leave(seen.dew_c) * (seen.enabled > 0.5)
    return seen.moved(law.most_kw_k), law.taken_kw(seen.heat_kw, seen.air_kw_k, seen.cooler_k, leave)


def rated_kw_k(site: Site, zone: OwnerId) -> float:
    """Heat capacity rate of the outdoor air a zone's dampers are rated for. [kW/K]"""
    units = site.equipment_of(EquipmentKind.AIR_ECONOMIZER, zone)
    flow = sum(e.nameplate.airflow_m3_s or 0.0 for e in units)
    return (flow or 0.08 * site.zone_by_id[zone].it_design_kw) * RHO_AIR * CP_AIR


def _rated_fan_kw(site: Site, zone: OwnerId) -> float:
    units = site.equipment_of(EquipmentKind.AIR_ECONOMIZER, zone)
    rated = sum(e.nameplate.power_kw or 0.0 for e in units)
    return rated or _RELIEF_KW_PER_M3_S * rated_kw_k(site, zone) / (RHO_AIR * CP_AIR)


def _fit(signals: Signals, seen: Mapping[OwnerId, Seen], rated: Mapping[OwnerId, float]) -> Fit:
    """Chilled-water load = a + b · heat of all zones − Σ G · (what each zone's dampers let out, per G)."""
    site = signals.site
    design = sum(z.it_design_kw for z in site.zones)
    heat = np.asarray(np.sum([zone_heat_kw(signals, z.id) for z in site.zones], axis=0))
    per = [-each.moved(rated[z]) / rated[z] for z, each in seen.items()]
    x = np.column_stack([np.ones(signals.samples), heat, *per])
    most = np.array(list(rated.values()))
    bounds = Bounds(np.array([0.0, 0.8, *(0.3 * most)]), np.array([0.2 * design, 1.25, *(1.6 * most)]))
    count = len(per)
    closed = np.array([[1.0, 0.4 * design, *np.zeros(count)], [1.0, 0.9 * design, *np.zeros(count)]])
    open_one = np.hstack([np.ones((count, 1)), np.full((count, 1), 0.6 * design), -8.0 * np.eye(count)])
    rows = np.vstack([closed, open_one])
    target = rows @ np.array([0.0, 1.03, *most])
    return fit(x, signals.cooling_load_kw, bounds, Prior(rows, target, 4.0))


def _relief_share(signals: Signals, seen: Mapping[OwnerId, Seen], rated: Mapping[OwnerId, float]) -> float:
    """Relief fans' power over their nameplates', from what the cooling meter counts beyond known machines."""
    kinds = (
        EquipmentKind.CRAH,
        EquipmentKind.CHILLER,
        EquipmentKind.TOWER_CELL,
        EquipmentKind.CHILLED_WATER_PUMP,
        EquipmentKind.CONDENSER_WATER_PUMP,
    )
    known = [signals.total(k, Quantity.POWER) for k in kinds if signals.site.equipment_of(k)]
    rest = signals.of_site(Quantity.COOLING_POWER) - np.sum(known, axis=0)
    fans = np.zeros(signals.samples)
    for zone, each in seen.items():
        part = each.damper * np.minimum(each.air_kw_k / rated[zone], 1.0)
        fans = fans + _rated_fan_kw(signals.site, zone) * part**3
    most = max(float(np.nansum([_rated_fan_kw(signals.site, z) for z in seen])), 1e-6)
    prior = Prior(np.array([[0.0, most], [0.0, most / 2]]), np.array([most, most / 2]), 8.0)
    found = fit(
        np.column_stack([np.ones(signals.samples), fans]),
        rest,
        Bounds(np.array([-np.inf, 0.0]), np.array([np.inf, 2.0])),
        prior,
    )
    return float(found.coefficients[1])


def _vague(fitted: Fit, k: int, seen: Seen, rated: float) -> tuple[str, ...]:
    """Why the nameplate is used for what open dampers take; nothing where the data tell it."""
    if seen.opened < LEAST_OPEN:
        return (_NEVER,)
    half = float(fitted.half_width[2 + k]) if fitted.samples else np.nan
    if not half <= _VAGUE * rated:
        return ("the dampers opened too little to tell what they take: the nameplate is used",)
    return ()


def _record(zone: OwnerId, k: int, fitted: Fit, seen: Seen, rated: float, why: tuple[str, ...]) -> Evidence:
    """A zone's record: the fit is shared, what was seen of its dampers is its own."""
    name = f"{zone}.outdoor-air"
    inputs: tuple[Coverage, ...] = coverage(damper=seen.damper, outdoor_c=seen.outdoor_c, dew_c=seen.dew_c)
    if why:
        return Evidence(name, Origin.NAMEPLATE, seen.opened, 0.3 * rated, np.nan, np.nan, inputs, why)
    names = (*("",) * (2 + k), "open_kw_per_k")
    return evidence(name, fitted, inputs, prior_std=0.3 * rated, worst_cv_rmse=0.25, names=names)
