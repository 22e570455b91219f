"""How good a baseline is and how sure a saving: ASHRAE Guideline 14 statistics, and our interval.

Guideline 14's formulas are those coded in OpenDSM (formerly OpenEEmeter), so that an auditor can recompute
them with it. Its interval covers the truth too rarely where a few weeks were fitted and the next ones are
warmer or colder (`benchmarks.savings_coverage` shows both); the one we state is built for that. Error is
actual minus predicted.
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
SPARSE_ALLOWANCE = 0.04
"""What a baseline may be wrong by in weather it saw little of, as a share of its energy there. [-]

An empirical factor: chosen on 480 simulated sites in four climates with other seeds than those that
`benchmarks.savings_coverage` prints. There nearly all of a baseline's error was in hours beyond the middle
90 % of the fitted wet bulb.
"""
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
    predicted: float,
    hours: float,
    fit: FitStatistics,
    sparse: float = 0.0,
    confidence: float = CONFIDENCE,
) -> float:
    """Half width of the two-sided interval that we state for a saving, in the unit of `predicted`.

    Three parts in quadrature: the noise of the reported hours, the coefficients, and weather that was
    hardly seen. The first two are t(n′−p) · E · CV″ · sqrt(n/n′ · (1/m + p/n)) with
    CV″² = CV² · (n−p)/n · n′/(n′−p): autocorrelation leaves n′ hours that tell something, so the residual
    variance is divided by n′−p of them and hours add up n/n′ times slower than independent ones. p/n is how
    unsure a fit is at one of its own hours (the mean leverage). The third is `SPARSE_ALLOWANCE` of `sparse`.

    Parameters
    ----------
    predicted : float
        Baseline amount over the reporting period.
    hours : float
        Reporting hours m. Under one hour the residuals are one draw, so m is then 1.
    sparse : float
        The part of `predicted` in weather beyond the middle 90 % of what was fitted.

    Returns
    -------
    float
        NaN where the baseline data do not carry an interval: see `too_few_hours`.
    """
    if too_few_hours(fit) or math.isnan(predicted) or hours <= 0:
        return math.nan
    from scipy.stats import t as student  # heavy to import, needed only here

    effective = fit.n_effective
    left = effective - fit.p
    cv = fit.cv_rmse * math.sqrt((fit.n - fit.p) / fit.n * effective / left)
    t_value = float(student.ppf(1 - (1 - confidence) / 2, left))
    spread = math.sqrt(fit.n / effective * (1 / max(hours, 1.0) + fit.p / fit.n))
    return math.hypot(t_value * abs(predicted) * cv * spread, SPARSE_ALLOWANCE * sparse)


def guideline_half_width(
    predicted: float, hours: float, fit: FitStatistics, confidence: float = CONFIDENCE
) -> float:
    """Half width by Guideline 14 exactly as OpenDSM codes it; arguments as of `saving_half_width`.

    ΔE = k · t(n−p) · E · CV(RMSE) · sqrt(n / (m n′) · (1 + 2/n′)). Fractional savings uncertainty is ΔE
    over the saving.

    References
    ----------
    OpenDSM 1.2.7, `opendsm.common.metrics.ReportingMetrics.total_savings_uncertainty`.
    """
    if math.isnan(fit.cv_rmse) or math.isnan(predicted) or hours <= 0 or fit.n <= fit.p:
        return math.nan
    from scipy.stats import t as student  # heavy to import, needed only here

    t_value = float(student.ppf(1 - (1 - confidence) / 2, fit.n - fit.p))
    effective = fit.n_effective
    spread = math.sqrt(fit.n / (max(hours, 1.0) * effective) * (1 + 2 / effective))
    return HOURLY_FACTOR * t_value * abs(predicted) * fit.cv_rmse * spread


def too_few_hours(fit: FitStatistics) -> bool:
    """Whether autocorrelation leaves no more independent hours than the fit has parameters."""
    return not fit.n_effective > fit.p
