"""Numbers that change between solves: declared in a law, filled from arrays."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from plant.forecast import Array

_ZERO = 1e-8


def parameter(*sets: pyo.Set, start: float = 0.0) -> pyo.Param:
    """A number that changes between solves while the structure stays."""
    return pyo.Param(*sets, mutable=True, initialize=start)


def load(param: pyo.Param, values: Array | float) -> None:
    """Set a parameter from an array whose axes are its sets, in order.

    In a compiled program (`optimizer.compiled`) the numbers go straight to the vector the matrix is
    made from, and Pyomo's own values stay as they were; `restore` brings them along.
    """
    numbers = np.asarray(values, dtype=float)
    held = getattr(param, "compiled_numbers", None)
    if held is None or not param.is_indexed():
        _set(param, numbers)
    else:
        if numbers.size != held.size:
            raise ValueError(f"{param.name} takes {held.size} numbers, not {numbers.size}")
        held[:] = numbers.ravel()


def hold(param: pyo.Param, numbers: Array) -> None:
    """From now on `load` fills ``numbers``, which begin as the parameter's present values."""
    param.compiled_numbers = numbers
    refresh(param)


def refresh(param: pyo.Param) -> None:
    """Take a held parameter's numbers from Pyomo's own: single ones may be set there directly."""
    param.compiled_numbers[:] = [pyo.value(param[key]) for key in param.index_set()]


def restore(model: pyo.ConcreteModel) -> None:
    """Write what was loaded into Pyomo's own parameters, to look at the model as Pyomo sees it."""
    for param in model.component_objects(pyo.Param):
        held = getattr(param, "compiled_numbers", None)
        if held is not None:
            _set(param, held)


def without_dust(numbers: Array) -> Array:
    """What is as good as zero becomes zero: a solver scales by the smallest number it sees."""
    return np.where(np.abs(numbers) < _ZERO, 0.0, numbers)


def _set(param: pyo.Param, values: Array) -> None:
    for key, value in zip(param.index_set(), without_dust(values).ravel().tolist(), strict=True):
        param[key] = value
