"""Rack inlets against supply air, airflow and load: recirculation and its time constant.

With d = P_it / (C_air r), the temperature the zone's air would gain if none bypassed or returned,
each sensor settles at

    T_s = T_supply + b_s + Σ_k c_sk max(0, d − d_k) + e_s max(0, d − 8) max(0, T_supply − 20) / 5

with c, e ≥ 0. The hinges bend upward where the racks want more air than the CRAHs give: that is
recirculation (Tang et al., IEEE TPDS 2008, at one airflow field; the hinges span several). The last
term is servers that speed up in warm air and so draw in more of it. Each sensor approaches its
settled value with one time constant a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import lfilter

from optimizer.identify.evidence import Coverage, Evidence
from optimizer.identify.regression import Bounds, Fit, Prior, collinear, coverage, evidence, fit
from optimizer.identify.signals import Mask, Signals
from plant.forecast import Array
from plant.points import OwnerId, PointId
from plant.quantities import Quantity

RISE_KNOTS_K = np.array([0.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0])
_TAUS_S = (120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0, 720.0, 900.0, 1200.0, 1800.0)
_BIAS_K = 1.5
_WORST_STD_K = 0.7
# Without data: a tenth of the air's gain comes back, and all of it once supply falls short of what
# servers draw at about 10 K (domain notes §5.1: 0.069 m³/s per kW at 12 K, 0.1 in EnergyPlus).
_PRIOR_SHARE, _PRIOR_SHORT, _PRIOR_SHORT_FROM_K = 0.1, 0.8, 10.0
FEATURES = len(RISE_KNOTS_K) + 2
_NAMES = ("offset_k", *(f"rise_above_{knot:g}k" for knot in RISE_KNOTS_K), "warm_air")


@dataclass(frozen=True)
class InletLaw:
    """One zone's inlets. `coefficients[s]` are sensor s's weights of `inlet_features`."""

    sensors: tuple[PointId, ...]
    coefficients: tuple[tuple[float, ...], ...]
    std_k: tuple[float, ...]
    tau_s: float
    air_kw_k: float
    """Heat capacity rate of the zone's supply air at full fan speed. [kW/K]"""
    gain_k: Coverage
    """The air gain d seen in the data: outside it the rise is extrapolated."""

    @cached_property
    def matrix(self) -> Array:
        """Coefficients as an array. Shape (sensors, features)."""
        return np.array(self.coefficients)

    def air_gain_k(self, it_kw: ArrayLike, speed: ArrayLike) -> Array:
        """d of the law. [K]"""
        return np.asarray(np.asarray(it_kw, float) / (self.air_kw_k * np.asarray(speed, float)))

    def settled_c(self, supply_c: ArrayLike, it_kw: ArrayLike, speed: ArrayLike) -> Array:
        """Where each inlet settles. Shape (…) to (…, sensors). [°C]"""
        supply = np.asarray(supply_c, float)
        features = inlet_features(self.air_gain_k(it_kw, speed), supply)
        return np.asarray(supply[..., None] + features @ self.matrix.T)


def inlet_features(gain_k: Array, supply_c: Array, out: Array | None = None) -> Array:
    """Bias, hinges and the warm-air term. Shape (…) to (…, features), into ``out`` where given."""
    if out is None:
        out = np.empty((*np.broadcast_shapes(gain_k.shape, supply_c.shape), FEATURES))
    out[..., 0] = 1.0
    hinges = np.subtract(gain_k[..., None], RISE_KNOTS_K, out=out[..., 1:-1])
    np.maximum(hinges, 0.0, out=hinges)
    out[..., -1] = np.maximum(gain_k - 8.0, 0.0) * np.maximum(supply_c - 20.0, 0.0) / 5.0
    return out


def learn_inlets(signals: Signals, zone: OwnerId, air_kw_k: float) -> tuple[InletLaw, Evidence]:
    """Fit every inlet of a zone, choosing the time constant that explains them best together."""
    points = signals.site.points_of(zone, Quantity.INLET_TEMPERATURE)
    supply = signals.of_zone(zone, Quantity.SUPPLY_AIR_TEMPERATURE)
    gain = signals.of_zone(zone, Quantity.IT_POWER) / (
        air_kw_k * np.maximum(signals.of_zone(zone, Quantity.FAN_SPEED), 0.05)
    )
    measured = signals.stack(points)
    inputs = coverage(air_gain_k=gain, supply_c=supply)
    features = inlet_features(gain, supply)
    trials = [_fit_all(features, supply, measured, signals.step_s, tau) for tau in _TAUS_S]
    # By all that is known: of the few moves that tell it, blocks held out hold now these and now those.
    best = int(np.argmin([left for _, left in trials]))
    fits, _ = trials[best]
    worst = max(fits, key=lambda f: f.std if f.std == f.std else np.inf)
    against = _flat(inputs) + collinear(air_gain_k=gain, supply_c=supply)
    if worst.std > _WORST_STD_K:
        against += (f"inlets scatter by {worst.std:.2f} K about their law, {_WORST_STD_K} K is the most",)
    # Relative to a rise of a kelvin or two CV(RMSE) says little: kelvins decide.
    record = evidence(
        f"{zone}.inlets",
        worst,
        inputs,
        prior_std=1.5,
        worst_cv_rmse=np.inf,
        extra=against,
        names=_NAMES,
        may_stand=True,
    )
    law = InletLaw(
        sensors=tuple(p.id for p in points),
        coefficients=tuple(tuple(float(c) for c in f.coefficients) for f in fits),
        std_k=tuple(f.std if f.std == f.std else 1.5 for f in fits),
        tau_s=_TAUS_S[best],
        air_kw_k=air_kw_k,
        gain_k=next((c for c in inputs if c.name == "air_gain_k"), Coverage("air_gain_k", 7.0, 7.0)),
    )
    return law, record


def compare_inlets(law: InletLaw, signals: Signals, zone: OwnerId) -> tuple[Array, Array]:
    """Measured and predicted inlets of all sensors, one after another. [°C] Shapes (samples · sensors,)."""
    settled = settled_from(law, signals, zone)
    known = np.asarray(~np.isnan(settled).any(axis=1))
    since = _since_gap(known) * signals.step_s > 3 * law.tau_s
    predicted = _lagged(settled, 1.0 - np.exp(-signals.step_s / law.tau_s))
    measured = signals.stack(signals.site.points_of(zone, Quantity.INLET_TEMPERATURE))
    return measured.ravel(), np.where(since[:, None], predicted, np.nan).ravel()


def settled_from(law: InletLaw, signals: Signals, zone: OwnerId) -> Array:
    """Where each inlet would settle under what was measured. Shape (samples, sensors). [°C]"""
    supply = signals.of_zone(zone, Quantity.SUPPLY_AIR_TEMPERATURE)
    speed = np.maximum(signals.of_zone(zone, Quantity.FAN_SPEED), 0.05)
    return law.settled_c(supply, signals.of_zone(zone, Quantity.IT_POWER), speed)


def _flat(inputs: tuple[Coverage, ...]) -> tuple[str, ...]:
    """The supply temperature need not move for the law to hold; the airflow per load must."""
    return tuple(
        f"air gain per load stayed within {c.low:.1f} to {c.high:.1f} K: the effect of fan speed is a prior"
        for c in inputs
        if c.name == "air_gain_k" and c.high - c.low < 0.5
    )


def _fit_all(
    features: Array, supply: Array, measured: Array, step_s: int, tau_s: float
) -> tuple[list[Fit], float]:
    """Every sensor's law at a time constant, and what they leave unexplained of all that is known. [K²]"""
    lag = 1.0 - np.exp(-step_s / tau_s)
    known = ~(np.isnan(features).any(axis=1) | np.isnan(supply))
    settled = np.where(_since_gap(known) * step_s > 3 * tau_s, 1.0, np.nan)
    x = _lagged(features, lag) * settled[:, None]
    base = _lagged(supply[:, None], lag)[:, 0] * settled
    low = np.zeros(FEATURES)
    low[0] = -_BIAS_K
    high = np.full(FEATURES, np.inf)
    high[0] = _BIAS_K
    prior = _prior()
    rises = (measured - base[:, None]).T
    fits = [fit(x, rise, Bounds(low, high), prior) for rise in rises]
    left = [
        np.nanmean((rise - x @ f.coefficients) ** 2)
        for rise, f in zip(rises, fits, strict=True)
        if f.std == f.std
    ]
    return fits, float(np.sum(left))


def _lagged(values: Array, lag: float) -> Array:
    """First-order lag along the first axis; gaps are bridged here and masked by the caller."""
    filled = np.array(values)
    for column in range(filled.shape[1]):
        bad = np.isnan(filled[:, column])
        if bad.all():
            return filled
        where = np.flatnonzero(~bad)
        filled[:, column] = np.interp(np.arange(len(filled)), where, filled[where, column])
    start = (1 - lag) * filled[:1]
    # The mean of an interval lags its own start: half of this step's input counts already.
    inputs = (filled + np.vstack([filled[:1], filled[:-1]])) / 2
    return np.asarray(lfilter([lag], [1.0, -(1 - lag)], inputs, axis=0, zi=start)[0])


def _since_gap(known: Mask) -> Array:
    """Steps since the last unknown sample, at each sample."""
    index = np.arange(len(known))
    last_gap = np.maximum.accumulate(np.where(known, -1, index))
    return np.asarray(index - last_gap, dtype=float)


def _prior() -> Prior:
    gain, supply = (a.ravel() for a in np.meshgrid([4.0, 7.0, 10.0, 13.0, 16.0, 20.0], [18.0, 25.0]))
    rise = _PRIOR_SHARE * gain + _PRIOR_SHORT * np.maximum(gain - _PRIOR_SHORT_FROM_K, 0.0)
    return Prior(inlet_features(gain, supply), rise, samples=3.0)
