"""Numbers of a program as polynomials of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plant.errors import BrokenPromise
from plant.forecast import Array

Formula: TypeAlias = dict[tuple[int, ...], float]
"""Parameters multiplied (none, one or two of them, by position) to factor."""


@dataclass(frozen=True)
class Formulas:
    """Polynomials of one vector of parameters, evaluated together."""

    constant: Array
    factors: csr_matrix
    pairs: NDArray[np.intp]

    def at(self, numbers: Array) -> Array:
        """Their values."""
        if len(self.pairs):
            numbers = np.concatenate([numbers, numbers[self.pairs[:, 0]] * numbers[self.pairs[:, 1]]])
        return np.asarray(self.constant + self.factors @ numbers)

    @classmethod
    def of(cls, formulas: Sequence[Formula], parameters: int) -> Formulas:
        """Gather formulas over a vector of ``parameters`` numbers."""
        keys = [(row, key, f) for row, formula in enumerate(formulas) for key, f in formula.items() if key]
        pairs = sorted({(k[0], k[1]) for _, k, _ in keys if len(k) == 2})
        at = {pair: parameters + i for i, pair in enumerate(pairs)}
        column = [k[0] if len(k) == 1 else at[k[0], k[1]] for _, k, _ in keys]
        shape = (len(formulas), parameters + len(pairs))
        factors = csr_matrix(([f for *_, f in keys], ([row for row, *_ in keys], column)), shape=shape)
        constant = np.array([formula.get((), 0.0) for formula in formulas])
        return cls(constant, factors, np.array(pairs, dtype=np.intp).reshape(-1, 2))


def added(a: Formula, b: Formula, factor: float = 1.0) -> Formula:
    """a + factor · b."""
    out = dict(a)
    for key, value in b.items():
        out[key] = out.get(key, 0.0) + factor * value
    return out


def scaled(a: Formula, factor: float) -> Formula:
    """factor · a."""
    return {key: value * factor for key, value in a.items()}


def multiplied(a: Formula, b: Formula) -> Formula:
    """a · b.

    Raises
    ------
    BrokenPromise
        Where three parameters meet.
    """
    out: Formula = {}
    for (i, x), (j, y) in ((p, q) for p in a.items() for q in b.items()):
        key = tuple(sorted(i + j))
        if len(key) > 2:
            raise BrokenPromise("a coefficient multiplies three parameters: load their product as one")
        out[key] = out.get(key, 0.0) + x * y
    return out
