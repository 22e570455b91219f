"""Work that may wait: IT power put off now is run later, and no later than it was promised."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_deferral(block: pyo.Block, steps: pyo.Set) -> None:
    """Power put off, work waiting, and work caught up.

        waiting[t] = waiting[t−1] + hours[t] · (put_off[t] − caught_up[t]),   waiting[t] ≥ 0
        0 ≤ put_off[t] ≤ high[t],  0 ≤ caught_up[t] ≤ spare[t],  waiting[last] ≤ owed

    `owed` is what may still wait at the end: with what waited at the start, no work is lost and none
    is made up. The load the plant sees is lower by `put_off` and higher by `caught_up`.
    """
    block.start = pyo.Param(mutable=True, initialize=0.0)
    block.owed = pyo.Param(mutable=True, initialize=0.0)
    block.hours = parameter(steps)
    block.high = parameter(steps)
    block.spare = parameter(steps)
    block.put_off_kw = pyo.Var(steps, within=pyo.NonNegativeReals)
    block.caught_up_kw = pyo.Var(steps, within=pyo.NonNegativeReals)
    block.waiting_kwh = pyo.Var(steps, within=pyo.NonNegativeReals)

    def balance(b: pyo.Block, t: int) -> pyo.Expression:
        before = b.start if t == steps.first() else b.waiting_kwh[steps.prev(t)]
        return b.waiting_kwh[t] == before + b.hours[t] * (b.put_off_kw[t] - b.caught_up_kw[t])

    block.balance = pyo.Constraint(steps, rule=balance)
    block.no_more_put_off = pyo.Constraint(steps, rule=lambda b, t: b.put_off_kw[t] <= b.high[t])
    block.no_faster_caught_up = pyo.Constraint(steps, rule=lambda b, t: b.caught_up_kw[t] <= b.spare[t])
    block.run_by_the_end = pyo.Constraint(expr=block.waiting_kwh[steps.last()] <= block.owed)
    block.net_kw = pyo.Expression(steps, rule=lambda b, t: b.caught_up_kw[t] - b.put_off_kw[t])


def load_deferral(
    block: pyo.Block, start_kwh: float, owed_kwh: float, hours: Array, high: Array, spare: Array
) -> None:
    """New numbers; the arrays (steps,)."""
    block.start.set_value(start_kwh)
    block.owed.set_value(owed_kwh)
    load(block.hours, hours)
    load(block.high, high)
    load(block.spare, spare)
