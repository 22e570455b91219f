"""Outdoor-air dampers: heat that leaves a zone without anybody cooling it."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_outdoor_air(
    block: pyo.Block,
    steps: pyo.Set,
    zones: pyo.Set,
    cuts: pyo.Set,
    supply_c: pyo.Var,
    speed: pyo.Var,
    beyond_kw: pyo.Expression,
) -> None:
    """Heat outdoor air takes, by planes above the learned law.

        taken[t,z] ≤ level[t,z,k] + per_supply[t,z,k] · supply[t,z] + per_speed[t,z,k] · speed[t,z]
                     + per_heat[t,z,k] · beyond[t,z],   taken ≥ 0

    What is taken is the least of the zone's heat and of what wide open dampers let out, which grows
    with the return air's warmth: the least of planes bounds it. Dew-point limits, the schedule's leave
    and the weather of each step are in the numbers; a zone without dampers has zeros. Whatever cools
    the rest costs money, so the bound is reached.
    """
    block.level = parameter(steps, zones, cuts)
    block.per_supply = parameter(steps, zones, cuts)
    block.per_speed = parameter(steps, zones, cuts)
    block.per_heat = parameter(steps, zones, cuts)
    block.taken_kw = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.dampers = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: (
            b.taken_kw[t, z]
            <= b.level[t, z, k]
            + b.per_supply[t, z, k] * supply_c[t, z]
            + b.per_speed[t, z, k] * speed[t, z]
            + b.per_heat[t, z, k] * beyond_kw[t, z]
        ),
    )


def load_outdoor_air(
    block: pyo.Block, level: Array, per_supply: Array, per_speed: Array, per_heat: Array
) -> None:
    """New planes, shapes (steps, zones, cuts)."""
    load(block.level, level)
    load(block.per_supply, per_supply)
    load(block.per_speed, per_speed)
    load(block.per_heat, per_heat)
