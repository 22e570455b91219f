"""Every zone's best answers to the plant's prices: what `optimizer.static`'s tables say at some steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.problem import Problem
from optimizer.static import Index, StaticMap
from optimizer.static_sides import SideAnswers, side_answers
from optimizer.trip_table import loop_rises_k
from optimizer.zones import EXTRAPOLATION_STD
from plant.forecast import Array

_KEPT_ZONES = 64
"""Zones whose answers are kept between passes: a megabyte or two each."""
_MISSED_KW_PER_K = 1e4
_BIAS_GROWS = 2.0
"""What an inlet that is warmer than its law says comes to after a trip: its servers draw more air too."""


@dataclass(frozen=True)
class _Taken:
    """What all zones answer to prices: each one's picks, and their sums. Shapes (steps, water levels)."""

    picks: list[Index]
    zones_kw: Array
    """What the zones draw: racks, fans, compressors of their own."""
    water_kw: Array
    """Heat they give to chilled water."""
    flow_kw_k: Array
    excess_k: Array


class Zones:
    """Every zone's answers at some steps. Those of a great many are worked out anew each time."""

    def __init__(self, problem: Problem, tables: StaticMap, steps: Array) -> None:
        self._ask = problem, tables, steps
        self._highest = _highest_supplies(problem, tables, steps)
        self._count = len(tables.zones)
        self._kept = [self._of(z) for z in range(self._count)] if self._count <= _KEPT_ZONES else None

    def _of(self, z: int) -> _ZoneAnswers:
        problem, tables, steps = self._ask
        return _ZoneAnswers.of(problem, tables, z, self._highest[z], steps=steps)

    def atprices(self, heat_price: Array, flow_price: Array) -> _Taken:
        """Each zone's best answer to prices (steps, water levels) of heat and flow."""
        picks: list[Index] = []
        drawn, water, flow, excess = (np.zeros_like(heat_price) for _ in range(4))
        for z in range(self._count):
            zone = self._kept[z] if self._kept is not None else self._of(z)
            pick = zone.best(heat_price, flow_price)
            picks.append(pick)
            heat = zone.taken(zone.heat_kw, pick)
            drawn += heat
            if zone.side is None:
                water += heat
            else:
                drawn += zone.taken(zone.side.own_kw, pick)
                water += zone.taken(zone.side.water_kw, pick)
            flow += zone.flow(pick)
            excess += zone.taken(zone.excess_k, pick) + zone.beyond_k(pick)
        return _Taken(picks, drawn, water, flow, excess)


@dataclass(frozen=True)
class _ZoneAnswers:
    """One zone at each step: what each option gives. Shapes (steps, options[, water levels])."""

    heat_kw: Array
    excess_k: Array
    flow_kw_k: Array
    missed_kw: Array
    """The price, in place of power, of inlets above their limit and of supply that water cannot make."""
    supply_c: Array
    highest_c: Array | None = None
    """Warmest supply air from which a trip is survived, (steps, speeds, water levels)."""
    side: SideAnswers | None = None
    """What it does before chilled water sees its heat; None where that is nothing."""

    @classmethod
    def of(
        cls, problem: Problem, tables: StaticMap, z: int, highest_c: Array | None, *, steps: Array
    ) -> _ZoneAnswers:
        table, world, bank = tables.zones[z], problem.world, problem.model.bank
        reference = world.it_reference_kw[steps, z]
        it = table.at(table.it_kw, reference)
        rise = table.at(table.rise_k, reference)
        gain = table.at(table.gain_k, reference)
        beyond = np.maximum(gain - bank.gain_high_k[z], 0) + np.maximum(bank.gain_low_k[z] - gain, 0)
        load_share = (world.it_std_kw[steps, z] / np.maximum(reference, 1.0))[:, None]
        from_load = table.at(table.rise_per_load_k, reference) * load_share
        std = np.sqrt(bank.std_k[z] ** 2 + from_load**2 + (EXTRAPOLATION_STD * beyond) ** 2)
        bias = float(np.max(world.inlet_bias_k[z]))
        warmest = table.supply_c + rise + bias + problem.margin_k(std, z)
        side = side_answers(problem, table, z, it, steps, tables.chw_c)
        coolest = table.at(table.coolest_k, reference)[..., None] if side is None else side.coolest_k
        short = np.maximum(coolest + tables.chw_c - table.supply_c[:, None], 0.0)
        if highest_c is not None:
            beyond_c = _each_option(highest_c, len(table.supply_c))
            short = short + np.maximum(table.supply_c[:, None] - beyond_c, 0.0)
        excess = np.maximum(warmest - problem.limit_c[z], 0.0)
        return cls(
            heat_kw=it + table.fan_kw,
            excess_k=excess,
            flow_kw_k=table.at(table.flow_kw_k, reference) if side is None else side.flow_kw_k,
            missed_kw=_MISSED_KW_PER_K * (excess[..., None] + short),
            supply_c=table.supply_c,
            highest_c=highest_c,
            side=side,
        )

    def best(self, heat_price: Array, flow_price: Array) -> Index:
        """The best option for each step and water level at given prices. Shape (steps, levels)."""
        if self.side is None:
            drawn = self.heat_kw[..., None] * (1 + heat_price[:, None, :])
        else:
            drawn = self.side.water_kw[..., None] * heat_price[:, None, :]
            drawn += (self.heat_kw + self.side.own_kw)[..., None]
        drawn += self.flow_kw_k * flow_price[:, None, :]
        drawn += self.missed_kw
        return np.asarray(drawn.argmin(axis=1))

    def beyond_k(self, picks: Index) -> Array | float:
        """How far the picked options are beyond what a trip leaves. Shape (steps, levels)."""
        if self.highest_c is None:
            return 0.0
        speeds = self.highest_c.shape[1]
        highest = np.take_along_axis(self.highest_c, (picks % speeds)[:, None, :], axis=1)[:, 0, :]
        return np.asarray(np.maximum(self.supply_c[picks] - highest, 0.0))

    def taken(self, values: Array, picks: Index) -> Array:
        """Values (steps, options) of the picked options. Shape (steps, levels)."""
        return np.asarray(np.take_along_axis(values, picks, axis=1))

    def flow(self, picks: Index) -> Array:
        """Flow of the picked options. Shape (steps, levels)."""
        return np.asarray(np.take_along_axis(self.flow_kw_k, picks[:, None, :], axis=1)[:, 0, :])


def _highest_supplies(problem: Problem, tables: StaticMap, steps: Array) -> Sequence[Array | None]:
    """Warmest supply air from which each zone survives a trip. Shapes (steps, speeds, water levels)."""
    if tables.trips is None:
        return [None] * len(tables.zones)
    world, rises = problem.world, loop_rises_k(problem, steps)
    found = []
    for z, (table, trips) in enumerate(zip(tables.zones, tables.trips, strict=True)):
        load = world.it_reference_kw[steps, z], world.it_std_kw[steps, z]
        highest = trips.warmest_supply_c(load, rises, table.speeds, tables.chw_c)
        found.append(highest - _BIAS_GROWS * max(float(np.nanmax(world.inlet_bias_k[z], initial=0.0)), 0.0))
    return found


def _each_option(by_speed: Array, options: int) -> Array:
    """Values of the fan speeds (steps, speeds, levels) for each option: pairs, speed going round first."""
    return np.asarray(np.tile(by_speed, (1, options // by_speed.shape[1], 1)))
