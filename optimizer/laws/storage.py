"""A chilled-water tank: what goes in stays in, but for what is lost."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_storage(block: pyo.Block, steps: pyo.Set) -> None:
    """Charge and rate of the tank (positive charges), and what is left in it at the end.

        stored[t] = keep[t] · stored[t−1] + hours[t] · rate[t],   0 ≤ stored[t] ≤ capacity
        −most ≤ low[t] ≤ rate[t] ≤ high[t] ≤ most

    `worth` is what a kilowatt-hour left at the end saves later: without it every plan would end with
    an empty tank. `low` and `high` are the machine's limits cut to the neighborhood in which the
    plant room's planes hold.
    """
    block.start = pyo.Param(mutable=True, initialize=0.0)
    block.capacity = pyo.Param(mutable=True, initialize=0.0)
    block.worth = pyo.Param(mutable=True, initialize=0.0)
    block.keep = parameter(steps, start=1.0)
    block.hours = parameter(steps)
    block.low = parameter(steps)
    block.high = parameter(steps)
    block.rate_kw = pyo.Var(steps)
    block.stored_kwh = pyo.Var(steps, within=pyo.NonNegativeReals)

    def balance(b: pyo.Block, t: int) -> pyo.Expression:
        before = b.start if t == steps.first() else b.stored_kwh[steps.prev(t)]
        return b.stored_kwh[t] == b.keep[t] * before + b.hours[t] * b.rate_kw[t]

    block.balance = pyo.Constraint(steps, rule=balance)
    block.not_overfull = pyo.Constraint(steps, rule=lambda b, t: b.stored_kwh[t] <= b.capacity)
    block.not_slower = pyo.Constraint(steps, rule=lambda b, t: b.rate_kw[t] >= b.low[t])
    block.not_faster = pyo.Constraint(steps, rule=lambda b, t: b.rate_kw[t] <= b.high[t])
    block.left_worth = pyo.Expression(expr=block.worth * block.stored_kwh[steps.last()])


def load_storage(
    block: pyo.Block,
    start_kwh: float,
    capacity_kwh: float,
    worth: float,
    keep: Array,
    hours: Array,
    low: Array,
    high: Array,
) -> None:
    """New numbers: `worth` in currency per kWh of cold, the arrays (steps,)."""
    block.start.set_value(start_kwh)
    block.capacity.set_value(capacity_kwh)
    block.worth.set_value(worth)
    load(block.keep, keep)
    load(block.hours, hours)
    load(block.low, low)
    load(block.high, high)
