"""The plant room: chillers, economizer, towers and pumps as one convex cost of what is asked of it."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_plant_room(
    block: pyo.Block,
    steps: pyo.Set,
    cuts: pyo.Set,
    heat_kw: pyo.Expression,
    flow_kw_k: pyo.Var,
    chw_c: pyo.Var,
    cw_c: pyo.Var,
    rate_kw: pyo.Var | None = None,
) -> None:
    """Plant-room power (water's price inside, as power) by planes touching the learned map.

    room_kw[t] ≥ level[t,k] + per_heat[t,k] · heat[t] + per_flow[t,k] · flow[t]
                 + per_chw[t,k] · chw[t] + per_cw[t,k] · cw[t] (+ per_rate[t,k] · rate[t]),   room_kw ≥ 0

    `rate` is what a tank takes, where there is one.
    """
    block.level = parameter(steps, cuts)
    block.per_heat = parameter(steps, cuts)
    block.per_flow = parameter(steps, cuts)
    block.per_chw = parameter(steps, cuts)
    block.per_cw = parameter(steps, cuts)
    block.room_kw = pyo.Var(steps, within=pyo.NonNegativeReals)
    if rate_kw is not None:
        block.per_rate = parameter(steps, cuts)

    def plane(b: pyo.Block, t: int, k: int) -> pyo.Expression:
        beside = 0.0 if rate_kw is None else b.per_rate[t, k] * rate_kw[t]
        return b.room_kw[t] >= (
            b.level[t, k]
            + b.per_heat[t, k] * heat_kw[t]
            + b.per_flow[t, k] * flow_kw_k[t]
            + b.per_chw[t, k] * chw_c[t]
            + b.per_cw[t, k] * cw_c[t]
            + beside
        )

    block.plane = pyo.Constraint(steps, cuts, rule=plane)


def load_plant_room(
    block: pyo.Block,
    level: Array,
    per_heat: Array,
    per_flow: Array,
    per_chw: Array,
    per_cw: Array,
    per_rate: Array | None = None,
) -> None:
    """New planes, shapes (steps, cuts)."""
    load(block.level, level)
    load(block.per_heat, per_heat)
    load(block.per_flow, per_flow)
    load(block.per_chw, per_chw)
    load(block.per_cw, per_cw)
    if per_rate is not None:
        load(block.per_rate, per_rate)
