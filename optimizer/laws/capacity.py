"""Machines: those that may run carry no more than they can."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_capacity(block: pyo.Block, steps: pyo.Set, heat_kw: pyo.Var, rate_kw: pyo.Var | None = None) -> None:
    """Load on the chillers and what they can carry.

        level[t] + per_heat[t] · heat[t] (+ rate[t]) ≤ capacity[t] + short[t],   short ≥ 0

    `capacity` is that of the machines asked for and of the economizer as the reference has it. What
    is short is paid at a price far above any energy: racks would warm.
    """
    block.level = parameter(steps)
    block.per_heat = parameter(steps)
    block.capacity = parameter(steps)
    block.short_price = parameter(steps)
    block.short_kw = pyo.Var(steps, within=pyo.NonNegativeReals)

    def carried(b: pyo.Block, t: int) -> pyo.Expression:
        load_kw = b.level[t] + b.per_heat[t] * heat_kw[t]
        if rate_kw is not None:
            load_kw = load_kw + rate_kw[t]
        return load_kw <= b.capacity[t] + b.short_kw[t]

    block.carried = pyo.Constraint(steps, rule=carried)
    block.cost = pyo.Expression(expr=sum(block.short_price[t] * block.short_kw[t] for t in steps))


def load_capacity(block: pyo.Block, level: Array, per_heat: Array, capacity: Array, price: Array) -> None:
    """New numbers (steps,); ``price`` is money for a kilowatt short over the step."""
    load(block.level, level)
    load(block.per_heat, per_heat)
    load(block.capacity, capacity)
    load(block.short_price, price)
