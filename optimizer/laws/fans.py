"""CRAH fans: the fan law."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_fan_power(block: pyo.Block, steps: pyo.Set, zones: pyo.Set, cuts: pyo.Set, speed: pyo.Var) -> None:
    """Fan power by tangents of a polynomial with positive weights, convex in speed.

    fan_kw[t,z] ≥ level[t,z,k] + slope[t,z,k] · speed[t,z]
    """
    block.level = parameter(steps, zones, cuts)
    block.slope = parameter(steps, zones, cuts)
    block.fan_kw = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.fan_law = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: b.fan_kw[t, z] >= b.level[t, z, k] + b.slope[t, z, k] * speed[t, z],
    )


def load_fan_power(block: pyo.Block, level: Array, slope: Array) -> None:
    """New cuts, shapes (steps, zones, cuts)."""
    load(block.level, level)
    load(block.slope, slope)
