"""Filling mutable parameters from arrays."""

from __future__ import annotations

import pyomo.environ as pyo

from plant.forecast import Array


def parameter(*sets: pyo.Set, start: float = 0.0) -> pyo.Param:
    """A number that changes between solves while the structure stays."""
    return pyo.Param(*sets, mutable=True, initialize=start)


def load(param: pyo.Param, values: Array) -> None:
    """Set an indexed parameter from an array whose axes are its sets, in order."""
    for key, value in zip(param.index_set(), values.ravel().tolist(), strict=True):
        param[key] = value
