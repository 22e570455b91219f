"""Room units with their own compressors: what taking up a zone's heat draws."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_compressors(
    block: pyo.Block,
    steps: pyo.Set,
    zones: pyo.Set,
    cuts: pyo.Set,
    supply_c: pyo.Var,
    speed: pyo.Var,
    beyond_kw: pyo.Expression,
) -> None:
    """Compressor power of each zone's units by planes touching the learned law.

        kw[t,z] ≥ level[t,z,k] + per_supply[t,z,k] · supply[t,z] + per_speed[t,z,k] · speed[t,z]
                  + per_heat[t,z,k] · beyond[t,z],   kw ≥ 0

    `beyond` is the zone's heat beyond its IT reference. Zones cooled by water have zeros. The outdoor
    air and the load of each step are in the numbers.
    """
    block.level = parameter(steps, zones, cuts)
    block.per_supply = parameter(steps, zones, cuts)
    block.per_speed = parameter(steps, zones, cuts)
    block.per_heat = parameter(steps, zones, cuts)
    block.price = parameter(steps)
    block.kw = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.compressors = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: (
            b.kw[t, z]
            >= b.level[t, z, k]
            + b.per_supply[t, z, k] * supply_c[t, z]
            + b.per_speed[t, z, k] * speed[t, z]
            + b.per_heat[t, z, k] * beyond_kw[t, z]
        ),
    )
    block.cost = pyo.Expression(expr=sum(block.price[t] * block.kw[t, z] for t in steps for z in zones))


def load_compressors(
    block: pyo.Block, price: Array, level: Array, per_supply: Array, per_speed: Array, per_heat: Array
) -> None:
    """New numbers: `price` of a kilowatt over the step (steps,), planes (steps, zones, cuts)."""
    load(block.price, price)
    load(block.level, level)
    load(block.per_supply, per_supply)
    load(block.per_speed, per_speed)
    load(block.per_heat, per_heat)
