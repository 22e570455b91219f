"""The demand charge: what the month's highest quarter hour costs, beyond the peak already billed."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_demand(block: pyo.Block, steps: pyo.Set, controlled_kw: pyo.Expression) -> None:
    """The peak above the one already billed.

        peak ≥ fixed[t] + controlled[t] − billed,   peak ≥ 0;   cost = charge · peak

    `fixed` is what the plan cannot choose (IT and its losses), `controlled` what it can.
    """
    block.billed = parameter()
    block.charge = parameter()
    block.fixed = parameter(steps)
    block.peak_kw = pyo.Var(within=pyo.NonNegativeReals)
    block.above = pyo.Constraint(
        steps, rule=lambda b, t: b.peak_kw >= b.fixed[t] + controlled_kw[t] - b.billed
    )
    block.cost = pyo.Expression(expr=block.charge * block.peak_kw)


def load_demand(block: pyo.Block, billed_kw: float, charge_per_kw: float, fixed_kw: Array) -> None:
    """New numbers; `fixed_kw` (steps,)."""
    load(block.billed, billed_kw)
    load(block.charge, charge_per_kw)
    load(block.fixed, fixed_kw)
