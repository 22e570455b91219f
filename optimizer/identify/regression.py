"""Least squares under sign constraints, with a nameplate prior as a few pseudo-observations.

Where the data move an input, they decide; where they do not, the prior does. A bound that is
physics (power does not fall with load) is a bound here, never a hope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import lsq_linear

from optimizer.identify.evidence import Coverage, Evidence, Origin
from optimizer.identify.intervals import Data, Place, estimates
from plant.forecast import Array

LEAST_SAMPLES = 48
_HOLD_OUT_EVERY = 4
_HOLD_OUT_BLOCKS = 16
_CELLS = 8
_Z90 = 1.645
_TOGETHER = 0.98
_MOVED = 0.05
"""An input whose standard deviation is less than this (K, or its own unit) has not moved."""
_STOOD_SHARE = 0.02
"""Inputs that all stayed within this share of themselves teach one point, and no shape."""


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest value of each coefficient. Shape (features,)."""

    low: Array
    high: Array

    @classmethod
    def nonnegative(cls, features: int) -> Bounds:
        """Every coefficient at least zero."""
        return cls(np.zeros(features), np.full(features, np.inf))


@dataclass(frozen=True)
class Prior:
    """What we would believe without data: rows of features with their targets.

    `samples` is how many observations all the rows together count for.
    """

    features: Array
    target: Array
    samples: float = 8.0


@dataclass(frozen=True)
class Fit:
    """Coefficients and hold-out errors. Shape of `coefficients` and `half_width`: (features,).

    `half_width` is how far noise alone would carry each coefficient (90 %), NaN where it sits on a bound:
    a prior's pull is not in it. What is stated to people is reckoned from ``data`` (`identify.intervals`).
    """

    coefficients: Array
    samples: int
    std: float
    cv_rmse: float
    nmbe: float
    half_width: Array
    data: Data = field(repr=False, compare=False)


def fit(features: Array, target: Array, bounds: Bounds, prior: Prior, *, even_few: bool = False) -> Fit:
    """Bounded least squares on the rows without NaN.

    Every fourth of sixteen consecutive blocks is held out to measure the error; the coefficients
    returned then use all rows. Too few for that are left out, or (``even_few``) count beside the prior
    with no error known.

    Parameters
    ----------
    features : ndarray, shape (samples, features)
    target : ndarray, shape (samples,)

    References
    ----------
    Bounded-variable least squares: Stark & Parker, Computational Statistics 10, 1995.
    """
    known = ~np.isnan(target) & ~np.isnan(features).any(axis=1)
    x, y = features[known], target[known]
    samples, data = int(known.sum()), Data(x, y, bounds.low, bounds.high)
    if samples < LEAST_SAMPLES:
        unknown = np.full(features.shape[1], np.nan)
        used = samples if even_few else 0
        return Fit(_solve(x[:used], y[:used], bounds, prior), samples, np.nan, np.nan, np.nan, unknown, data)
    block = np.arange(samples) * _HOLD_OUT_BLOCKS // samples
    held = block % _HOLD_OUT_EVERY == _HOLD_OUT_EVERY - 1
    weight = _balance(x)
    trial = _solve(x[~held], y[~held], bounds, prior, weight[~held])
    std, cv_rmse, nmbe = errors(y[held], x[held] @ trial)
    found = _solve(x, y, bounds, prior, weight)
    width = _half_width(x, y, found, bounds, prior, weight)
    return Fit(found, samples, std, cv_rmse, nmbe, width, data)


def _half_width(x: Array, y: Array, found: Array, bounds: Bounds, prior: Prior, weight: Array) -> Array:
    """Half the 90 % interval of each free coefficient.

    The sandwich estimate for weighted least squares (White 1980), widened for residuals that follow
    each other: n samples with lag-one correlation ρ are worth n (1 − ρ)/(1 + ρ) (ASHRAE Guideline 14).
    """
    margin = 1e-6 * np.maximum(np.abs(found), 1e-6)
    free = (found > bounds.low + margin) & (found < bounds.high - margin)
    width = np.full(len(found), np.nan)
    if not free.any():
        return width
    residual = y - x @ found
    share = np.sqrt(prior.samples / max(len(prior.target), 1))
    mine = x[:, free] * weight[:, None]
    rows = np.vstack([mine, share * prior.features[:, free]])
    scale = np.maximum(np.sqrt(np.mean(rows**2, axis=0)), 1e-9)
    bread = np.linalg.pinv((rows / scale).T @ (rows / scale))
    push = mine / scale * (weight * residual)[:, None]
    spread = bread @ (push.T @ push) @ bread
    follows = float(np.corrcoef(residual[1:], residual[:-1])[0, 1]) if np.std(residual) > 0 else 0.0
    follows = min(max(follows, 0.0), 0.98)
    variance = np.maximum(np.diag(spread), 0.0) * (1 + follows) / (1 - follows)
    width[free] = _Z90 * np.sqrt(variance) / scale
    return width


def collinear(**inputs: Array) -> tuple[str, ...]:
    """A reason for each pair of inputs that moved, but only together."""
    names = list(inputs)
    reasons = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a, b = inputs[first], inputs[second]
            known = ~(np.isnan(a) | np.isnan(b))
            if known.sum() < LEAST_SAMPLES or min(np.std(a[known]), np.std(b[known])) < _MOVED:
                continue
            together = abs(float(np.corrcoef(a[known], b[known])[0, 1]))
            if together > _TOGETHER:
                reasons.append(
                    f"{first} and {second} only moved together (correlation {together:.2f}): "
                    "their effects cannot be told apart"
                )
    return tuple(reasons)


def _balance(x: Array) -> Array:
    """Weights that let every region of the inputs count alike, however long the plant stood there.

    A site is run at one setpoint for months and stepped for days; unweighted, a curve would be
    shaped by the one point and merely pass near the others. Cells are an eighth of each input's
    range; a sample weighs as one over the root of its cell's count.
    """
    low, high = np.percentile(x, [1, 99], axis=0)
    cell = np.floor((x - low) / np.maximum((high - low) / _CELLS, 1e-9)).clip(-1, _CELLS)
    _, inverse, count = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[inverse.ravel()])
    return np.asarray(weight / np.sqrt(np.mean(weight**2)))


def errors(measured: Array, predicted: Array) -> tuple[float, float, float]:
    """Residual standard deviation about zero, CV(RMSE) and NMBE (predicted minus measured)."""
    residual = predicted - measured
    rmse = float(np.sqrt(np.mean(residual**2)))
    scale = max(abs(float(np.mean(measured))), 1e-9)
    return rmse, rmse / scale, float(np.mean(residual)) / scale


def _solve(x: Array, y: Array, bounds: Bounds, prior: Prior, sample_weight: Array | None = None) -> Array:
    weight = np.sqrt(prior.samples / max(len(prior.target), 1))
    mine = np.ones(len(y)) if sample_weight is None else sample_weight
    rows = np.vstack([x * mine[:, None], weight * prior.features])
    values = np.concatenate([y * mine, weight * prior.target])
    scale = np.maximum(np.sqrt(np.mean(rows**2, axis=0)), 1e-9)
    # QR first: the same minimum from a square of the number of features.
    r = np.asarray(np.linalg.qr(np.column_stack([rows / scale, values]), mode="r"))
    features = rows.shape[1]
    solved = lsq_linear(
        r[:features, :features], r[:features, -1], (bounds.low * scale, bounds.high * scale), method="bvls"
    )
    return np.asarray(solved.x / scale)


def coverage(**inputs: Array) -> tuple[Coverage, ...]:
    """The 1st to 99th percentile of each named input that has data."""
    found = []
    for name, values in inputs.items():
        known = values[~np.isnan(values)]
        if known.size:
            low, high = np.percentile(known, [1, 99])
            found.append(Coverage(name, float(low), float(high)))
    return tuple(found)


def unmoved(inputs: tuple[Coverage, ...]) -> tuple[str, ...]:
    """A reason where nothing that a law depends on moved: of its shape the data then say nothing."""
    if not inputs or any(c.high - c.low > _STOOD_SHARE * max(abs(c.low), abs(c.high)) for c in inputs):
        return ()
    stood = ", ".join(f"{c.name} {c.low:.4g} to {c.high:.4g}" for c in inputs)
    return (f"nothing it depends on moved ({stood}): its shape is a prior",)


def evidence(
    name: str,
    fitted: Fit,
    inputs: tuple[Coverage, ...],
    *,
    prior_std: float,
    worst_cv_rmse: float,
    extra: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    places: Mapping[str, Place] | None = None,
    may_stand: bool = False,
) -> Evidence:
    """Turn a fit into its record, disqualified where data were too few or still, or the error too large.

    `names` are the coefficients', in order ("" is not told of), `places` are on the law's curve; 90 %
    intervals of both go into the record. ``may_stand`` is for laws with reasons of their own, and
    for inputs nobody moves: machines that always run, one-speed fans.
    """
    if fitted.samples < LEAST_SAMPLES:
        reason = f"{fitted.samples} usable samples, {LEAST_SAMPLES} are needed: nameplate values are used"
        return Evidence(
            name, Origin.NAMEPLATE, fitted.samples, prior_std, np.nan, np.nan, inputs, (reason, *extra)
        )
    against = [*extra, *(() if may_stand else unmoved(inputs))]
    if not fitted.cv_rmse <= worst_cv_rmse:
        against.append(f"hold-out CV(RMSE) {fitted.cv_rmse:.0%} is above {worst_cv_rmse:.0%}")
    return Evidence(
        name,
        Origin.LEARNED,
        fitted.samples,
        max(fitted.std, 1e-6),
        fitted.cv_rmse,
        fitted.nmbe,
        inputs,
        tuple(against),
        estimates(fitted.data, fitted.coefficients, names, places or {}) if names else (),
    )
