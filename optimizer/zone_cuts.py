"""Cuts of what zones do by themselves: outdoor air taken in, and what their own compressors draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.cuts import Reference
from optimizer.problem import Problem
from plant.forecast import Array

UNIT_SHIFTS = np.array([[0.0, 0.0], [1.5, 0.0], [-1.5, 0.0], [0.0, 0.08], [0.0, -0.08]])
"""Where the laws are touched: shifts of supply air and fan speed from the reference. [K, -]"""
_SUPPLY_STEP_K, _SPEED_STEP, _HEAT_SHARE, _LEAST_KW = 0.25, 0.01, 0.02, 1.0


@dataclass(frozen=True)
class ZonePlanes:
    """level + per_supply · supply + per_speed · speed + per_heat · beyond. Shapes (blocks, zones, cuts).

    `beyond` is heat beyond a zone's IT reference: server rise and air fans; for compressors less what
    outdoor air takes.
    """

    level: Array
    per_supply: Array
    per_speed: Array
    per_heat: Array

    @property
    def each(self) -> tuple[Array, Array, Array, Array]:
        """In the order the laws load them."""
        return self.level, self.per_supply, self.per_speed, self.per_heat


def unit_cuts(problem: Problem, at: Reference) -> ZonePlanes:
    """Compressor power: planes below the law, none above it at the reference."""
    bank = problem.model.bank

    def drawn_kw(supply: Array, speed: Array, heat: Array) -> Array:
        if bank.units is None or at.outside is None:
            return np.zeros_like(heat)
        # The fan's own heat stands still here: it is in `heat`, and a per cent of it in the return air.
        entering = supply + (heat - at.fan_kw) / (bank.coils.air_kw_k * speed)
        return bank.units.power_kw(heat, at.outside.dry_c, entering)

    return _touched(at, np.maximum(at.left_kw, _LEAST_KW), drawn_kw, above=False)


def damper_cuts(problem: Problem, at: Reference) -> ZonePlanes:
    """Heat outdoor air takes: planes above the law, none below it at the reference."""
    bank = problem.model.bank

    def taken_kw(supply: Array, speed: Array, heat: Array) -> Array:
        if bank.dampers is None or at.outside is None:
            return np.zeros_like(heat)
        air = bank.coils.air_kw_k * speed
        return bank.dampers.taken_kw(heat, air, supply + (heat - at.fan_kw) / air, at.outside)

    return _touched(at, bank.it_by_air_kw(at.it_kw) + at.fan_kw, taken_kw, above=True)


def _touched(
    at: Reference, heat_kw: Array, law: Callable[[Array, Array, Array], Array], *, above: bool
) -> ZonePlanes:
    """Tangents of a law of (supply, speed, heat) at the reference and around it."""
    shifts = UNIT_SHIFTS[:, :, None, None]
    supply, speed = at.supply_c + shifts[:, 0], np.clip(at.speed + shifts[:, 1], 0.15, 1.1)
    heat = np.broadcast_to(heat_kw, supply.shape)
    base = law(supply, speed, heat)
    per_supply = (law(supply + _SUPPLY_STEP_K, speed, heat) - base) / _SUPPLY_STEP_K
    per_speed = (law(supply, speed + _SPEED_STEP, heat) - base) / _SPEED_STEP
    per_heat = (law(supply, speed, heat * (1 + _HEAT_SHARE)) - base) / (_HEAT_SHARE * heat)
    beyond = heat_kw - at.air_reference_kw
    level = base - per_supply * supply - per_speed * speed - per_heat * beyond
    here = level + per_supply * at.supply_c + per_speed * at.speed + per_heat * beyond
    # Where it is not convex a tangent from the side may cut off the reference itself.
    wrong = here - here[0]
    level = level - (np.minimum(wrong, 0.0) if above else np.maximum(wrong, 0.0))
    return ZonePlanes(*(np.moveaxis(a, 0, -1) for a in (level, per_supply, per_speed, per_heat)))
