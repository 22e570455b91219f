"""Room for a trip: how warm air and water may be, and how slow fans, if any one machine may stop."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_trip_room(
    block: pyo.Block,
    steps: pyo.Set,
    zones: pyo.Set,
    cuts: pyo.Set,
    supply_c: pyo.Var,
    speed: pyo.Var,
    chw_c: pyo.Var,
) -> None:
    """The warmest inlet after the worst trip stays under the allowable limit.

        level[t,z,k] + per_speed[t,z,k]·speed[t,z] + per_supply[t,z]·supply[t,z] + per_chw[t,z]·chw[t]
            ≤ missing[t,z],   missing ≥ 0

    `level` has the limit taken off. What is left over speed is convex, so its chords hold between where
    they were taken. Soft at a price: the plant may already be there.
    """
    block.level = parameter(steps, zones, cuts)
    block.per_speed = parameter(steps, zones, cuts)
    block.per_supply = parameter(steps, zones)
    block.per_chw = parameter(steps, zones)
    block.missing = pyo.Var(steps, zones, within=pyo.NonNegativeReals)
    block.room = pyo.Constraint(
        steps,
        zones,
        cuts,
        rule=lambda b, t, z, k: (
            b.level[t, z, k]
            + b.per_speed[t, z, k] * speed[t, z]
            + b.per_supply[t, z] * supply_c[t, z]
            + b.per_chw[t, z] * chw_c[t]
            <= b.missing[t, z]
        ),
    )


def load_trip_room(
    block: pyo.Block, level: Array, per_speed: Array, per_supply: Array, per_chw: Array
) -> None:
    """New cuts: (steps, zones, cuts) twice, then (steps, zones) twice."""
    load(block.level, level)
    load(block.per_speed, per_speed)
    load(block.per_supply, per_supply)
    load(block.per_chw, per_chw)
