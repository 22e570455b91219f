"""IT power against inlet temperature: what the users ask for, and what server fans add to it.

    P / P_design = p0 + p1 · u + Σ_k (a_k + b_k u) · mean over inlets of max(0, T − T_k)

with a, b ≥ 0: convex and rising in temperature, flat where the data say so (domain notes §0.1 and
§5.1: flat below about 25 °C, then +0.35 to +0.5 %/K and more). The *reference* power is the first
two terms: the power at a cool inlet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Evidence
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity

KNOTS_C = np.array([20.0, 22.0, 24.0, 26.0])
_PRIOR_RISE = np.array([0.0005, 0.001, 0.002, 0.003])


@dataclass(frozen=True)
class ItCurve:
    """One zone's IT power. `fixed` and `per_load` are the a and b of the law, one per knot."""

    design_kw: float
    idle: float
    per_utilization: float
    fixed: tuple[float, ...]
    per_load: tuple[float, ...]

    @cached_property
    def _fixed(self) -> Array:
        return np.array(self.fixed)

    @cached_property
    def _per_load(self) -> Array:
        return np.array(self.per_load)

    def load(self, reference_kw: ArrayLike) -> Array:
        """The utilization a reference power stands for, 0 to 1."""
        ratio = np.asarray(reference_kw, float) / self.design_kw
        return np.asarray(np.clip((ratio - self.idle) / max(self.per_utilization, 1e-6), 0.0, 1.0))

    def rise_kw(self, inlets_c: ArrayLike, reference_kw: ArrayLike) -> Array:
        """What inlets (…, sensors) add to the reference power (…). [kW]"""
        heat = hinges(np.asarray(inlets_c, float))
        slope = self._fixed + self.load(reference_kw)[..., None] * self._per_load
        return np.asarray(self.design_kw * (heat * slope).sum(axis=-1))

    def reference_kw(self, power_kw: ArrayLike, inlets_c: ArrayLike) -> Array:
        """Reference power behind a measured power at given inlets. [kW]"""
        measured = np.asarray(power_kw, float)
        first = measured - self.rise_kw(inlets_c, measured)
        return np.asarray(measured - self.rise_kw(inlets_c, first))


def hinges(inlets_c: Array) -> Array:
    """Mean over the known inlets of max(0, T − knot). Shape (…, sensors) to (…, knots)."""
    known = ~np.isnan(inlets_c)
    warm = np.where(known, inlets_c, -273.0)[..., None] - KNOTS_C
    count = np.maximum(known.sum(axis=-1), 1)[..., None]
    return np.asarray(np.maximum(warm, 0.0).sum(axis=-2) / count)


def learn_it_power(signals: Signals, zone: OwnerId) -> tuple[ItCurve, Evidence]:
    """Fit a zone's IT power to its utilization and inlets; without utilization only the prior rise."""
    design = signals.site.zone_by_id[zone].it_design_kw
    power = signals.of_zone(zone, Quantity.IT_POWER) / design
    used = signals.of_zone(zone, Quantity.UTILIZATION)
    inlets = signals.stack(signals.site.points_of(zone, Quantity.INLET_TEMPERATURE))
    blind = np.asarray(np.isnan(inlets).all(axis=1))
    heat = np.where(blind[:, None], np.nan, hinges(inlets))
    warmest = np.where(blind, np.nan, np.where(np.isnan(inlets), -273.0, inlets).max(axis=1))
    n = len(KNOTS_C)
    prior = _prior()
    fitted = fit(_features(used, heat), power, Bounds.nonnegative(2 + 2 * n), prior)
    c = fitted.coefficients
    curve = ItCurve(design, float(c[0]), float(c[1]), tuple(c[2 : 2 + n]), tuple(c[2 + n :]))
    record = evidence(
        f"{zone}.it",
        fitted,
        coverage(utilization=used, inlet_c=warmest),
        prior_std=0.1,
        worst_cv_rmse=0.1,
        names=("idle", "per_utilization"),
    )
    return curve, record


def compare_it(curve: ItCurve, signals: Signals, zone: OwnerId) -> tuple[Array, Array]:
    """Measured and predicted IT power as shares of design. Shapes (samples,)."""
    used = signals.of_zone(zone, Quantity.UTILIZATION)
    inlets = signals.stack(signals.site.points_of(zone, Quantity.INLET_TEMPERATURE))
    reference = curve.design_kw * (curve.idle + curve.per_utilization * used)
    predicted = (reference + curve.rise_kw(inlets, reference)) / curve.design_kw
    blind = np.isnan(inlets).all(axis=1)
    measured = signals.of_zone(zone, Quantity.IT_POWER) / curve.design_kw
    return measured, np.where(blind, np.nan, predicted)


def _features(used: Array, heat: Array) -> Array:
    return np.column_stack([np.ones_like(used), used, heat, used[:, None] * heat])


def _prior() -> Prior:
    used, inlet = (a.ravel() for a in np.meshgrid([0.2, 0.8], [18.0, 23.0, 25.0, 27.0, 29.0]))
    heat = hinges(inlet[:, None])
    return Prior(_features(used, heat), 0.4 + 0.6 * used + heat @ _PRIOR_RISE, samples=4.0)
