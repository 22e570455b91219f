"""How good a baseline is and how sure a saving: ASHRAE Guideline 14 statistics.

The formulas are those coded in OpenDSM (formerly OpenEEmeter), so that an auditor can recompute
them with it. Error is actual minus predicted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CV_RMSE_LIMIT = 0.30
"""Hourly acceptance limit, ASHRAE Guideline 14-2014. [-]"""
NMBE_LIMIT = 0.10
"""Hourly acceptance limit of the absolute value, ASHRAE Guideline 14-2014. [-]"""
HOURLY_FACTOR = 1.26
"""The empirical factor of the hourly fractional-savings formula. [-]"""
CONFIDENCE = 0.90


@dataclass(frozen=True, slots=True)
class FitStatistics:
    """Residual statistics of one fitted meter over hourly data.

    `n` hours, `p` parameters (change points counted), `mean` of the meter in its own unit,
    `cv_rmse` and `nmbe` as fractions, `rho` the lag-1 autocorrelation of the residuals.
    """

    n: int
    p: int
    mean: float
    cv_rmse: float
    nmbe: float
    rho: float

    @property
    def n_effective(self) -> float:
        """n′ = n (1 − ρ) / (1 + ρ): the hours that tell something new."""
        return self.n * (1 - self.rho) / (1 + self.rho)

    @property
    def cv_rmse_corrected(self) -> float:
        """CV(RMSE) with the degrees of freedom autocorrelation leaves; NaN if it leaves none."""
        left = self.n_effective - self.p
        if left <= 0:
            return math.nan
        return self.cv_rmse * math.sqrt((self.n - self.p) / left)

    def problems(self, meter: str) -> tuple[str, ...]:
        """Why Guideline 14 would not accept this fit. Empty: it is acceptable."""
        found = []
        if not self.cv_rmse <= CV_RMSE_LIMIT:
            found.append(f"{meter}: CV(RMSE) {self.cv_rmse:.1%} is above {CV_RMSE_LIMIT:.0%}")
        if not abs(self.nmbe) <= NMBE_LIMIT:
            found.append(f"{meter}: NMBE {self.nmbe:+.1%} is beyond ±{NMBE_LIMIT:.0%}")
        return tuple(found)


def fit_statistics(actual: Array, predicted: Array, p: int, follows: NDArray[np.bool_]) -> FitStatistics:
    """Statistics of a fit.

    Parameters
    ----------
    actual, predicted : ndarray, shape (n,)
        Hourly means, without NaN.
    p : int
        Parameters the prediction used up.
    follows : ndarray of bool, shape (n,)
        Whether a row is the hour right after the row before it; only such pairs tell ρ.

    References
    ----------
    ASHRAE Guideline 14-2014: CV(RMSE) = sqrt(Σe²/(n−p))/ȳ, NMBE = Σe/((n−1)ȳ).
    """
    n = len(actual)
    error = actual - predicted
    mean = float(actual.mean()) if n else math.nan
    if n <= p + 1 or not mean > 0:
        return FitStatistics(n, p, mean, math.nan, math.nan, 0.0)
    rmse = math.sqrt(float(error @ error) / (n - p))
    nmbe = float(error.sum()) / ((n - 1) * mean)
    return FitStatistics(n, p, mean, rmse / mean, nmbe, _lag_one(error, follows))


def _lag_one(error: Array, follows: NDArray[np.bool_]) -> float:
    """Lag-1 autocorrelation over consecutive pairs; never negative, so that it only widens."""
    later = np.flatnonzero(follows)
    spread = float(((error - error.mean()) ** 2).mean())
    if len(later) < 3 or spread <= 0:
        return 0.0
    before, after = error[later - 1], error[later]
    scale = float(before.std() * after.std())
    if scale <= 0:
        return 0.0
    rho = float(((before - before.mean()) * (after - after.mean())).mean()) / scale
    return min(max(rho, 0.0), 0.999)


def saving_half_width(
    predicted: float, hours: float, fit: FitStatistics, confidence: float = CONFIDENCE
) -> float:
    """Half width of the two-sided interval that we state for a saving, in the unit of `predicted`.

    The Guideline 14 half width with CV(RMSE) and t at the degrees of freedom that autocorrelation
    leaves: k · t(n′−p) · E · CV′ · sqrt(n / (m n′) · (1 + 2/n′)). It is wider than `guideline_half_width`,
    which covers the truth too rarely where weeks of strongly autocorrelated hours were fitted
    (`benchmarks.savings_coverage` shows both).

    Parameters
    ----------
    predicted : float
        Baseline amount over the reporting period.
    hours : float
        Reporting hours m. Under one hour the residuals are one draw, so m is then 1.

    Returns
    -------
    float
        NaN where the baseline data do not carry an interval: see `too_few_hours`.
    """
    if too_few_hours(fit) or math.isnan(predicted) or hours <= 0:
        return math.nan
    cv, freedom = fit.cv_rmse_corrected, fit.n_effective - fit.p
    return _half_width(predicted, hours, fit, cv, freedom, confidence)


def guideline_half_width(
    predicted: float, hours: float, fit: FitStatistics, confidence: float = CONFIDENCE
) -> float:
    """Half width ΔE by Guideline 14 exactly as OpenDSM codes it; arguments as of `saving_half_width`.

    ΔE = k · t(n−p) · E · CV(RMSE) · sqrt(n / (m n′) · (1 + 2/n′)). Fractional savings uncertainty is ΔE
    over the saving.

    References
    ----------
    OpenDSM 1.2.7, `opendsm.common.metrics.ReportingMetrics.total_savings_uncertainty`.
    """
    if math.isnan(fit.cv_rmse) or math.isnan(predicted) or hours <= 0 or fit.n <= fit.p:
        return math.nan
    return _half_width(predicted, hours, fit, fit.cv_rmse, fit.n - fit.p, confidence)


def _half_width(
    predicted: float, hours: float, fit: FitStatistics, cv: float, freedom: float, confidence: float
) -> float:
    from scipy.stats import t as student  # heavy to import, needed only here

    t_value = float(student.ppf(1 - (1 - confidence) / 2, freedom))
    effective = fit.n_effective
    spread = math.sqrt(fit.n / (max(hours, 1.0) * effective) * (1 + 2 / effective))
    return HOURLY_FACTOR * t_value * abs(predicted) * cv * spread


def too_few_hours(fit: FitStatistics) -> bool:
    """Whether autocorrelation leaves no more independent hours than the fit has parameters."""
    return not fit.n_effective > fit.p
