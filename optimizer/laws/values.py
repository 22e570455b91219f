"""Filling mutable parameters from arrays."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from plant.forecast import Array

_ZERO = 1e-8


def parameter(*sets: pyo.Set, start: float = 0.0) -> pyo.Param:
    """A number that changes between solves while the structure stays."""
    return pyo.Param(*sets, mutable=True, initialize=start)


def load(param: pyo.Param, values: Array) -> None:
    """Set an indexed parameter from an array whose axes are its sets, in order.

    What is as good as zero becomes zero: HiGHS would say so on the console for each coefficient.
    """
    clean = np.where(np.abs(values) < _ZERO, 0.0, values)
    for key, value in zip(param.index_set(), clean.ravel().tolist(), strict=True):
        param[key] = value
