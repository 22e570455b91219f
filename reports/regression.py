"""Regressions small enough to recompute by hand: least squares with change points.

Forms are compared by cross-validation over blocks of consecutive hours, so that a form which only
follows the noise of one afternoon loses; the covariance is robust to autocorrelation (HAC).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Form = TypeVar("Form")

_CHANGE_POINT_QUANTILES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
_ROWS_PER_PARAMETER = 8
_SIMPLER_WITHIN = 1.02
"""A simpler form is taken if its cross-validated error is within 2 % of the best one's."""
_ILL_CONDITIONED = 1e6
_DAY_H = 24


@dataclass(frozen=True)
class LinearFit:
    """y = X·b. Shapes: coefficients (k,), covariance (k, k), which is kept for whoever audits the fit."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    sigma: float

    def predict(self, design: Array) -> Array:
        """Expected value for each row of `design` (rows, k)."""
        return np.asarray(design @ np.asarray(self.coefficients))


def least_squares(names: Sequence[str], design: Array, y: Array) -> LinearFit:
    """Ordinary least squares with Newey-West (HAC) covariance of up to a day's lag."""
    import statsmodels.api as sm  # heavy to import, needed only when fitting

    lags = max(1, min(_DAY_H, len(y) // 4))
    fit = sm.OLS(y, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    covariance = np.asarray(fit.cov_params(), dtype=float)
    return LinearFit(
        tuple(names),
        tuple(float(b) for b in fit.params),
        tuple(tuple(float(c) for c in row) for row in covariance),
        math.sqrt(float(fit.scale)),
    )


@dataclass(frozen=True, slots=True)
class ChangePointForm:
    """Which terms of load P [kW] and wet bulb T [°C] a meter is explained by.

    `high_c`: T counts above it; `low_c`: T counts below it. None where the form has no such term.
    """

    terms: tuple[str, ...]
    high_c: float | None = None
    low_c: float | None = None

    @property
    def parameters(self) -> int:
        """Coefficients and change points: what fitting used up."""
        return len(self.terms) + (self.high_c is not None) + (self.low_c is not None)

    def design(self, load_kw: Array, wet_bulb_c: Array) -> Array:
        """Design matrix, shape (rows, terms)."""
        above = np.maximum(wet_bulb_c - (self.high_c or 0.0), 0)
        below = np.maximum((self.low_c or 0.0) - wet_bulb_c, 0)
        columns = {
            "1": np.ones_like(load_kw),
            "P": load_kw,
            "T": wet_bulb_c,
            "above": above,
            "P·above": load_kw * above,
            "below": below,
        }
        return np.column_stack([columns[t] for t in self.terms])


_FORMS: tuple[tuple[str, ...], ...] = (
    ("1",),
    ("1", "P"),
    ("1", "P", "T"),
    ("1", "P", "above"),
    ("1", "P", "above", "P·above"),
    ("1", "P", "above", "below"),
    ("1", "P", "above", "P·above", "below"),
)


@dataclass(frozen=True)
class ChangePointFit:
    """One meter as a function of load and wet bulb."""

    form: ChangePointForm
    linear: LinearFit

    def predict(self, load_kw: Array, wet_bulb_c: Array) -> Array:
        """Expected value, shape of the inputs. NaN in, NaN out."""
        return self.linear.predict(self.form.design(load_kw, wet_bulb_c))


def fit_change_points(y: Array, load_kw: Array, wet_bulb_c: Array) -> ChangePointFit:
    """The best form for a meter by blocked cross-validation, the simplest among equals.

    Parameters
    ----------
    y, load_kw, wet_bulb_c : ndarray, shape (n,)
        Hourly means without NaN, n ≥ 2.
    """
    quantiles = np.unique(np.quantile(wet_bulb_c, _CHANGE_POINT_QUANTILES).round(1))
    best = choose(
        [form for terms in _FORMS for form in _with_change_points(terms, quantiles)],
        lambda form: form.design(load_kw, wet_bulb_c),
        y,
        lambda form: form.parameters,
    )
    return ChangePointFit(best, least_squares(best.terms, best.design(load_kw, wet_bulb_c), y))


def _with_change_points(terms: tuple[str, ...], quantiles: Array) -> Iterator[ChangePointForm]:
    highs: Sequence[float | None] = [float(q) for q in quantiles] if "above" in terms else [None]
    lows: Sequence[float | None] = [float(q) for q in quantiles] if "below" in terms else [None]
    for high, low in itertools.product(highs, lows):
        if high is None or low is None or low <= high:
            yield ChangePointForm(terms, high, low)


def choose(
    forms: Sequence[Form],
    design_of: Callable[[Form], Array],
    y: Array,
    parameters_of: Callable[[Form], int],
) -> Form:
    """The form with the least cross-validated error; of those within 2 % of it, the simplest."""
    scored = []
    for form in forms:
        parameters = parameters_of(form)
        if parameters > 1 and len(y) < _ROWS_PER_PARAMETER * parameters:
            continue
        scored.append((cross_validated_rmse(design_of(form), y), parameters, form))
    best = min(score for score, _, _ in scored)
    good = [entry for entry in scored if entry[0] <= best * _SIMPLER_WITHIN]
    return min(good, key=lambda entry: (entry[1], entry[0]))[2]


def cross_validated_rmse(design: Array, y: Array) -> float:
    """Error on held-out blocks of consecutive rows (five, or fewer when there are few days)."""
    if np.linalg.cond(design / np.maximum(np.abs(design).max(axis=0), 1e-12)) > _ILL_CONDITIONED:
        return math.inf
    blocks = np.array_split(np.arange(len(y)), min(5, max(2, len(y) // _DAY_H)))
    squares = 0.0
    for held_out in blocks:
        rest = np.setdiff1d(np.arange(len(y)), held_out)
        solution = np.linalg.lstsq(design[rest], y[rest], rcond=None)[0]
        squares += float(((y[held_out] - design[held_out] @ solution) ** 2).sum())
    return math.sqrt(squares / len(y))
