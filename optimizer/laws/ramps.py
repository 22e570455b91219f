"""How far levers may go and how fast."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_ramps(block: pyo.Block, steps: pyo.Set, axes: pyo.Set, setpoint: pyo.Var) -> None:
    """Ranges, and moves no larger than the levers allow.

        low[t,a] ≤ x[t,a] ≤ high[t,a],  |x[t,a] − x[t−1,a]| ≤ moved[t,a] ≤ reach[t,a]

    x[−1] is where the lever stands. `low` and `high` are the lever's range cut to the neighborhood
    in which the other laws' cuts hold.
    """
    block.present = parameter(axes)
    block.reach = parameter(steps, axes)
    block.low = parameter(steps, axes)
    block.high = parameter(steps, axes)
    block.moved = pyo.Var(steps, axes, within=pyo.NonNegativeReals)

    def before(b: pyo.Block, t: int, a: int) -> pyo.Expression:
        return b.present[a] if t == steps.first() else setpoint[steps.prev(t), a]

    block.not_below = pyo.Constraint(steps, axes, rule=lambda b, t, a: setpoint[t, a] >= b.low[t, a])
    block.not_above = pyo.Constraint(steps, axes, rule=lambda b, t, a: setpoint[t, a] <= b.high[t, a])
    block.up = pyo.Constraint(
        steps, axes, rule=lambda b, t, a: setpoint[t, a] - before(b, t, a) <= b.moved[t, a]
    )
    block.down = pyo.Constraint(
        steps, axes, rule=lambda b, t, a: before(b, t, a) - setpoint[t, a] <= b.moved[t, a]
    )
    block.within_reach = pyo.Constraint(steps, axes, rule=lambda b, t, a: b.moved[t, a] <= b.reach[t, a])


def load_ramps(block: pyo.Block, present: Array, reach: Array, low: Array, high: Array) -> None:
    """New numbers: `present` (axes,), the others (steps, axes)."""
    load(block.present, present)
    load(block.reach, reach)
    load(block.low, low)
    load(block.high, high)
