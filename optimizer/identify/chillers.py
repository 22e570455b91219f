"""Chiller power against load, chilled-water and condenser-water temperature.

    P = a0 n + Q (a1 + a2 h1(T_cw) + a3 h2(T_cw) + a4 (18 − T_chw)/10) + Q²/(n Q_1) (a5 + a6 h1(T_cw))

with all a ≥ 0, h1 and h2 hinges above 12 and 20 °C: power never falls with load, warmer condenser
water or colder chilled water. (Most published curve sets break one of these somewhere, domain notes
§0.4, and an optimizer would find exactly that place.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Coverage, Evidence
from optimizer.identify.intervals import Place, shares_seen
from optimizer.identify.regression import Bounds, Prior, collinear, coverage, evidence, fit
from optimizer.identify.signals import Mask, Signals
from optimizer.identify.staging import RUNS_ABOVE_KW, Staged, StagingLaw, learn_staging
from plant.forecast import Array
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

_COP, _CAPACITY_KW, _DESIGN_CHW_C, _DESIGN_CW_C = 5.0, 1000.0, 6.7, 29.4
# Medians over 157 published curve sets (domain notes §5.4): -2.4 %/K chilled, +2.3 %/K condenser.
_PER_CHW_K, _PER_CW_K = -0.024, 0.023
_FEATURES = 7


@dataclass(frozen=True)
class ChillerLaw:
    """All chillers together."""

    coefficients: tuple[float, ...]
    staging: StagingLaw
    asked_is_most: bool = True
    """Whether the number asked for is only the most that may run (the PLC stages below it)."""

    @property
    def number(self) -> int:
        """How many there are."""
        return self.staging.number

    @property
    def carries_kw(self) -> float:
        """What one of them is seen to carry, at least what it is rated for."""
        return self.staging.unit_kw * max(self.staging.up_share, 1.0)

    def running(
        self, load_kw: ArrayLike, asked: ArrayLike | None = None, before: ArrayLike | None = None
    ) -> Array:
        """How many the PLC runs at a load where so many ran ``before``, or so many are ``asked`` for."""
        wanted = self.staging.running(load_kw, before)
        if asked is None:
            return wanted
        most = np.asarray(asked, float)
        if self.asked_is_most:
            return np.asarray(np.minimum(wanted, most))
        return np.where(np.asarray(load_kw, float) < RUNS_ABOVE_KW, 0.0, most)

    def short_kw(self, load_kw: ArrayLike, running: ArrayLike) -> Array:
        """Load that so many machines cannot carry; what no machine starts for is not missed. [kW]"""
        most = self.staging.able_kw(running) * max(self.staging.up_share, 1.0)
        load = np.asarray(load_kw, float)
        return np.where(load < RUNS_ABOVE_KW, 0.0, np.maximum(load - most, 0.0))

    def power_kw(
        self,
        load_kw: ArrayLike,
        chw_c: ArrayLike,
        cw_c: ArrayLike,
        asked: ArrayLike | None = None,
        before: ArrayLike | None = None,
    ) -> Array:
        """Power at the staging the PLC would choose, or is asked for. [kW]"""
        q = np.maximum(np.asarray(load_kw, float), 0.0)
        if self.number == 0:
            return np.zeros(np.broadcast(q, chw_c, cw_c).shape)
        able = self.staging.able_kw(self.running(q, asked, before))
        x = _features(q, able, np.asarray(chw_c, float), np.asarray(cw_c, float), self.staging.unit_kw)
        return np.asarray(sum(c * f for c, f in zip(self.coefficients, x, strict=True)))


def learn_chillers(signals: Signals, moving: Signals) -> tuple[ChillerLaw, Evidence]:
    """Fit total chiller power to the load the economizer leaves; staging from `moving`, in finer steps."""
    units = signals.site.equipment_of(EquipmentKind.CHILLER)
    unit_kw = float(np.mean([e.nameplate.capacity_kw or _CAPACITY_KW for e in units] or [_CAPACITY_KW]))
    rated = tuple(e.nameplate.capacity_kw or _CAPACITY_KW for e in units)
    blank = StagingLaw(len(units), unit_kw, rated if len(set(rated)) > 1 else ())
    load = chiller_load_kw(signals)
    count = np.asarray(signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS))
    power = signals.total(EquipmentKind.CHILLER, Quantity.POWER)
    chw = signals.of_site(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    steady = _steady(count, load)
    able = blank.able_kw(np.maximum(np.round(count), 1))
    x = np.column_stack(_features(load, able, chw, cw, unit_kw))
    fitted = fit(x[steady], power[steady], Bounds.nonnegative(_FEATURES), _prior(signals.site, unit_kw))
    law = ChillerLaw(tuple(float(c) for c in fitted.coefficients), learn_staging(_staged(moving), blank))
    inputs = coverage(load_kw=load[steady], chw_c=chw[steady], cw_c=cw[steady])
    record = evidence(
        "chillers",
        fitted,
        inputs,
        prior_std=0.15 * unit_kw / _COP,
        worst_cv_rmse=0.12,
        extra=collinear(chw_c=chw[steady], cw_c=cw[steady]),
        names=("each_kw", "per_load", "per_cw", "per_warm_cw", "per_cold_chw", "bend", "bend_per_cw"),
        places=_places(load[steady], able[steady], inputs, unit_kw),
    )
    return law, record


def _places(load: Array, able: Array, inputs: tuple[Coverage, ...], unit_kw: float) -> dict[str, Place]:
    """One mean machine at shares of its rating, both waters in the middle of the ranges they were seen in.

    Told by as many as mostly ran at such a share.
    """
    middle = {c.name: np.array([(c.low + c.high) / 2]) for c in inputs}
    if not middle.keys() >= {"chw_c", "cw_c"}:
        return {}
    share, places = load / able, {}
    for name, s in shares_seen(share).items():
        near = np.abs(share - s) <= np.nanquantile(np.abs(share - s), 0.1)
        ran, often = np.unique(able[near], return_counts=True)
        mostly = ran[[np.argmax(often)]]
        features = _features(s * mostly, mostly, middle["chw_c"], middle["cw_c"], unit_kw)
        places[name] = Place(np.concatenate(features), float(mostly[0]) / unit_kw)
    return places


def compare_chillers(law: ChillerLaw, signals: Signals) -> tuple[Array, Array]:
    """Measured and predicted power of all chillers, where one staging lasted. [kW] Shapes (samples,)."""
    load = chiller_load_kw(signals)
    count = np.asarray(signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS))
    chw = signals.of_site(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
    cw = signals.of_site(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE)
    able = law.staging.able_kw(np.maximum(np.round(count), 1))
    x = _features(load, able, chw, cw, law.staging.unit_kw)
    predicted = sum(c * f for c, f in zip(law.coefficients, x, strict=True))
    return signals.total(EquipmentKind.CHILLER, Quantity.POWER), np.where(
        _steady(count, load), predicted, np.nan
    )


def chiller_load_kw(signals: Signals) -> Array:
    """Heat the chillers take: what the economizer leaves of the load, and what a tank takes. [kW]"""
    return np.asarray(signals.cooling_load_kw - signals.economizer_kw + signals.storage_kw)


def _steady(count: Array, load: Array) -> Mask:
    """Whole intervals of one staging: starts and stops are transients, not the curve."""
    return np.asarray((count >= 0.99) & (np.abs(count - np.round(count)) < 0.01) & (load > RUNS_ABOVE_KW))


def _staged(signals: Signals) -> Staged:
    count = np.asarray(signals.total(EquipmentKind.CHILLER, Quantity.RUN_STATUS))
    return Staged(count, chiller_load_kw(signals), float(signals.step_s))


def _features(q: Array, able: Array, chw: Array, cw: Array, unit_kw: float) -> tuple[Array, ...]:
    over = np.maximum(cw - 12.0, 0.0) / 10
    warm = np.maximum(cw - 20.0, 0.0) / 10
    bend = q * q / np.where(able > 0, able, unit_kw)
    return (able / unit_kw + 0.0 * q, q, q * over, q * warm, q * (18.0 - chw) / 10, bend, bend * over)


def _prior(site: Site, unit_kw: float) -> Prior:
    cops = [e.nameplate.cop or _COP for e in site.equipment_of(EquipmentKind.CHILLER)] or [_COP]
    share, chw, cw = (
        a.ravel() for a in np.meshgrid([0.2, 0.5, 0.9], [7.0, 11.0, 16.0], [14.0, 20.0, 25.0, 30.0])
    )
    q = share * unit_kw
    full = unit_kw / float(np.mean(cops))
    lift = np.exp(_PER_CHW_K * (chw - _DESIGN_CHW_C) + _PER_CW_K * (cw - _DESIGN_CW_C))
    power = full * lift * (0.1 + 0.45 * share + 0.45 * share**2)
    return Prior(
        np.column_stack(_features(q, np.full_like(q, unit_kw), chw, cw, unit_kw)), power, samples=6.0
    )
