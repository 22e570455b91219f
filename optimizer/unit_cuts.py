"""Cuts of the compressors in room units: what a zone's own cooling draws, as a function of its levers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.cuts import Reference
from optimizer.problem import Problem
from plant.forecast import Array

UNIT_SHIFTS = np.array([[0.0, 0.0], [1.5, 0.0], [-1.5, 0.0], [0.0, 0.08], [0.0, -0.08]])
"""Where compressor power is touched: shifts of supply air and fan speed from the reference. [K, -]"""
_SUPPLY_STEP_K, _SPEED_STEP, _HEAT_SHARE = 0.25, 0.01, 0.02


@dataclass(frozen=True)
class UnitCuts:
    """kw ≥ level + per_supply · supply + per_speed · speed + per_heat · beyond. Shapes (blocks, zones, cuts).

    `beyond` is a zone's heat beyond its IT reference: server rise and air fans.
    """

    level: Array
    per_supply: Array
    per_speed: Array
    per_heat: Array


def unit_cuts(problem: Problem, at: Reference) -> UnitCuts:
    """Tangents at the reference and around it; none is above the law at the reference itself."""
    shifts = UNIT_SHIFTS[:, :, None, None]
    supply, speed = at.supply_c + shifts[:, 0], np.clip(at.speed + shifts[:, 1], 0.15, 1.1)
    heat = np.broadcast_to(at.it_kw + at.fan_kw, supply.shape)
    base = _drawn_kw(problem, at, supply, speed, heat)
    per_supply = (_drawn_kw(problem, at, supply + _SUPPLY_STEP_K, speed, heat) - base) / _SUPPLY_STEP_K
    per_speed = (_drawn_kw(problem, at, supply, speed + _SPEED_STEP, heat) - base) / _SPEED_STEP
    per_heat = (_drawn_kw(problem, at, supply, speed, heat * (1 + _HEAT_SHARE)) - base) / (_HEAT_SHARE * heat)
    beyond = at.it_kw + at.fan_kw - at.it_reference_kw
    level = base - per_supply * supply - per_speed * speed - per_heat * beyond
    here = level + per_supply * at.supply_c + per_speed * at.speed + per_heat * beyond
    # Where it is not convex a tangent from the side may cut above the reference itself.
    level = level - np.maximum(here - here[0], 0.0)
    return UnitCuts(*(np.moveaxis(a, 0, -1) for a in (level, per_supply, per_speed, per_heat)))


def _drawn_kw(problem: Problem, at: Reference, supply: Array, speed: Array, heat: Array) -> Array:
    bank = problem.model.bank
    if bank.units is None:
        return np.zeros_like(heat)
    # The fan's own heat stands still here: it is in `heat`, and a per cent of it in the return air.
    back = supply + (heat - at.fan_kw) / (bank.air_kw_k * speed)
    return bank.units.power_kw(heat, at.outdoor_c[:, None], back)
