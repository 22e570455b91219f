"""The per-step search in zones that do something with their heat before chilled water sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optimizer.costs import SHORT_PRICE
from optimizer.problem import Problem
from optimizer.room_side import DamperBank, Outside, room_side
from optimizer.room_units import UnitBank
from plant.forecast import Array

DRY_K = 100.0
"""So much colder than its water may a zone be that has none: no water is too warm for it."""


class Options(Protocol):
    """A zone's options (n,): pairs of supply air and fan speed."""

    @property
    def supply_c(self) -> Array:
        """[°C]"""

    @property
    def speed(self) -> Array:
        """[-]"""

    @property
    def fan_kw(self) -> Array:
        """[kW]"""


@dataclass(frozen=True)
class SideAnswers:
    """What each option leads to at each step. Shapes (steps, options[, water levels])."""

    own_kw: Array
    """What the zone's compressors and relief fans draw."""
    water_kw: Array
    """Heat left for chilled water."""
    flow_kw_k: Array
    coolest_k: Array
    """How far above the water the coolest supply air is."""


def side_answers(
    problem: Problem, options: Options, z: int, it_kw: Array, steps: Array, chw_c: Array
) -> SideAnswers | None:
    """One zone's, `it_kw` (steps, options); None where all its heat goes to chilled water."""
    zone, outside = problem.model.zones[z], problem.outside
    bank = problem.model.bank
    by_air = 1.0 if bank.by_air is None else float(bank.by_air[z])
    if outside is None or (zone.dx is None and zone.outdoor is None and by_air == 1.0):
        return None
    it_kw = by_air * it_kw
    heat, air = it_kw + options.fan_kw, zone.coil.air_kw_k * options.speed
    leave = np.broadcast_to(outside.leave, (outside.leave.shape[0], len(problem.model.zones)))
    one = Outside(outside.dry_c[steps][..., None], leave[steps][:, z, None, None])
    # One zone, so the zones' axis is added and taken off again.
    side = room_side(
        None if zone.dx is None else UnitBank.of((zone.dx,)),
        None if zone.outdoor is None else DamperBank.of((zone.outdoor,)),
        heat[..., None],
        (options.supply_c + it_kw / air)[..., None],
        np.broadcast_to(air, heat.shape)[..., None],
        one,
    )
    own = side.own_kw[..., 0] + SHORT_PRICE * side.short_kw[..., 0]
    span = side.left_kw[..., 0] / air
    if zone.dx is not None:
        dry = np.zeros_like(own)
        return SideAnswers(own, dry, dry[..., None], np.full_like(own, -DRY_K)[..., None])
    approach = np.maximum((options.supply_c + span)[..., None] - chw_c, 0.1)
    speed = np.broadcast_to(options.speed[:, None], approach.shape)
    share = zone.coil.water_share(speed, np.minimum(span[..., None] / approach, 1.0))
    excess = span * (1 / zone.coil.best_effectiveness(options.speed) - 1)
    return SideAnswers(own, side.left_kw[..., 0], share * zone.coil.water_kw_k, excess[..., None])
