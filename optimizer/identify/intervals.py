"""90 % intervals of what a law's data tell: its coefficients, and its curve at named places.

A prior pulls, and signs hold: where features resemble each other (1, r, r², r³, r⁵ of a fan), neither the
estimate's own scatter nor any formula for free coefficients tells how far from the truth it may be. So an
interval here holds every value with which the data alone, without the prior, are explained within the signs
nearly as well as they can be: strict bounds one at a time (Rust & Burrus, Mathematical Programming and the
Numerical Solution of Linear Equations, 1972), a likelihood ratio test turned about. Where a sign can hold,
one degree of freedom is too few for it (Batlle et al., arXiv:2310.02461): two are taken, which held for
the worst coefficient of these laws. The estimate itself always belongs to its interval.

How nearly, is told by what residuals do along the way the number would be moved: their own size there, and
that they follow each other (White, Econometrica 48, 1980; n samples whose pushes have lag-one correlation ρ
are worth n (1 − ρ)/(1 + ρ), ASHRAE Guideline 14).

A coefficient is true or not only in a law of the truth's own form. A place on the curve has a true value
always: there the samples nearest to it are heard too, in case the form cannot follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear
from scipy.stats import f as fisher

from optimizer.identify.evidence import Estimate
from optimizer.identify.furthest import Valley, furthest
from plant.forecast import Array

CONFIDENCE = 0.9
_CLASS = 0.002
"""Of a reading: what the best meters (class 0.2, IEC 62053-22) may be off, which does not average out."""
_LEAST_ERROR = _CLASS / 3**0.5
"""What a sample is believed to err at least, of the mean reading: evenly spread within that class."""
_LEAST_FREEDOM = 3.0
_NEAR_SHARE, _NEAR_LEAST = 0.1, 12
_PLACES, _BESIDE = (0.5, 0.75, 1.0), 0.02
_MEDIAN_OF_SQUARE = 0.4549
"""Of a standard normal number."""
_OPEN = 100.0
"""A number that adds so many times the mean reading is told by nothing."""


@dataclass(frozen=True)
class Data:
    """What a law was fitted to, rows without NaN, and the bounds of its coefficients."""

    features: Array
    target: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Place:
    """A law's features somewhere, for so many alike machines: what is told is for one of them."""

    features: Array
    of: float = 1.0


@dataclass(frozen=True)
class Told:
    """What data tell of a linear law by themselves. Features and coefficients are scaled to be alike."""

    valley: Valley
    scale: Array
    """Zero for a feature that never was other than zero: the rest does not know it. Shape (all features,)."""
    features: Array
    residual: Array
    typical: float
    """The readings' root mean square."""
    jitter: float
    """Variance of what differs from one sample to the next."""

    @classmethod
    def of(cls, data: Data) -> Told:
        """Fit again without the prior."""
        y = data.target
        scale = np.sqrt(np.mean(data.features**2, axis=0))
        seen = scale > 0
        x = data.features[:, seen] / scale[seen]
        low, high, size = data.low[seen] * scale[seen], data.high[seen] * scale[seen], int(seen.sum())
        r = np.asarray(np.linalg.qr(np.column_stack([x, y]), mode="r"))
        r, z = r[:size, :size], r[:size, -1]
        best = np.asarray(lsq_linear(r, z, (low, high), method="bvls", tol=1e-14).x) if size else z
        valley = Valley(r.T @ r, best, r.T @ (r @ best - z), low, high)
        residual = y - x @ best
        # Half the squared step is the variance; steps of levers are few, and the median does not see them.
        jitter = float(np.median(np.diff(residual) ** 2)) / 2 / _MEDIAN_OF_SQUARE
        return cls(valley, scale, x, residual, float(np.sqrt(np.mean(y**2))), jitter)

    def coefficient(self, name: str, k: int, value: float) -> Estimate:
        """The k-th coefficient with its interval; an end that the data leave open is NaN."""
        return self._estimate(name, np.eye(len(self.scale))[k], value, near=False)

    def at(self, name: str, place: Place, coefficients: Array) -> Estimate:
        """The curve at a place with its interval."""
        all_of_them = float(place.features @ coefficients)
        e = self._estimate(name, place.features, all_of_them, near=True)
        return Estimate(name, e.value / place.of, e.low / place.of, e.high / place.of)

    def _estimate(self, name: str, row: Array, value: float, *, near: bool) -> Estimate:
        """The interval of ``row`` times the coefficients."""
        seen = self.scale > 0
        if np.any(row[~seen]):
            return Estimate(name, value, np.nan, np.nan)
        goal = row[seen] / self.scale[seen]
        low, high = -self._reach(-goal), self._reach(goal)
        if near:
            others = self._near(goal)
            low, high = min(low, others[0]), max(high, others[1])
            low, high = low - _CLASS * abs(low), high + _CLASS * abs(high)
        low, high = float(min(low, value)) + 0.0, float(max(high, value)) + 0.0
        most = _OPEN * self.typical * max(float(np.max(np.abs(goal))), 1e-12)
        return Estimate(name, value, low if low >= -most else np.nan, high if high <= most else np.nan)

    def _reach(self, goal: Array) -> float:
        """How far up ``goal`` times the coefficients may be."""
        first = furthest(self.valley, goal, self._room(goal, 0, 2))
        found = furthest(self.valley, goal, self._room(first.moved, first.free, 2))
        if found.held:
            return found.value
        return furthest(self.valley, goal, self._room(first.moved, first.free, 1)).value

    def _room(self, way: Array, free: int, freedom: int) -> float:
        """Squares above the least that are no reason against coefficients moved that ``way``."""
        moved = self.features @ way
        samples, weight = len(moved), max(float(moved @ moved), 1e-300)
        push = moved * self.residual
        grow = _grow(push)
        left = max(samples / grow - free, _LEAST_FREEDOM)
        variance = float(push @ push) / weight * samples / max(samples - free, 1)
        variance = max(variance, (_LEAST_ERROR * self.typical) ** 2)
        return freedom * float(fisher.ppf(CONFIDENCE, freedom, left)) * variance * grow

    def _near(self, goal: Array) -> tuple[float, float]:
        """What the samples nearest to a place say of the curve there, where its form cannot follow them."""
        samples = len(self.residual)
        count = min(samples, max(_NEAR_LEAST, round(_NEAR_SHARE * samples)))
        away = np.sum((self.features - goal) ** 2, axis=1)
        near = np.sort(np.argsort(away, kind="stable")[:count])
        left, there = self.residual[near], float(goal @ self.valley.lowest)
        beside = self.features[near] @ self.valley.lowest - there
        # At the end of what was seen all samples lie to one side: a line through them, not their mean.
        line = np.column_stack([np.ones(count), beside])
        pulls = np.linalg.pinv(line)
        off, tilt = pulls @ left
        left = left - off - tilt * beside
        # Samples in a row tell one thing, and what differs from row to row more than from sample to sample
        # may be the form's doing: it does not average out.
        stretch = np.cumsum(np.diff(near, prepend=near[0]) > 1)
        sums = np.bincount(stretch, pulls[0] * left)
        stays = max(float(left @ left) / (count - 2) - self.jitter, 0.0)
        freedom = max(len(sums) - 2, _LEAST_FREEDOM)
        half = np.sqrt(float(fisher.ppf(CONFIDENCE, 1, freedom)) * (float(sums @ sums) + stays))
        middle = there + float(off)
        return middle - half, middle + half


def _grow(push: Array) -> float:
    """How many times fewer samples these are worth, for following each other."""
    about = push - np.mean(push)
    follows = float(about[1:] @ about[:-1]) / max(float(about @ about), 1e-300)
    follows = min(max(follows, 0.0), 0.98)
    return (1 + follows) / (1 - follows)


def estimates(
    data: Data, coefficients: Array, names: tuple[str, ...], places: Mapping[str, Place]
) -> tuple[Estimate, ...]:
    """Intervals of named coefficients ("" is left out) and of the curve at named places."""
    told = Told.of(data)
    values = enumerate(zip(names, coefficients.tolist(), strict=False))
    named = [told.coefficient(name, k, value) for k, (name, value) in values if name]
    return (*named, *(told.at(name, place, coefficients) for name, place in places.items()))


def shares_seen(share: Array) -> dict[str, float]:
    """A half, three quarters and all of a rating by their names, as far as the data went there."""
    known = share[~np.isnan(share)]
    if not known.size:
        return {}
    low, high = np.percentile(known, [1, 99])
    return {f"at_{100 * s:.0f}_percent_kw": s for s in _PLACES if low - _BESIDE <= s <= high + _BESIDE}


def places_seen(share: Array, features: Callable[[float], Array]) -> dict[str, Place]:
    """Those as places of a law that depends on this share alone."""
    return {name: Place(features(s)) for name, s in shares_seen(share).items()}
