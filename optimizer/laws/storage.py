"""A chilled-water tank: what goes in stays in, but for what is lost."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_storage(block: pyo.Block, steps: pyo.Set, rate_kw: pyo.Var) -> None:
    """What a tank holds, and what is left in it at the end.

        stored[t] = keep[t] · stored[t−1] + hours[t] · (rate[t] + lacking[t] − spilled[t])
        0 ≤ stored[t] ≤ capacity,   lacking, spilled ≥ 0
        cost = price · Σ hours · (lacking + spilled) − worth · stored[last]

    Positive rates charge. `worth` is what a kilowatt-hour left at the end saves later: without it
    every plan would end with an empty tank. A rate the tank cannot take or give is paid at a price
    far above any energy, so that a program around any path has an answer.
    """
    block.start = parameter()
    block.capacity = parameter()
    block.worth = parameter()
    block.price = parameter()
    block.keep = parameter(steps, start=1.0)
    block.hours = parameter(steps)
    block.stored_kwh = pyo.Var(steps, within=pyo.NonNegativeReals)
    block.lacking_kw = pyo.Var(steps, within=pyo.NonNegativeReals)
    block.spilled_kw = pyo.Var(steps, within=pyo.NonNegativeReals)

    def balance(b: pyo.Block, t: int) -> pyo.Expression:
        before = b.start if t == steps.first() else b.stored_kwh[steps.prev(t)]
        net = rate_kw[t] + b.lacking_kw[t] - b.spilled_kw[t]
        return b.stored_kwh[t] == b.keep[t] * before + b.hours[t] * net

    block.balance = pyo.Constraint(steps, rule=balance)
    block.not_overfull = pyo.Constraint(steps, rule=lambda b, t: b.stored_kwh[t] <= b.capacity)
    wrong = sum(block.hours[t] * (block.lacking_kw[t] + block.spilled_kw[t]) for t in steps)
    block.cost = pyo.Expression(expr=block.price * wrong - block.worth * block.stored_kwh[steps.last()])


def load_storage(
    block: pyo.Block,
    start_kwh: float,
    capacity_kwh: float,
    worth: float,
    price: float,
    keep: Array,
    hours: Array,
) -> None:
    """New numbers: `worth` and `price` in currency per kWh of cold, the arrays (steps,)."""
    load(block.start, start_kwh)
    load(block.capacity, capacity_kwh)
    load(block.worth, worth)
    load(block.price, price)
    load(block.keep, keep)
    load(block.hours, hours)
