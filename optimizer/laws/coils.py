"""Coils: air is never cooler than the chilled water and an open valve can make it."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_open_valve(
    block: pyo.Block,
    steps: pyo.Set,
    zones: pyo.Set,
    cuts: pyo.Set,
    supply_c: pyo.Var,
    speed: pyo.Var,
    chw_c: pyo.Var,
) -> None:
    """The warmest water a supply temperature allows.

        supply[t,z] + short[t,z] ≥ chw[t] + level[t,z,k] + slope[t,z,k] · speed[t,z],  short ≥ 0

    Counterflow coil, valve open: T_s = T_w + (Q/C_air)(1/ε − 1). Soft at a price: the plant may
    already be there.
    """
    block.level = parameter(steps, zones, cuts)
    block.slope = parameter(steps, zones, cuts)
    block.short = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.open_valve = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: (
            supply_c[t, z] + b.short[t, z] >= chw_c[t] + b.level[t, z, k] + b.slope[t, z, k] * speed[t, z]
        ),
    )


def load_open_valve(block: pyo.Block, level: Array, slope: Array) -> None:
    """New cuts, shapes (steps, zones, cuts)."""
    load(block.level, level)
    load(block.slope, slope)
