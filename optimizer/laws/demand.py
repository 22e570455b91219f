"""The demand charge: what each month's highest quarter hour costs, beyond what is paid in any case."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_demand(block: pyo.Block, steps: pyo.Set, months: pyo.Set, controlled_kw: pyo.Expression) -> None:
    """The peak of each month above the one that it pays for in any case.

        Σ_m within[t, m] · peak[m] ≥ fixed[t] + controlled[t] − paid[t],   peak ≥ 0
        cost = charge · Σ_m peak[m]

    `within` is 1 for the month a step is in, else 0, and `paid` that month's. `fixed` is what the plan
    cannot choose (IT and its losses), `controlled` what it can.
    """
    block.paid = parameter(steps)
    block.within = parameter(steps, months)
    block.charge = parameter()
    block.fixed = parameter(steps)
    block.peak_kw = pyo.Var(months, within=pyo.NonNegativeReals)
    block.above = pyo.Constraint(
        steps,
        rule=lambda b, t: (
            sum(b.within[t, m] * b.peak_kw[m] for m in months) >= b.fixed[t] + controlled_kw[t] - b.paid[t]
        ),
    )
    block.cost = pyo.Expression(expr=block.charge * sum(block.peak_kw[m] for m in months))


def load_demand(
    block: pyo.Block, within: Array, paid_kw: Array, charge_per_kw: float, fixed_kw: Array
) -> None:
    """New numbers; `within` (steps, months), `paid_kw` and `fixed_kw` (steps,)."""
    load(block.within, within)
    load(block.paid, paid_kw)
    load(block.charge, charge_per_kw)
    load(block.fixed, fixed_kw)
