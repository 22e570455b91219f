"""Tower fans: the power that makes a condenser-water temperature, and the coldest they can make.

    ln P = c0 + c1 ln Q − c2 ln ΔH,   ΔH = h_s(T_cw + Q / 2C) − h_s(T_wb)

Heat leaves a tower in proportion to the enthalpy difference between air saturated at the water's
temperature and the entering air (Merkel 1925); the mean water temperature is half the range
Q/C above the leaving one. c1, c2 ≥ 0. At full fan power the same law, solved for T_cw, is the
coldest water within reach: a setpoint below it is not reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizer.identify.evidence import Evidence
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.psychrometrics import CP_WATER, RHO_WATER, enthalpy_kj_kg, humidity_ratio
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

Mask: TypeAlias = NDArray[np.bool_]

_GRID_C = np.linspace(-40.0, 70.0, 441)
_SATURATED_KJ_KG = enthalpy_kj_kg(_GRID_C, humidity_ratio(_GRID_C, 1.0))
_LEAST_FORCE = 1.0
_LEAST_LOAD_KW = 20.0
_ENOUGH = 48
_STILL_SHARE, _STILL_K = 0.05, 0.3
"""Fans and water that move less than this from one sample to the next stand still. [of full power, K]"""
_RATED_KW_PER_KW = 0.02
_RATED_WET_BULB_C = 25.6
_RATED_RANGE_K = 5.0


@dataclass(frozen=True)
class TowerLaw:
    """All cells together.

    `full_kw` is fan power at full speed, 0 where the site has no tower; `water_kw_k` the heat
    capacity rate of the full condenser flow.
    """

    full_kw: float
    water_kw_k: float
    coefficients: tuple[float, float, float]

    def coldest_c(
        self, rejected_kw: ArrayLike, wet_bulb_c: ArrayLike, flow_share: ArrayLike, fan_kw: ArrayLike
    ) -> Array:
        """Leaving water at a fan power. [°C] `flow_share` is of the full condenser flow."""
        q = np.maximum(np.asarray(rejected_kw, float), 1.0)
        c0, c1, c2 = self.coefficients
        log_force = (c0 + c1 * np.log(q) - np.log(np.maximum(fan_kw, 1e-3))) / c2
        force = np.maximum(np.exp(np.clip(log_force, -2.0, 6.0)), _LEAST_FORCE)
        mean_c = np.interp(saturated_kj_kg(wet_bulb_c) + force, _SATURATED_KJ_KG, _GRID_C)
        coldest = mean_c - self._half_range_k(q, flow_share)
        return np.asarray(np.maximum(coldest, np.asarray(wet_bulb_c, float) + 0.5))

    def power_kw(
        self, cw_c: ArrayLike, rejected_kw: ArrayLike, wet_bulb_c: ArrayLike, flow_share: ArrayLike
    ) -> Array:
        """Fan power that keeps ``cw_c``, at most full. [kW]"""
        q = np.maximum(np.asarray(rejected_kw, float), 1.0)
        c0, c1, c2 = self.coefficients
        mean_c = np.asarray(cw_c, float) + self._half_range_k(q, flow_share)
        force = np.maximum(saturated_kj_kg(mean_c) - saturated_kj_kg(wet_bulb_c), _LEAST_FORCE)
        log_p = c0 + c1 * np.log(q) - c2 * np.log(force)
        return np.asarray(np.minimum(np.exp(np.clip(log_p, -8.0, 12.0)), self.full_kw))

    def _half_range_k(self, rejected_kw: Array, flow_share: ArrayLike) -> Array:
        return np.asarray(rejected_kw / (2 * self.water_kw_k * np.clip(flow_share, 0.2, 1.0)))


def saturated_kj_kg(temperature_c: ArrayLike) -> Array:
    """Enthalpy of saturated air, from a table every quarter kelvin. [kJ/kg]"""
    return np.asarray(np.interp(np.asarray(temperature_c, float), _GRID_C, _SATURATED_KJ_KG))


def learn_tower(signals: Signals) -> tuple[TowerLaw, Evidence]:
    """Fit fan power where fans ran, at part speed or flat out.

    Flat out the same law holds for the water the tower did reach. Those samples tell the law's
    shape but not its scale, so they only help out where part speed was seldom seen. While fans and water
    move, the water's own heat store takes or gives what the law would put down to the fans: such samples
    are left out as long as there are others.
    """
    cells = signals.site.equipment_of(EquipmentKind.TOWER_CELL)
    power = signals.total(EquipmentKind.TOWER_CELL, Quantity.POWER)
    rejected = rejected_kw(signals)
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    full = _full_kw(signals, power)
    water = _water_kw_k(signals.site)
    half_range = rejected / (2 * water * flow_share(signals))
    force = saturated_kj_kg(cw + half_range) - saturated_kj_kg(wet)
    loaded = (force > _LEAST_FORCE) & (rejected > _LEAST_LOAD_KW)
    part_speed = loaded & (power > 0.02 * full) & (power < 0.95 * full)
    flat_out = loaded & (power > 0.97 * full)
    settled = part_speed & _still(power, _STILL_SHARE * full) & _still(cw, _STILL_K)
    part_speed = settled if settled.sum() >= _ENOUGH else part_speed
    used = part_speed if part_speed.sum() >= _ENOUGH else part_speed | _thinned(flat_out, _ENOUGH)
    load = np.where(used, rejected, np.nan)
    x = _features(load, np.where(used, force, np.nan))
    fitted = fit(
        x,
        np.log(np.where(used, power, 1.0)),
        Bounds(np.array([-60.0, 0.3, 0.3]), np.array([40.0, 6.0, 8.0])),
        _prior(signals.site, full, water),
    )
    c = fitted.coefficients
    record = evidence(
        "tower",
        fitted,
        coverage(rejected_kw=load, approach_k=(cw - wet)[used], wet_bulb_c=wet[used]),
        prior_std=0.5,
        worst_cv_rmse=np.inf,
        extra=("fan power scatters by more than half about its law",) if fitted.std > 0.5 else (),
        names=("constant", "per_log_heat", "per_log_force"),
    )
    return TowerLaw(full if cells else 0.0, water, (float(c[0]), float(c[1]), float(c[2]))), record


def compare_tower(law: TowerLaw, signals: Signals) -> tuple[Array, Array]:
    """Logarithms of measured and predicted fan power at part speed. [ln kW] Shapes (samples,).

    Where power and water stand still, as in learning: while they move, the law of what settles says nothing.
    """
    power = signals.total(EquipmentKind.TOWER_CELL, Quantity.POWER)
    rejected = rejected_kw(signals)
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    speaks = (rejected > _LEAST_LOAD_KW) & (power > 0.02 * law.full_kw) & (power < 0.95 * law.full_kw)
    speaks &= _still(power, _STILL_SHARE * law.full_kw) & _still(cw, _STILL_K)
    predicted = law.power_kw(cw, rejected, wet, flow_share(signals))
    return np.log(np.where(speaks, power, np.nan)), np.log(np.where(speaks, predicted, np.nan))


def rejected_kw(signals: Signals) -> Array:
    """Heat to the tower: cooling load, what a tank takes, chiller power, and liquid loops. [kW]"""
    power = signals.total(EquipmentKind.CHILLER, Quantity.POWER)
    return np.asarray(signals.cooling_load_kw + signals.storage_kw + power + signals.liquid_kw)


def flow_share(signals: Signals) -> Array:
    """Condenser flow as a share of full, from pump power: constant-speed pumps, more or fewer."""
    pumps = signals.site.equipment_of(EquipmentKind.CONDENSER_WATER_PUMP)
    rated = sum(e.nameplate.power_kw or 0.0 for e in pumps)
    power = signals.total(EquipmentKind.CONDENSER_WATER_PUMP, Quantity.POWER)
    if rated <= 0:
        return np.ones(signals.samples)
    return np.clip(np.nan_to_num(power / rated, nan=1.0), 0.2, 1.0)


def _water_kw_k(site: Site) -> float:
    """Full condenser flow: the pumps' nameplate, else the tower's capacity over its range."""
    flows = [e.nameplate.water_flow_m3_s for e in site.equipment_of(EquipmentKind.CONDENSER_WATER_PUMP)]
    known = sum(f for f in flows if f)
    if known > 0:
        return known * RHO_WATER * CP_WATER
    return _capacity_kw(site) / _RATED_RANGE_K


def _capacity_kw(site: Site) -> float:
    return sum(e.nameplate.capacity_kw or 1000.0 for e in site.equipment_of(EquipmentKind.TOWER_CELL)) or 1e3


def _full_kw(signals: Signals, power: Array) -> float:
    """Fan power at full speed: seen there, else the nameplate's."""
    cells = signals.site.equipment_of(EquipmentKind.TOWER_CELL)
    speeds = [signals.mean(signals.site.points_of(e.id, Quantity.FAN_SPEED)) for e in cells]
    if speeds:
        flat_out = np.min(speeds, axis=0) > 0.985
        if np.count_nonzero(flat_out & ~np.isnan(power)) >= 3:
            return float(np.nanmedian(power[flat_out]))
    rated = sum(e.nameplate.power_kw or _RATED_KW_PER_KW * (e.nameplate.capacity_kw or 1000) for e in cells)
    seen = power[~np.isnan(power)]
    return max(float(rated), float(seen.max()) if seen.size else 0.0)


def _still(values: Array, most: float) -> Mask:
    """Samples that differ by less than ``most`` from the one before and the one after."""
    close = np.abs(np.diff(values, prepend=values[:1], append=values[-1:])) < most
    return close[:-1] & close[1:]


def _thinned(mask: Mask, at_most: int) -> Mask:
    """The mask with evenly fewer samples, no more than ``at_most``."""
    where = np.flatnonzero(mask)
    kept = where[:: max(1, -(-where.size // at_most))] if where.size else where
    thinned = np.zeros_like(mask)
    thinned[kept] = True
    return thinned


def _features(rejected: Array, force: Array) -> Array:
    return np.column_stack([np.ones_like(rejected), np.log(rejected), -np.log(force)])


def _prior(site: Site, full_kw: float, water_kw_k: float) -> Prior:
    """Rated duty at a 4 K approach and design wet bulb; fans by the cube law from there."""
    rated = _capacity_kw(site)
    share, approach = (a.ravel() for a in np.meshgrid([0.3, 0.6, 1.0], [3.0, 4.0, 8.0]))
    q = share * rated
    water = _RATED_WET_BULB_C + approach + q / (2 * water_kw_k)
    force = saturated_kj_kg(water) - saturated_kj_kg(_RATED_WET_BULB_C)
    design = saturated_kj_kg(_RATED_WET_BULB_C + 4.0 + rated / (2 * water_kw_k)) - saturated_kj_kg(
        _RATED_WET_BULB_C
    )
    log_p = np.log(max(full_kw, 1.0)) + 3.0 * np.log(share) - 3.0 * np.log(force / design)
    return Prior(_features(q, force), log_p, samples=4.0)
