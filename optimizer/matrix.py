"""A linear program as arrays, the way HiGHS takes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plant.forecast import Array

Index: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class Matrix:
    """A program as HiGHS takes it, rows compressed."""

    cost: Array
    offset: float
    col_lower: Array
    col_upper: Array
    row_lower: Array
    row_upper: Array
    start: Index
    index: Index
    value: Array
    integral: Index

    @property
    def columns(self) -> int:
        """How many variables."""
        return len(self.cost)

    @property
    def rows(self) -> int:
        """How many constraints that are not bounds."""
        return len(self.row_lower)

    @property
    def discrete(self) -> bool:
        """Whether some variable is whole."""
        return bool(self.integral.any())

    @cached_property
    def sparse(self) -> csr_matrix:
        """The coefficients. Shape (rows, columns)."""
        return csr_matrix((self.value, self.index, self.start), shape=(self.rows, self.columns))

    def worst_violation(self, solution: Array) -> float:
        """The farthest a point lies outside a bound, a row or the whole numbers, relative to its size."""
        row_of = np.repeat(np.arange(self.rows), np.diff(self.start))
        activity = np.bincount(row_of, self.value * solution[self.index], self.rows).astype(float)
        outside = [
            _outside(solution, self.col_lower, self.col_upper),
            _outside(activity, self.row_lower, self.row_upper),
            np.abs(solution - np.round(solution))[self.integral > 0],
        ]
        return max((float(o.max()) for o in outside if o.size), default=0.0)


def _outside(value: Array, lower: Array, upper: Array) -> Array:
    beyond = np.maximum(np.maximum(lower - value, value - upper), 0.0)
    return np.asarray(beyond / np.maximum(1.0, np.abs(value)))
