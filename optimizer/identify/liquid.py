"""Direct-to-chip liquid: how a zone's heat is shared between liquid and air, and what moving it draws.

    Q_l = h₀ + λ P_it [1 + κ (T_l − 30)₊]
    P_cdu = p₀ + p₁ x + p₂ x² + p₃ x³,   x = Q_l / (C_l (T_r − T_cw)),  T_r = T_l + Q_l / C_l

λ is the share of IT power that leaves by liquid, h₀ what the unit's own pump adds; warm chips leak
more (κ ≥ 0, reckoned from 30 °C), which shows in IT power beside utilization. x is how much of the
heat the plate could give to tower water is asked of it: the valve and the facility pump follow it.
Liquid colder by a kelvin asks more of both, so power rises with x, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Coverage, Evidence
from optimizer.identify.regression import Bounds, Fit, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.quantities import Quantity
from plant.site import Equipment, EquipmentKind

REFERENCE_C = 30.0
_SHARE, _LEAK_PER_K, _MOST_LEAK = 0.6, 0.001, 0.006
_LEAST_SPAN_K, _WARM_INLET_C = 1.0, 24.0
_WEAK = 0.02
"""Observations the prior counts for where meters are far better than any nameplate."""
_SUPPLY_MOVED_K, _LOAD_MOVED = 1.5, 0.05


@dataclass(frozen=True)
class LiquidLaw:
    """One coolant distribution unit and its loop."""

    unit: OwnerId
    zone: OwnerId
    share: float
    """Part of the zone's IT power that leaves by this loop at 30 °C liquid."""
    base_kw: float
    leak_per_k: float
    flow_kw_k: float
    pump_kw: tuple[float, float, float, float]
    most_asked: float
    """Highest x the unit was seen to serve: beyond, its liquid warms."""

    def leak_kw(self, it_kw: ArrayLike, supply_c: ArrayLike) -> Array:
        """IT power that liquid warmer than 30 °C adds. [kW]"""
        warm = np.maximum(np.asarray(supply_c, float) - REFERENCE_C, 0.0)
        return np.asarray(self.share * np.asarray(it_kw, float) * self.leak_per_k * warm)

    def heat_kw(self, it_kw: ArrayLike, supply_c: ArrayLike) -> Array:
        """Heat to tower water. [kW]"""
        return np.asarray(
            self.base_kw + self.share * np.asarray(it_kw, float) + self.leak_kw(it_kw, supply_c)
        )

    def asked(self, heat_kw: ArrayLike, supply_c: ArrayLike, cw_c: ArrayLike) -> Array:
        """x of the law."""
        heat = np.asarray(heat_kw, float)
        span = np.asarray(supply_c, float) + heat / self.flow_kw_k - np.asarray(cw_c, float)
        return np.asarray(heat / (self.flow_kw_k * np.maximum(span, _LEAST_SPAN_K)))

    def power_kw(self, asked: ArrayLike) -> Array:
        """The unit's pumps. [kW]"""
        x = np.minimum(np.asarray(asked, float), 1.2)
        p0, p1, p2, p3 = self.pump_kw
        return np.asarray(p0 + x * (p1 + x * (p2 + x * p3)))


def learn_liquid(signals: Signals) -> tuple[tuple[LiquidLaw, ...], tuple[Evidence, ...]]:
    """Fit every distribution unit that serves one zone; nothing where there is none."""
    units = [e for e in signals.site.equipment_of(EquipmentKind.CDU) if e.zone is not None]
    found = [_learn(signals, e) for e in units]
    return tuple(law for law, _ in found), tuple(record for _, record in found)


def shares(laws: tuple[LiquidLaw, ...]) -> Mapping[OwnerId, float]:
    """Part of each zone's IT power that leaves by liquid."""
    total: dict[OwnerId, float] = {}
    for law in laws:
        total[law.zone] = min(total.get(law.zone, 0.0) + law.share, 0.95)
    return total


def compare_liquid(law: LiquidLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted power of a unit. [kW] Shapes (samples,)."""
    seen = _Seen.of(signals, law.unit, law.zone)
    return seen.power_kw, law.power_kw(law.asked(seen.heat_kw, seen.supply_c, seen.cw_c))


@dataclass(frozen=True)
class _Seen:
    """What a unit's history says. Shapes (samples,)."""

    it_kw: Array
    heat_kw: Array
    supply_c: Array
    flow_kw_k: Array
    power_kw: Array
    cw_c: Array

    @classmethod
    def of(cls, signals: Signals, unit: OwnerId, zone: OwnerId) -> _Seen:
        def mean(quantity: Quantity) -> Array:
            return signals.mean(signals.site.points_of(unit, quantity))

        return cls(
            signals.of_zone(zone, Quantity.IT_POWER),
            mean(Quantity.LIQUID_HEAT),
            mean(Quantity.LIQUID_SUPPLY_TEMPERATURE),
            mean(Quantity.LIQUID_FLOW) * RHO_WATER * CP_WATER,
            mean(Quantity.POWER),
            signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE),
        )


def _learn(signals: Signals, unit: Equipment) -> tuple[LiquidLaw, Evidence]:
    zone = unit.zone or OwnerId("")
    seen = _Seen.of(signals, unit.id, zone)
    design = signals.site.zone_by_id[zone].it_design_kw
    leaks = _leakage(signals, zone, seen, design)
    heat = _heat(seen, design, float(leaks.coefficients[-1]))
    share, leak = float(heat.coefficients[1]), float(leaks.coefficients[-1])
    known = seen.flow_kw_k[~np.isnan(seen.flow_kw_k)]
    rated = (unit.nameplate.water_flow_m3_s or 0.0) * RHO_WATER * CP_WATER
    flow = float(np.median(known)) if known.size else rated or (unit.nameplate.capacity_kw or 100.0) / 8
    law = LiquidLaw(
        unit.id, zone, share, float(heat.coefficients[0]), leak / max(share, 1e-3), max(flow, 1e-3),
        (0.0, 0.0, 0.0, 0.0), 1.0,
    )  # fmt: skip
    x = law.asked(seen.heat_kw, seen.supply_c, seen.cw_c)
    pumps = _pumps(x, seen.power_kw, unit.nameplate.power_kw or 0.0)
    p = [float(c) for c in pumps.coefficients]
    usable = x[~np.isnan(x)]
    most = float(np.percentile(usable, 99)) if usable.size else 0.6
    law = LiquidLaw(
        law.unit, zone, share, law.base_kw, law.leak_per_k, law.flow_kw_k, (p[0], p[1], p[2], p[3]), most
    )
    inputs = coverage(
        it_kw=seen.it_kw, liquid_c=seen.supply_c, cw_c=seen.cw_c, asked=np.where(np.isnan(x), np.nan, x)
    )
    extra = _flat(inputs)
    if not leaks.samples:
        extra += (
            "nothing tells leakage of warm chips from utilization: what warmer liquid costs is a prior",
        )
    if heat.samples and not heat.cv_rmse <= 0.1:
        extra += (f"heat shared between liquid and air: CV(RMSE) {heat.cv_rmse:.0%} is above 10%",)
    record = evidence(
        f"{unit.id}.liquid",
        pumps,
        inputs,
        prior_std=0.2 * (unit.nameplate.power_kw or 5.0),
        worst_cv_rmse=0.15,
        extra=extra,
        names=("constant_kw", "linear_kw", "square_kw", "cube_kw"),
        may_stand=True,
    )
    return law, record


def _heat(seen: _Seen, design_kw: float, leak: float) -> Fit:
    """h₀ and λ from measured liquid heat; ``leak`` is λκ, which is in the IT power already."""
    warm = np.maximum(seen.supply_c - REFERENCE_C, 0.0)
    reference = seen.it_kw / (1.0 + leak * warm)
    # What leaks is all liquid's: off the heat before it is shared.
    x = np.column_stack([np.ones_like(reference), reference])
    bounds = Bounds(np.zeros(2), np.array([0.05 * design_kw, 0.95]))
    grid = np.array([[1.0, 0.4 * design_kw], [1.0, 0.9 * design_kw]])
    target = grid @ np.array([0.01 * design_kw, _SHARE])
    return fit(x, seen.heat_kw - leak * warm * reference, bounds, Prior(grid, target, _WEAK))


def _leakage(signals: Signals, zone: OwnerId, seen: _Seen, design_kw: float) -> Fit:
    """IT power against utilization, warm inlets and warm liquid; the last coefficient is λκ."""
    used = signals.of_zone(zone, Quantity.UTILIZATION)
    inlets = signals.mean(signals.site.points_of(zone, Quantity.INLET_TEMPERATURE))
    warm = np.maximum(seen.supply_c - REFERENCE_C, 0.0)
    air = np.nan_to_num(np.maximum(inlets - _WARM_INLET_C, 0.0)) * design_kw
    x = np.column_stack([np.ones_like(used), used, air, seen.it_kw * warm])
    bounds = Bounds(np.zeros(4), np.array([design_kw, design_kw, 0.02, _MOST_LEAK]))
    rows = np.array([[1.0, 0.3, 0.0, 0.0], [1.0, 0.9, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0 * design_kw]])
    target = rows @ np.array([0.4 * design_kw, 0.6 * design_kw, 0.0, _SHARE * _LEAK_PER_K])
    return fit(x, seen.it_kw, bounds, Prior(rows, target, _WEAK))


def _pumps(asked: Array, power: Array, rated_kw: float) -> Fit:
    """Constant loop pump, and a facility pump by what is asked of the plate."""
    grid = np.linspace(0.1, 0.9, 5)
    prior = Prior(_powers(grid), rated_kw * (0.6 + 0.4 * grid**2), 4.0)
    return fit(_powers(asked), power, Bounds.nonnegative(4), prior)


def _powers(x: Array) -> Array:
    return np.column_stack([np.ones_like(x), x, x**2, x**3])


def _flat(inputs: tuple[Coverage, ...]) -> tuple[str, ...]:
    reasons = []
    for c in inputs:
        if c.name == "liquid_c" and c.high - c.low < _SUPPLY_MOVED_K:
            reasons.append(
                f"liquid supply stayed within {c.low:.1f} to {c.high:.1f} °C: what it costs is a prior"
            )
        if c.name == "it_kw" and c.high - c.low < _LOAD_MOVED * max(c.high, 1.0):
            reasons.append(
                f"IT power stayed within {c.low:.0f} to {c.high:.0f} kW: the liquid's share of it is a prior"
            )
    return tuple(reasons)
