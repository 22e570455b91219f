"""Water-side economizer: how much of the load it takes, and when the PLC lets it.

    Q_e = min(Q, ε C_chw (T_chw,return − T_cw)),  ε = e0 + e1 (1 − C_chw / C_ref)

A plate exchanger's effectiveness falls with flow, so 0 ≤ e1. When the PLC starts and stops it is in
`optimizer.identify.switching`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Coverage, Evidence
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Mask, Signals
from optimizer.identify.switching import TEXTBOOK, SwitchingLaw, Watched, learn_switching
from plant.forecast import Array
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.quantities import Quantity
from plant.site import EquipmentKind

_EFFECTIVENESS = 0.7
_BELOW_K = 3.0
_COLDER_K = 0.4
"""Water this much colder than its own setpoint, with the fans flat out all the same, follows another: more
than sensors scatter, for fans that followed their own would slow down at once."""


@dataclass(frozen=True)
class EconomizerLaw:
    """The exchanger, or `present=False` where the site has none."""

    present: bool
    e0: float
    e1: float
    reference_kw_k: float
    holds_cw: bool
    """Whether the PLC, while it runs, sets the condenser water from the chilled-water setpoint."""
    cw_below_chw_k: float
    fan_share: float
    """Most of the tower's full fan power that the PLC lets it use while the economizer runs."""
    switching: SwitchingLaw = TEXTBOOK

    def enabled(self, return_c: ArrayLike, wet_bulb_c: ArrayLike, share: ArrayLike = 1.0) -> Mask:
        """Whether the PLC would start it, where nobody knows whether it runs already."""
        if not self.present:
            return np.zeros(np.broadcast(return_c, wet_bulb_c).shape, dtype=bool)
        return self.switching.starts(return_c, wet_bulb_c, share)

    def heat_kw(
        self, load_kw: ArrayLike, flow_kw_k: ArrayLike, return_c: ArrayLike, cw_c: ArrayLike
    ) -> Array:
        """Heat it takes while running. [kW]"""
        flow = np.asarray(flow_kw_k, float)
        effectiveness = np.clip(self.e0 + self.e1 * (1 - flow / self.reference_kw_k), 0.0, 0.98)
        span = np.maximum(np.asarray(return_c, float) - np.asarray(cw_c, float), 0.0)
        return np.asarray(np.clip(effectiveness * flow * span, 0.0, np.maximum(load_kw, 0.0)))


def learn_economizer(signals: Signals, moving: Signals) -> tuple[EconomizerLaw, Evidence]:
    """Fit effectiveness where the exchanger was the limit; switching from `moving`, whose steps are finer."""
    site = signals.site
    present = bool(site.equipment_of(EquipmentKind.ECONOMIZER))
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    warm = signals.of_site(Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    load, heat = signals.cooling_load_kw, signals.economizer_kw
    run = (
        signals.total(EquipmentKind.ECONOMIZER, Quantity.RUN_STATUS) if present else np.zeros(signals.samples)
    )
    known_flow = flow[~np.isnan(flow)]
    reference = max(float(known_flow.mean()), 1.0) if known_flow.size else 100.0
    limited = _limited(heat, load, run)
    base = np.where(limited, flow * np.maximum(warm - cw, 0.0), np.nan)
    x = np.column_stack([base, base * (1 - flow / reference)])
    span = 5.0 * reference
    fitted = fit(
        x,
        heat,
        Bounds(np.array([0.2, 0.0]), np.array([0.98, 0.8])),
        Prior(
            np.array([[span, 0.0], [0.6 * span, 0.24 * span]]), span * _EFFECTIVENESS * np.array([1.0, 0.68])
        ),
        even_few=True,
    )
    switching, why = learn_switching(_watched(moving)) if present else (TEXTBOOK, ())
    below, holds, share = _tower_duty(signals, run) if present else (_BELOW_K, False, 1.0)
    law = EconomizerLaw(
        present,
        float(fitted.coefficients[0]),
        float(fitted.coefficients[1]),
        reference,
        holds,
        below,
        share,
        switching,
    )
    record = evidence(
        "economizer",
        fitted,
        _inputs(limited, warm, cw, flow),
        prior_std=0.2 * reference * 5,
        worst_cv_rmse=0.2,
        extra=why,
        names=("effectiveness", "falls_with_flow"),
    )
    return law, record


def compare_economizer(law: EconomizerLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted heat where the exchanger was the limit. [kW] Shapes (samples,)."""
    if not law.present:
        return np.full(signals.samples, np.nan), np.full(signals.samples, np.nan)
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    warm = signals.of_site(Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    load, heat = signals.cooling_load_kw, signals.economizer_kw
    run = signals.total(EquipmentKind.ECONOMIZER, Quantity.RUN_STATUS)
    predicted = law.heat_kw(load, flow, warm, cw)
    return heat, np.where(_limited(heat, load, run), predicted, np.nan)


def _limited(heat: Array, load: Array, run: Array) -> Mask:
    """Where the exchanger, not the load, decided how much heat it took."""
    return np.asarray((heat > 0.02 * load) & (heat < 0.95 * load) & (run > 0.99))


def _inputs(limited: Mask, warm: Array, cw: Array, flow: Array) -> tuple[Coverage, ...]:
    return coverage(return_c=warm[limited], cw_c=cw[limited], flow_kw_k=flow[limited])


def _watched(signals: Signals) -> Watched:
    flow = signals.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER * CP_WATER
    warm = signals.of_site(Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
    wet = signals.of_site(Quantity.OUTDOOR_WET_BULB)
    run = signals.total(EquipmentKind.ECONOMIZER, Quantity.RUN_STATUS)
    cooled = signals.economizer_kw / np.maximum(flow, 1e-6)
    count = np.asarray(signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS))
    number = max(len(signals.site.equipment_of(EquipmentKind.CHILLER)), 1)
    share = np.nan_to_num(count / number, nan=1.0)
    return Watched(run, warm - wet, wet, cooled, share, float(signals.step_s))


def _tower_duty(signals: Signals, run: Array) -> tuple[float, bool, float]:
    """How the PLC runs the tower for the economizer: distance below chilled water, if held, fan cap.

    Where fans had room, the condenser water followed either its own setpoint or the chilled-water
    setpoint at a distance: the one it scattered less about is the one it followed. Fans that were flat
    out throughout tell which they followed where the water was colder than its own setpoint anyway.
    """
    power = signals.total(EquipmentKind.TOWER_CELL, Quantity.POWER)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    own = cw - signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT)
    chw = signals.of_site(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT) - cw
    rated = sum(e.nameplate.power_kw or 0.0 for e in signals.site.equipment_of(EquipmentKind.TOWER_CELL))
    on = (run > 0.99) & ~np.isnan(power) & ~np.isnan(cw)
    if on.sum() < 12:
        # Guideline 36 §5.20.12 has tower fans follow the chilled-water setpoint while an economizer runs.
        return _BELOW_K, True, 1.0
    most = float(np.percentile(power[on], 99))
    seen = max(float(np.nanmax(power)), rated, 1e-6)
    # A cap shows as many samples at one same highest power.
    flat_out = on & (power > 0.97 * most)
    capped = flat_out.sum() >= max(6, 0.05 * on.sum())
    share = float(min(most / seen, 1.0)) if capped else 1.0
    roomy = on & (power < 0.9 * most) & ~np.isnan(own) & ~np.isnan(chw)
    if roomy.sum() >= 12:
        spread = [float(np.subtract(*np.percentile(v[roomy], [75, 25]))) for v in (own, chw)]
        return float(np.median(chw[roomy])), spread[1] < spread[0], share
    told = flat_out & ~np.isnan(own) & ~np.isnan(chw)
    holds = bool(told.any() and (own[told] < -_COLDER_K).mean() > 0.5)
    # Flat out it was never nearer to what it follows than this.
    below = max(_BELOW_K, float(np.percentile(chw[told], 95))) if told.any() else _BELOW_K
    return below, holds, share
