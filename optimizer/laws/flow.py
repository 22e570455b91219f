"""Chilled-water flow: what all coils together ask for."""

from __future__ import annotations

import pyomo.environ as pyo

from optimizer.laws.values import load, parameter
from plant.forecast import Array


def add_flow(
    block: pyo.Block,
    steps: pyo.Set,
    zones: pyo.Set,
    cuts: pyo.Set,
    supply_c: pyo.Var,
    speed: pyo.Var,
    beyond_kw: pyo.Expression,
    chw_c: pyo.Var,
) -> None:
    """Total flow as heat capacity rate, by tangents of the coils' effectiveness–NTU law.

        flow[t] ≥ level[t,k] + Σ_z (per_supply · supply + per_speed · speed + per_heat · beyond)[t,z,k]
                  + per_chw[t,k] · chw[t],   flow ≥ 0

    `beyond_kw` is a zone's heat beyond its IT reference. Flow rises ever faster as air and water come
    closer, so its tangents bound it.
    """
    block.level = parameter(steps, cuts)
    block.per_supply = parameter(steps, zones, cuts)
    block.per_speed = parameter(steps, zones, cuts)
    block.per_heat = parameter(steps, zones, cuts)
    block.per_chw = parameter(steps, cuts)
    block.flow_kw_k = pyo.Var(steps, within=pyo.NonNegativeReals)

    def tangent(b: pyo.Block, t: int, k: int) -> pyo.Expression:
        asked = sum(
            b.per_supply[t, z, k] * supply_c[t, z]
            + b.per_speed[t, z, k] * speed[t, z]
            + b.per_heat[t, z, k] * beyond_kw[t, z]
            for z in zones
        )
        return b.flow_kw_k[t] >= b.level[t, k] + asked + b.per_chw[t, k] * chw_c[t]

    block.tangent = pyo.Constraint(steps, cuts, rule=tangent)


def load_flow(
    block: pyo.Block, level: Array, per_supply: Array, per_speed: Array, per_heat: Array, per_chw: Array
) -> None:
    """New tangents: `level` and `per_chw` (steps, cuts), the others (steps, zones, cuts)."""
    load(block.level, level)
    load(block.per_supply, per_supply)
    load(block.per_speed, per_speed)
    load(block.per_heat, per_heat)
    load(block.per_chw, per_chw)
