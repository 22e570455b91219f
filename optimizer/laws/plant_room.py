"""The plant room: chillers, economizer, towers and pumps as one convex cost of what is asked of it."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_plant_room(
    block: pyo.Block, steps: pyo.Set, axes: pyo.Set, cuts: pyo.Set, setpoint: pyo.Var, heat_kw: pyo.Expression
) -> None:
    """Plant-room power (water's price inside, as power) by planes touching the learned map.

        room_kw[t] ≥ level[t,k] + per_heat[t,k] · heat[t] + Σ_a per_axis[t,a,k] · x[t,a],  room_kw ≥ 0

    Supply air and fan speed are in it because they decide how much water the coils ask for.
    """
    block.level = parameter(steps, cuts)
    block.per_heat = parameter(steps, cuts)
    block.per_axis = parameter(steps, axes, cuts)
    block.room_kw = pyo.Var(steps, within=pyo.NonNegativeReals)

    def plane(b: pyo.Block, t: int, k: int) -> pyo.Expression:
        moved = sum(b.per_axis[t, a, k] * setpoint[t, a] for a in axes)
        return b.room_kw[t] >= b.level[t, k] + b.per_heat[t, k] * heat_kw[t] + moved

    block.plane = pyo.Constraint(steps, cuts, rule=plane)


def load_plant_room(block: pyo.Block, level: Array, per_heat: Array, per_axis: Array) -> None:
    """New planes: (steps, cuts), (steps, cuts), (steps, axes, cuts)."""
    load(block.level, level)
    load(block.per_heat, per_heat)
    load(block.per_axis, per_axis)
