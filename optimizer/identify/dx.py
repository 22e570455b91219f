"""Room units with their own compressors: power against load, outdoor air, return air and fan speed.

A unit's meter sees its fan and its compressor together, so both are learned together. With Q the
heat a zone's units take up and Q₀ what they are rated for, u = Q/Q₀:

    P = n Σ_k f_k r^k  +  (Q₀/COP₀) {s + u e},
    e = a + b u + c₁ (T_o − 18)₊/10 + c₂ (T_o − 30)₊/10 + d (40 − T_r)₊/10

All weights ≥ 0: power rises with load, fan speed and outdoor air and falls with the return air's
temperature, and never the other way. 18 °C is where head-pressure control holds the condenser; the
bend at 30 °C makes the rise convex. s is what a machine draws merely for being on, cycling inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.auxiliaries import learn_losses
from optimizer.identify.crah_fans import FanLaw
from optimizer.identify.evidence import Coverage, Evidence
from optimizer.identify.regression import Bounds, Fit, Prior, collinear, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.site import Equipment, EquipmentKind, Site

HELD_C, BENDS_C, WARM_RETURN_C = 18.0, 30.0, 40.0
_COP, _CAPACITY_KW, _FAN_SHARE = 3.2, 100.0, 0.045
# Typical of air-cooled scroll compressors: 2 % of input a kelvin outdoors, 1 % a kelvin of return air.
_PER_OUTDOOR_K, _PER_RETURN_K = 0.02, 0.01
_RATED_OUTDOOR_C, _RATED_RETURN_C = 35.0, 27.0
_CAPACITY_PER_K = 0.007
"""Capacity lost per kelvin outdoors (EnergyPlus reference-building units: 0.6 to 0.9 %/K at 30 to 40 °C)."""
_SPEED_MOVED, _OUTDOOR_MOVED_K, _LOAD_MOVED = 0.05, 3.0, 0.04
"""Inputs that moved less than this (share, K, share of the highest) have taught nothing."""
_PASSES = 2
_FAN_NAMES = ("fan_linear_kw", "fan_square_kw", "fan_cube_kw", "fan_fifth_kw")
_NAMES = (
    *_FAN_NAMES,
    "standby_ratio",
    "input_ratio",
    "input_per_load",
    "per_10k_outdoor",
    "per_10k_above_30",
    "per_10k_cooler_return",
)


@dataclass(frozen=True)
class DxLaw:
    """A zone's compressors taken together: ``coefficients`` are s, a, b, c₁, c₂, d of the law above."""

    rated_kw: float
    """Heat all units are rated for together, Q₀. [kW]"""
    input_kw: float
    """What they are rated to draw for it, Q₀/COP₀. [kW]"""
    coefficients: tuple[float, float, float, float, float, float]

    def power_kw(self, heat_kw: ArrayLike, outdoor_c: ArrayLike, return_c: ArrayLike) -> Array:
        """Compressors and condenser fans, without the units' own fans. [kW]"""
        parts = compressor_features(np.asarray(heat_kw, float) / self.rated_kw, outdoor_c, return_c)
        return np.asarray(self.input_kw * sum(c * f for c, f in zip(self.coefficients, parts, strict=True)))

    def able_kw(self, outdoor_c: ArrayLike) -> Array:
        """Heat the units are counted on for. [kW]"""
        return self.rated_kw * capacity_share(outdoor_c)


def capacity_share(outdoor_c: ArrayLike) -> Array:
    """Share of its rated capacity that a unit is counted on for, never more than all of it. [-]"""
    over = np.asarray(outdoor_c, float) - _RATED_OUTDOOR_C
    return np.asarray(np.clip(1.0 - _CAPACITY_PER_K * over, 0.6, 1.0))


def compressor_features(share: Array, outdoor_c: ArrayLike, return_c: ArrayLike) -> tuple[Array, ...]:
    """The law's six terms at a share of rated load. Shapes broadcast."""
    warm = np.asarray(outdoor_c, float)
    cool = np.maximum(WARM_RETURN_C - np.asarray(return_c, float), 0.0) / 10
    above = np.maximum(warm - HELD_C, 0.0) / 10, np.maximum(warm - BENDS_C, 0.0) / 10
    return np.ones_like(share), share, share**2, share * above[0], share * above[1], share * cool


def dx_units(site: Site, zone: OwnerId) -> tuple[Equipment, ...]:
    """A zone's units, where nothing but their compressors cools its air; else none."""
    if site.equipment_of(EquipmentKind.CRAH, zone):
        return ()
    return site.equipment_of(EquipmentKind.DX_UNIT, zone)


def learn_dx(
    signals: Signals, zone: OwnerId, air_kw_k: float
) -> tuple[DxLaw, FanLaw, tuple[Evidence, Evidence]]:
    """Fit a zone's units; the second record is that of their fans, learned from the same meter.

    Heat is IT power and the fans' own, which are learned on the way: two passes settle it.
    """
    units = dx_units(signals.site, zone)
    rated = float(sum(e.nameplate.capacity_kw or _CAPACITY_KW for e in units))
    drawn = float(sum((e.nameplate.capacity_kw or _CAPACITY_KW) / (e.nameplate.cop or _COP) for e in units))
    fan_law = FanLaw(len(units), (0.0, 0.0, 0.0, _rated_fan(units), 0.0))
    seen = _Seen.of(signals, zone, air_kw_k)
    for _ in range(_PASSES):
        heat = seen.it_kw + fan_law.power_kw(seen.speed)
        x = _features(heat / rated, seen, len(units), drawn)
        bounds, prior = Bounds.nonnegative(len(_NAMES)), _prior(units, drawn)
        fitted = fit(x, seen.power_kw, bounds, prior)
        f1, f2, f3, f5, *c = (float(v) for v in fitted.coefficients)
        fan_law = FanLaw(len(units), (0.0, f1, f2, f3, f5))
    law = DxLaw(rated, drawn, (c[0], c[1], c[2], c[3], c[4], c[5]))
    return law, fan_law, _records(zone, fitted, seen, heat, fan_law)


def compare_dx(
    law: DxLaw, fans: FanLaw, air_kw_k: float, signals: Signals, zone: OwnerId
) -> tuple[Array, Array]:
    """Measured and predicted power of all a zone's units. [kW] Shapes (samples,)."""
    seen = _Seen.of(signals, zone, air_kw_k)
    fan = fans.power_kw(seen.speed)
    return seen.power_kw, fan + law.power_kw(seen.it_kw + fan, seen.outdoor_c, seen.return_c)


@dataclass(frozen=True)
class _Seen:
    """What a zone's history says. Shapes (samples,)."""

    power_kw: Array
    it_kw: Array
    speed: Array
    outdoor_c: Array
    return_c: Array
    supply_c: Array

    @classmethod
    def of(cls, signals: Signals, zone: OwnerId, air_kw_k: float) -> _Seen:
        it, speed = signals.of_zone(zone, Quantity.IT_POWER), signals.of_zone(zone, Quantity.FAN_SPEED)
        supply = signals.of_zone(zone, Quantity.SUPPLY_AIR_TEMPERATURE)
        # As the planner will have it: return air follows from supply air, load and airflow.
        back = supply + it / (air_kw_k * np.maximum(speed, 0.05))
        outdoor = signals.of_site(Quantity.OUTDOOR_DRY_BULB)
        return cls(_metered_kw(signals, zone), it, speed, outdoor, back, supply)


def _metered_kw(signals: Signals, zone: OwnerId) -> Array:
    """What a zone's units draw by their own meters; where they have none and no other machine cools the
    site, what the building draws beyond IT and its losses. [kW]"""
    units = dx_units(signals.site, zone)
    points = [signals.site.points_of(e.id, Quantity.POWER) for e in units]
    if any(points) or len(signals.site.zones) > 1:
        each = [signals.mean(p) for p in points]
        return np.asarray(np.sum(each, axis=0)) if each else np.full(signals.samples, np.nan)
    cooling = signals.of_site(Quantity.COOLING_POWER)
    it = signals.of_site(Quantity.IT_POWER)
    rest = signals.of_site(Quantity.FACILITY_POWER) - it - learn_losses(signals)[0].at(it)
    return np.where(np.isnan(cooling), rest, cooling)


def _features(share: Array, seen: _Seen, units: int, input_kw: float) -> Array:
    r = seen.speed
    own = [units * r, units * r**2, units * r**3, units * r**5]
    others = compressor_features(share, seen.outdoor_c, seen.return_c)
    return np.column_stack([*own, *(input_kw * f for f in others)])


def _rated_fan(units: tuple[Equipment, ...]) -> float:
    """What one unit's fan draws at full speed: the nameplate's electrical power is the fan's. [kW]"""
    each = [e.nameplate.power_kw or _FAN_SHARE * (e.nameplate.capacity_kw or _CAPACITY_KW) for e in units]
    return float(np.mean(each)) if each else 0.0


def _prior(units: tuple[Equipment, ...], input_kw: float) -> Prior:
    """Cube-law fans, and the rated input falling off with cool air outside and warm air inside."""
    grid = np.meshgrid([0.5, 0.75, 1.0], [0.4, 0.8], [15.0, 28.0, 38.0], [24.0, 34.0], indexing="ij")
    speed, share, outdoor, back = (g.ravel() for g in grid)
    none = np.zeros_like(speed)
    seen = _Seen(none, none, speed, outdoor, back, none)
    ratio = 1.0 + _PER_OUTDOOR_K * (np.maximum(outdoor, HELD_C) - _RATED_OUTDOOR_C)
    ratio = ratio - _PER_RETURN_K * (back - _RATED_RETURN_C)
    power = len(units) * _rated_fan(units) * speed**3 + input_kw * share * ratio
    return Prior(_features(share, seen, len(units), input_kw), power, samples=4.0)


def _records(zone: OwnerId, fitted: Fit, seen: _Seen, heat: Array, fans: FanLaw) -> tuple[Evidence, Evidence]:
    known = ~np.isnan(seen.power_kw)
    inputs = coverage(
        heat_kw=np.where(known, heat, np.nan),
        outdoor_c=np.where(known, seen.outdoor_c, np.nan),
        return_c=np.where(known, seen.return_c, np.nan),
        supply_c=np.where(known, seen.supply_c, np.nan),
    )
    against = _flat(inputs) + collinear(heat_kw=heat, outdoor_c=seen.outdoor_c, return_c=seen.return_c)
    typical = float(np.nanmean(seen.power_kw)) if known.any() else 0.3 * float(np.nanmax([*heat, 1.0]))
    own = evidence(
        f"{zone}.dx",
        fitted,
        inputs,
        prior_std=0.2 * typical,
        worst_cv_rmse=0.12,
        extra=against,
        names=_NAMES,
        may_stand=True,
    )
    speeds = coverage(speed=np.where(known, seen.speed, np.nan))
    still = tuple(
        f"fan speed stayed within {c.low:.0%} to {c.high:.0%}: what fans draw of the units' power is a prior"
        for c in speeds
        if c.high - c.low < _SPEED_MOVED
    )
    fan_record = evidence(
        f"{zone}.fans",
        fitted,
        speeds,
        prior_std=0.15 * float(fans.power_kw(1.0)),
        worst_cv_rmse=0.12,
        extra=still,
        names=_FAN_NAMES,
        may_stand=True,
    )
    return own, fan_record


def _flat(inputs: tuple[Coverage, ...]) -> tuple[str, ...]:
    """Inputs that stood still: what they do is then the textbook's."""
    reasons = []
    for c in inputs:
        if c.name == "outdoor_c" and c.high - c.low < _OUTDOOR_MOVED_K:
            reasons.append(
                f"outdoor air stayed within {c.low:.1f} to {c.high:.1f} °C: "
                "its effect on the compressors is a prior"
            )
        if c.name == "heat_kw" and c.high - c.low < _LOAD_MOVED * max(c.high, 1.0):
            reasons.append(
                f"the heat stayed within {c.low:.0f} to {c.high:.0f} kW: how power rises with load is a prior"
            )
    return tuple(reasons)
