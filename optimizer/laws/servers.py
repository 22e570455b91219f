"""Server fans: IT power that grows with inlet temperature."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_server_rise(block: pyo.Block, steps: pyo.Set, zones: pyo.Set, cuts: pyo.Set, inlet: pyo.Var) -> None:
    """What warm inlets add to the IT power the users ask for.

        rise_kw[t,z] ≥ level[t,z,k] + slope[t,z,k] · inlet[t,z],  rise_kw ≥ 0

    The learned law is a sum of hinges with positive weights: convex, so its tangents bound it.
    """
    block.level = parameter(steps, zones, cuts)
    block.slope = parameter(steps, zones, cuts)
    block.rise_kw = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.warm_air = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: b.rise_kw[t, z] >= b.level[t, z, k] + b.slope[t, z, k] * inlet[t, z],
    )


def load_server_rise(block: pyo.Block, level: Array, slope: Array) -> None:
    """New cuts, shapes (steps, zones, cuts)."""
    load(block.level, level)
    load(block.slope, slope)
