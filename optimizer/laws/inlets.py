"""Rack inlets: supply air plus recirculation, with a lag, under a limit."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_inlets(
    block: pyo.Block, steps: pyo.Set, zones: pyo.Set, cuts: pyo.Set, supply_c: pyo.Var, speed: pyo.Var
) -> None:
    """The warmest inlet of each zone.

        rise[t,z]  ≥ level[t,z,k] + slope[t,z,k] · speed[t,z]           for every cut k
        inlet[t,z] = keep[t,z] · inlet[t−1,z] + (1 − keep[t,z]) · (supply[t,z] + rise[t,z])
        inlet[t,z] ≤ limit[t,z] + excess[t,z],  excess ≥ 0

    Rise over speed is convex (it is convex in 1/speed and grows with it), so its tangents hold.
    `limit` has the margin for uncertainty taken off. The limit is soft at a price far above any
    energy, so that a plan exists, and says so, where the limit cannot be kept.
    """
    block.start = parameter(zones)
    block.keep = parameter(steps, zones)
    block.limit = parameter(steps, zones)
    block.level = parameter(steps, zones, cuts)
    block.slope = parameter(steps, zones, cuts)
    block.rise = pyo.Var(steps, zones)
    block.inlet = pyo.Var(steps, zones)
    block.excess = pyo.Var(steps, zones, within=pyo.NonNegativeReals)

    block.recirculation = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: b.rise[t, z] >= b.level[t, z, k] + b.slope[t, z, k] * speed[t, z],
    )

    def lag(b: pyo.Block, t: int, z: int) -> pyo.Expression:
        before = b.start[z] if t == steps.first() else b.inlet[steps.prev(t), z]
        return b.inlet[t, z] == b.keep[t, z] * before + (1 - b.keep[t, z]) * (supply_c[t, z] + b.rise[t, z])

    block.lag = pyo.Constraint(steps, zones, rule=lag)
    block.inlet_limit = pyo.Constraint(
        steps, zones, rule=lambda b, t, z: b.inlet[t, z] <= b.limit[t, z] + b.excess[t, z]
    )


def load_inlets(
    block: pyo.Block, start: Array, keep: Array, limit: Array, level: Array, slope: Array
) -> None:
    """New numbers: `start` (zones,), `keep` and `limit` (steps, zones), cuts (steps, zones, cuts)."""
    load(block.start, start)
    load(block.keep, keep)
    load(block.limit, limit)
    load(block.level, level)
    load(block.slope, slope)
