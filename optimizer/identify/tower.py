"""Tower fans: the power that keeps an approach, and the approach they cannot beat.

    ln P = c0 + c1 ln Q_rej − c2 ln A + c3 (T_wb − 20),  A = T_cw − T_wb

c1, c2 ≥ 0, c3 ≤ 0 (moist warm air carries more per kelvin). At full fan power the same law, solved
for A, is the lowest condenser-water temperature within reach: a setpoint below it is not reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Evidence
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

_LEAST_APPROACH_K = 0.8
_RATED_KW_PER_KW = 0.02
_RATED_APPROACH_K, _RATED_WET_BULB_C = 4.0, 25.6


@dataclass(frozen=True)
class TowerLaw:
    """All cells together. `full_kw` is fan power at full speed, 0 where the site has no tower."""

    full_kw: float
    coefficients: tuple[float, float, float, float]

    def reached_c(self, setpoint_c: ArrayLike, rejected_kw: ArrayLike, wet_bulb_c: ArrayLike) -> Array:
        """Condenser-water temperature the tower makes of a setpoint. [°C]"""
        wet = np.asarray(wet_bulb_c, float)
        return np.asarray(np.maximum(setpoint_c, wet + self.least_approach_k(rejected_kw, wet)))

    def least_approach_k(self, rejected_kw: ArrayLike, wet_bulb_c: ArrayLike) -> Array:
        """Approach at full fan speed. [K]"""
        if self.full_kw <= 0:
            return np.zeros(np.broadcast(rejected_kw, wet_bulb_c).shape)
        c0, c1, c2, c3 = self.coefficients
        load = np.log(np.maximum(rejected_kw, 1.0))
        wet = np.asarray(wet_bulb_c, float) - 20
        log_a = (c0 + c1 * load + c3 * wet - np.log(self.full_kw)) / max(c2, 0.2)
        return np.asarray(np.maximum(np.exp(np.clip(log_a, -3.0, 4.0)), _LEAST_APPROACH_K))

    def power_kw(self, cw_c: ArrayLike, rejected_kw: ArrayLike, wet_bulb_c: ArrayLike) -> Array:
        """Fan power that keeps ``cw_c``. [kW]"""
        if self.full_kw <= 0:
            return np.zeros(np.broadcast(cw_c, rejected_kw, wet_bulb_c).shape)
        c0, c1, c2, c3 = self.coefficients
        wet = np.asarray(wet_bulb_c, float)
        approach = np.maximum(np.asarray(cw_c, float) - wet, _LEAST_APPROACH_K)
        load = np.log(np.maximum(rejected_kw, 1.0))
        log_p = c0 + c1 * load - c2 * np.log(approach) + c3 * (wet - 20)
        return np.asarray(np.minimum(np.exp(np.clip(log_p, -8.0, 12.0)), self.full_kw))


def learn_tower(signals: Signals) -> tuple[TowerLaw, Evidence]:
    """Fit fan power where fans were neither off nor flat out."""
    cells = signals.site.equipment_of(EquipmentKind.TOWER_CELL)
    power = signals.total(EquipmentKind.TOWER_CELL, Quantity.POWER)
    rejected = rejected_kw(signals)
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    approach = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE) - wet
    full = _full_kw(signals, power)
    used = (power > 0.02 * full) & (power < 0.95 * full) & (approach > _LEAST_APPROACH_K) & (rejected > 20)
    load = np.where(used, rejected, np.nan)
    x = _features(load, np.where(used, approach, np.nan), wet)
    fitted = fit(
        x,
        np.log(np.where(used, power, 1.0)),
        Bounds(np.array([-60.0, 0.3, 0.3, -0.2]), np.array([40.0, 5.0, 6.0, 0.0])),
        _prior(signals.site, full),
    )
    c = fitted.coefficients
    record = evidence(
        "tower",
        fitted,
        coverage(rejected_kw=load, approach_k=approach[used], wet_bulb_c=wet[used]),
        prior_std=0.5,
        worst_cv_rmse=np.inf,
        extra=("fan power scatters by more than half about its law",) if fitted.std > 0.5 else (),
    )
    return TowerLaw(full if cells else 0.0, (float(c[0]), float(c[1]), float(c[2]), float(c[3]))), record


def rejected_kw(signals: Signals) -> Array:
    """Heat to the tower: cooling load plus chiller power. [kW]"""
    return np.asarray(signals.cooling_load_kw + signals.total(EquipmentKind.CHILLER, Quantity.POWER))


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


def _features(rejected: Array, approach: Array, wet: Array) -> Array:
    return np.column_stack([np.ones_like(rejected), np.log(rejected), -np.log(approach), wet - 20])


def _prior(site: Site, full_kw: float) -> Prior:
    cells = site.equipment_of(EquipmentKind.TOWER_CELL)
    rated = sum(e.nameplate.capacity_kw or 1000.0 for e in cells) or 1000.0
    share, approach, wet = (
        a.ravel() for a in np.meshgrid([0.3, 0.6, 1.0], [3.0, 5.0, 9.0], [2.0, 12.0, 25.6])
    )
    log_p = (
        np.log(max(full_kw, 1.0))
        + 2.5 * np.log(share)
        - 2.0 * np.log(approach / _RATED_APPROACH_K)
        - 0.06 * (wet - _RATED_WET_BULB_C)
    )
    return Prior(_features(share * rated, approach, wet), log_p, samples=4.0)
