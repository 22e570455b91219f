"""Outdoor-air dampers: the heat they take, what their fans draw for it, and when the PLC lets them.

    Q_free = leave · min(1, C r / G)^e · min(Q, min(G, C r) (T_r − T_o)₊)

Dampers mix in as much outdoor air as makes the supply air asked for, so outdoor air takes all of a
zone's heat Q while there is enough of it: G is the heat capacity rate of dampers wide open, C r that
of the zone's air. Some controllers open dampers for the air they expect and not for what they get:
with slow fans outdoor air then falls short of Q, and e says how far (0: it does not). Coils or
compressors do the rest. The PLC closes dampers outside dew-point limits (differential dry bulb with
dew-point lockout: ASHRAE Guideline 36, TC 9.9): `leave` falls from 1 to 0 within a kelvin. G is
learned from the heat the chilled water is spared, e and the limits from where dampers stood; relief
fans follow the cube of what they move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.coils import zone_heat_kw
from optimizer.identify.evidence import Coverage, Evidence, Origin
from optimizer.identify.regression import Bounds, Fit, Prior, coverage, evidence, fit
from optimizer.identify.signals import Mask, Signals
from optimizer.moist import dew_point_of, pressure_kpa
from plant.forecast import Array
from plant.points import OwnerId
from plant.psychrometrics import CP_AIR, RHO_AIR
from plant.quantities import Quantity
from plant.site import EquipmentKind, HumidityLimits, Site

BAND_K, LEAST_K = 1.0, 1.0
"""Dampers close within so much of a dew-point limit, and where outdoor air is not so much cooler. [K]"""
_OPEN, _WORTH_OPENING = 0.03, 0.15
_LEAST_OPEN = 24
"""Quarter hours with open dampers below which nothing is learned of them."""
_VAGUE = 0.35
"""Half the 90 % interval of G over the nameplate's, beyond which the data tell nothing."""
_ALL_OF_IT = 0.97
_SLOW_FANS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_RELIEF_KW_PER_M3_S = 0.2
_NEVER = "the dampers never opened in the data: what outdoor air takes is the nameplate's"


@dataclass(frozen=True)
class OutdoorAirLaw:
    """A zone's dampers. `most_kw_k` is G of the law; the limits are those of outdoor dew point."""

    most_kw_k: float
    relief_kw: float
    dew_low_c: float
    dew_high_c: float
    slow_fans: float = 0.0
    """e of the law."""

    def leave(self, dew_point_c: ArrayLike) -> Array:
        """Share of what they could open to that the PLC allows, 0 to 1."""
        dew = np.asarray(dew_point_c, float)
        return np.clip(np.minimum(self.dew_high_c - dew, dew - self.dew_low_c) / BAND_K, 0.0, 1.0)

    def taken_kw(
        self, heat_kw: ArrayLike, air_kw_k: ArrayLike, cooler_k: ArrayLike, leave: ArrayLike
    ) -> Array:
        """Heat that leaves with outdoor air ``cooler_k`` cooler than the return air. [kW]"""
        return taken_kw(self.most_kw_k, self.slow_fans, heat_kw, air_kw_k, cooler_k, leave)

    def fans_kw(self, taken_kw: ArrayLike, cooler_k: ArrayLike) -> Array:
        """Relief fans while that is taken. [kW]"""
        return fans_kw(self.most_kw_k, self.relief_kw, taken_kw, cooler_k)


def taken_kw(
    most_kw_k: ArrayLike,
    slow_fans: ArrayLike,
    heat_kw: ArrayLike,
    air_kw_k: ArrayLike,
    cooler_k: ArrayLike,
    leave: ArrayLike,
) -> Array:
    """The law for one zone or for many, shapes broadcast. [kW]"""
    cooler = np.asarray(cooler_k, float)
    moved = np.minimum(most_kw_k, air_kw_k)
    most = moved * np.where(cooler > LEAST_K, cooler, 0.0)
    follows = (moved / most_kw_k) ** np.asarray(slow_fans, float)
    return np.asarray(np.asarray(leave, float) * follows * np.minimum(np.maximum(heat_kw, 0.0), most))


def fans_kw(most_kw_k: ArrayLike, relief_kw: ArrayLike, taken: ArrayLike, cooler_k: ArrayLike) -> Array:
    """Cube law of relief fans by the share of outdoor air moved. [kW]"""
    full = np.asarray(most_kw_k, float) * np.maximum(np.asarray(cooler_k, float), LEAST_K)
    return np.asarray(relief_kw * np.minimum(np.asarray(taken, float) / np.maximum(full, 1e-6), 1.0) ** 3)


def learn_outdoor_air(
    signals: Signals, air_kw_k: Mapping[OwnerId, float]
) -> tuple[dict[OwnerId, OutdoorAirLaw], tuple[Evidence, ...]]:
    """Fit every zone that has dampers; nothing where none has."""
    site = signals.site
    zones = [z.id for z in site.zones if site.equipment_of(EquipmentKind.AIR_ECONOMIZER, z.id)]
    if not zones:
        return {}, ()
    seen = {z: _Seen.of(signals, z, air_kw_k[z]) for z in zones}
    rated = {z: rated_kw_k(site, z) for z in zones}
    fitted = _fit(signals, seen, rated)
    relief = _relief_share(signals, seen, rated)
    laws, records = {}, []
    for k, zone in enumerate(zones):
        why = _vague(fitted, k, seen[zone], rated[zone])
        most = rated[zone] if why else float(fitted.coefficients[2 + k])
        high, low = _limits(seen[zone], most, site.zone_by_id[zone].humidity)
        law = OutdoorAirLaw(most, relief * _rated_fan_kw(site, zone), low, high)
        laws[zone] = replace(law, slow_fans=_slow_fans(law, seen[zone]))
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
    return max(float(np.median(seen)), 0.0) if seen.size >= _LEAST_OPEN else 0.0


def free_heat_kw(
    laws: Mapping[OwnerId, OutdoorAirLaw], signals: Signals, air_kw_k: Mapping[OwnerId, float]
) -> dict[OwnerId, Array]:
    """Heat that left each zone with outdoor air, by its measured dampers. [kW]"""
    return {
        zone: np.nan_to_num(_Seen.of(signals, zone, air_kw_k[zone]).moved(law.most_kw_k))
        for zone, law in laws.items()
    }


def compare_outdoor_air(
    law: OutdoorAirLaw, air_kw_k: float, signals: Signals, zone: OwnerId
) -> tuple[Array, Array]:
    """Heat by the measured dampers and by the law's own, while enabled. [kW] Shapes (samples,)."""
    seen = _Seen.of(signals, zone, air_kw_k)
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


@dataclass(frozen=True)
class _Seen:
    """What a zone's history says. Shapes (samples,)."""

    damper: Array
    enabled: Array
    heat_kw: Array
    air_kw_k: Array
    cooler_k: Array
    outdoor_c: Array
    dew_c: Array

    @classmethod
    def of(cls, signals: Signals, zone: OwnerId, air_kw_k: float) -> _Seen:
        units = signals.site.equipment_of(EquipmentKind.AIR_ECONOMIZER, zone)

        def mean(quantity: Quantity) -> Array:
            return signals.mean(tuple(p for e in units for p in signals.site.points_of(e.id, quantity)))

        enabled = mean(Quantity.ECONOMIZER_ENABLE_SETPOINT)
        dry, wet = signals.of_site(Quantity.OUTDOOR_DRY_BULB), signals.of_site(Quantity.OUTDOOR_WET_BULB)
        return cls(
            mean(Quantity.OUTDOOR_AIR_DAMPER),
            np.where(np.isnan(enabled), 1.0, enabled),
            zone_heat_kw(signals, zone),
            air_kw_k * signals.of_zone(zone, Quantity.FAN_SPEED),
            signals.of_zone(zone, Quantity.RETURN_AIR_TEMPERATURE) - dry,
            dry,
            dew_point_of(dry, wet, pressure_kpa(signals.site.elevation_m)),
        )

    @property
    def opened(self) -> int:
        """Samples with open dampers."""
        return int(np.count_nonzero(self.damper > _OPEN))

    def moved(self, most_kw_k: float) -> Array:
        """Heat that the measured dampers let out: no more outdoor air than the zone's fans move. [kW]"""
        return np.asarray(self.damper * np.minimum(most_kw_k, self.air_kw_k) * np.maximum(self.cooler_k, 0.0))


def _fit(signals: Signals, seen: Mapping[OwnerId, _Seen], rated: Mapping[OwnerId, float]) -> Fit:
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


def _relief_share(signals: Signals, seen: Mapping[OwnerId, _Seen], rated: Mapping[OwnerId, float]) -> float:
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


def _limits(seen: _Seen, most_kw_k: float, declared: HumidityLimits) -> tuple[float, float]:
    """Dew points, high and low, at which the PLC has closed; the site's own where it was never seen."""
    wanted = np.minimum(seen.heat_kw / np.maximum(most_kw_k * np.maximum(seen.cooler_k, LEAST_K), 1e-6), 1.0)
    worth = (seen.cooler_k > 2 * LEAST_K) & (wanted > _WORTH_OPENING) & (seen.enabled > 0.5)
    worth &= ~np.isnan(seen.damper) & ~np.isnan(seen.dew_c)
    leave = np.clip(seen.damper / np.maximum(wanted, _WORTH_OPENING), 0.0, 1.0)
    middle = (declared.dew_point_max_c + declared.dew_point_min_c) / 2
    high = _edge(seen.dew_c, leave, worth & (seen.dew_c > middle), declared.dew_point_max_c, 1.0)
    low = _edge(seen.dew_c, leave, worth & (seen.dew_c < middle), declared.dew_point_min_c, -1.0)
    return high, low


def _slow_fans(law: OutdoorAirLaw, seen: _Seen) -> float:
    """The e that explains best what dampers let out while fans moved less than dampers could."""
    slow = (seen.air_kw_k < 0.95 * law.most_kw_k) & (seen.enabled > 0.5)
    leave = law.leave(seen.dew_c)
    moved = np.where(slow & (leave > 0.99), seen.moved(law.most_kw_k), np.nan)
    if np.count_nonzero(moved > 0.05 * seen.heat_kw) < _LEAST_OPEN:
        return 0.0
    off = []
    for e in _SLOW_FANS:
        tried = replace(law, slow_fans=e).taken_kw(seen.heat_kw, seen.air_kw_k, seen.cooler_k, leave)
        off.append(float(np.nanmean((tried - moved) ** 2)))
    return float(_SLOW_FANS[int(np.argmin(off))])


def _edge(dew_c: Array, leave: Array, where: Mask, declared_c: float, side: float) -> float:
    """The limit that explains best how far dampers were let open; only where both were seen."""
    dew, got = dew_c[where], leave[where]
    if (got > 0.5).sum() < 6 or (got < 0.1).sum() < 6:
        seen_open = dew[got > 0.5]
        if seen_open.size >= 6:  # they were open there, so the limit is not inside of it
            beyond = float(np.percentile(side * seen_open, 99))
            return side * max(beyond, side * declared_c)
        return declared_c
    trials = declared_c + np.linspace(-6.0, 6.0, 61)
    wrong = [float(np.mean((np.clip(side * (t - dew) / BAND_K, 0, 1) - got) ** 2)) for t in trials]
    return float(trials[int(np.argmin(wrong))])


def _vague(fitted: Fit, k: int, seen: _Seen, rated: float) -> tuple[str, ...]:
    """Why the nameplate is used for what open dampers take; nothing where the data tell it."""
    if seen.opened < _LEAST_OPEN:
        return (_NEVER,)
    half = float(fitted.half_width[2 + k]) if fitted.samples else np.nan
    if not half <= _VAGUE * rated:
        return ("the dampers opened too little to tell what they take: the nameplate is used",)
    return ()


def _record(zone: OwnerId, k: int, fitted: Fit, seen: _Seen, rated: float, why: tuple[str, ...]) -> Evidence:
    """A zone's record: the fit is shared, what was seen of its dampers is its own."""
    name = f"{zone}.outdoor-air"
    inputs: tuple[Coverage, ...] = coverage(damper=seen.damper, outdoor_c=seen.outdoor_c, dew_c=seen.dew_c)
    if why:
        return Evidence(name, Origin.NAMEPLATE, seen.opened, 0.3 * rated, np.nan, np.nan, inputs, why)
    one = Fit(
        fitted.coefficients[[2 + k]],
        fitted.samples,
        fitted.std,
        fitted.cv_rmse,
        fitted.nmbe,
        fitted.half_width[[2 + k]],
    )
    return evidence(name, one, inputs, prior_std=0.3 * rated, worst_cv_rmse=0.25, names=("open_kw_per_k",))
