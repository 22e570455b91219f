"""The warmest supply air from which a zone comes through a trip, tabulated for the search.

`optimizer.after_trip` reckons what racks would see for any position of the levers; the search asks it of
every option of every step. So it is reckoned on a grid once for a model, and read between its points. Both
ways to come to harm, an air unit's trip and a loop that warms when a chiller trips, grow with supply air:
for each step, fan speed and water one supply temperature tells every option apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from optimizer.after_trip import air_trip_c, loop_rise_k, standing, warm_loop_c
from optimizer.before_trip import Before
from optimizer.contingency import KEPT_K, keeps_room
from optimizer.identify.load_growth import LEAST
from optimizer.problem import Problem
from plant.forecast import Array

_LOADS = np.linspace(0.05, 1.25, 13)
"""Share of a zone's design load."""
_SPREADS = np.array([LEAST, 0.1, 0.25])
"""Standard deviation of the load, as a share of it."""
_SUPPLIES, _SPEEDS, _WATERS, _LOOPS = 6, 9, 6, 6
_LOOP_K = 12.0
"""How much warmer than the warmest setpoint the loop is tabulated for."""
_GRID_K = 0.1
"""Room kept beyond what is reckoned: between the points of the grid it is bent."""


@dataclass(frozen=True)
class TripTable:
    """One zone's excess over its limit [K]: by load, its spread, supply air, fan speed, water."""

    design_kw: float
    supply_c: Array
    speed: Array
    water_c: Array
    loop_c: Array
    after_air: Array
    """An air unit trips: water as it is."""
    after_loop: Array
    """A chiller trips: by what the loop warms to."""

    def warmest_supply_c(
        self, load: tuple[Array, Array], loop_rise_k: Array, speed: Array, chw_c: Array
    ) -> Array:
        """At steps of such ``load`` and spread [kW], and such a rise. Shape (steps, speeds, waters). [°C]"""
        air = self._at(self.after_air, load, speed)
        loop = self._at(self.after_loop, load, speed)
        air = _between(air, np.broadcast_to(_place(self.water_c, chw_c), (len(air), len(chw_c))))
        loop = _between(loop, _place(self.loop_c, chw_c + loop_rise_k[:, None]))
        return np.minimum(_crossing(air, self.supply_c), _crossing(loop, self.supply_c))

    def _at(self, values: Array, load: tuple[Array, Array], speed: Array) -> Array:
        """Shape (steps, supplies, speeds, waters)."""
        kw, std = load
        by_load = _along(values, _place(_LOADS, kw / self.design_kw), 0)
        spread = _place(_SPREADS, std / np.maximum(kw, 1e-6))
        return _along(_at_own(by_load, spread), _place(self.speed, speed), 2)


def trip_tables(problem: Problem) -> tuple[TripTable, ...] | None:
    """One a zone; None where no room is asked for."""
    if not keeps_room(problem):
        return None
    world, board = problem.world, problem.board
    unbiased = np.where(np.isnan(world.inlet_bias_k), np.nan, 0.0)
    problem = replace(problem, world=replace(world, inlet_bias_k=unbiased))
    waters = np.linspace(board.chw.low, max(board.chw.high, board.chw.low + 1e-3), _WATERS)
    loops = np.linspace(board.chw.low, board.chw.high + _LOOP_K, _LOOPS)
    supplies = np.stack([_grid(a.low, a.high, _SUPPLIES) for a in board.supply], axis=-1)
    speeds = np.stack([_grid(a.low, a.high, _SPEEDS) for a in board.speed], axis=-1)
    air = _excess(problem, supplies, speeds, waters, air_trip_c)
    loop = _excess(problem, supplies, speeds, loops, warm_loop_c)
    return tuple(
        TripTable(
            design_kw=zone.it.design_kw,
            supply_c=supplies[:, z],
            speed=speeds[:, z],
            water_c=waters,
            loop_c=loops,
            after_air=air[..., z],
            after_loop=loop[..., z],
        )
        for z, zone in enumerate(problem.model.zones)
    )


def loop_rises_k(problem: Problem, steps: Array) -> Array:
    """How far the loop would warm at some steps if a chiller tripped. Shape (steps,). [K]"""
    facts, model = problem.redundancy, problem.model
    if not facts.chillers:
        return np.zeros(len(steps))
    load = problem.world.it_reference_kw[steps]
    load = load + np.maximum(problem.world.it_std_kw[steps], LEAST * load)
    fans = model.bank.fan_kw(np.array([(a.low + a.high) / 2 for a in problem.board.speed]))
    return loop_rise_k(model, facts, model.load_kw((load + fans).sum(axis=-1)))


def _excess(
    problem: Problem, supply: Array, speed: Array, waters: Array, after: Callable[[Before, Array], Array]
) -> Array:
    """Shape (loads, spreads, supplies, speeds, waters, zones). [K]"""
    design = problem.model.bank.design_kw
    shape = (_SUPPLIES, _SPEEDS, len(waters), len(design))
    supplies = np.broadcast_to(supply[:, None, None], shape).reshape(-1, len(design))
    speeds = np.broadcast_to(speed[None, :, None], shape).reshape(-1, len(design))
    water = np.broadcast_to(waters[None, None, :], shape[:3]).ravel()
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones]) - KEPT_K - _GRID_K
    found = np.empty((len(_LOADS), len(_SPREADS), *shape))
    for i, level in enumerate(_LOADS):
        for j, spread in enumerate(_SPREADS):
            at = standing(problem, supplies, speeds, level * design, spread * level * design)
            found[i, j] = after(at, water).reshape(shape) - allowed
    return found


def _grid(low: float, high: float, count: int) -> Array:
    return np.linspace(low, max(high, low + 1e-3), count)


def _crossing(over_k: Array, supply_c: Array) -> Array:
    """Warmest supply at which the excess (steps, supplies, …) is zero; beyond the ends a kelvin a kelvin."""
    over, supply = np.moveaxis(over_k, 1, 0), supply_c

    def warmer(found: Array, k: int) -> Array:
        rises = np.maximum(over[k + 1] - over[k], 1e-6)
        inside = supply[k] - over[k] / rises * (supply[k + 1] - supply[k])
        return np.where((over[k] <= 0) & (over[k + 1] > 0), inside, found)

    found = reduce(warmer, range(len(supply) - 1), supply[0] - over[0])
    return np.asarray(np.where(over[-1] <= 0, supply[-1] - over[-1], found))


def _place(grid: Array, at: Array) -> Array:
    return np.asarray(np.interp(at, grid, np.arange(len(grid))))


def _along(values: Array, place: Array, axis: int) -> Array:
    """Values interpolated along an axis, at places counted in its points."""
    low = np.minimum(place.astype(int), values.shape[axis] - 2)
    share = (place - low).reshape(-1, *([1] * (values.ndim - axis - 1)))
    below, above = np.take(values, low, axis=axis), np.take(values, low + 1, axis=axis)
    return np.asarray(below + (above - below) * share)


def _at_own(values: Array, place: Array) -> Array:
    """Values (steps, points, …) at each step's own place among the points. Shape (steps, …)."""
    low = np.minimum(place.astype(int), values.shape[1] - 2)
    share = (place - low).reshape(-1, *([1] * (values.ndim - 2)))
    each = np.arange(len(values))
    return np.asarray(values[each, low] * (1 - share) + values[each, low + 1] * share)


def _between(values: Array, place: Array) -> Array:
    """Values (steps, supplies, speeds, waters) at each step's own places (steps, wanted) of the last axis."""
    low = np.minimum(place.astype(int), values.shape[-1] - 2)
    share, low = (place - low)[:, None, None, :], low[:, None, None, :]
    below, above = np.take_along_axis(values, low, -1), np.take_along_axis(values, low + 1, -1)
    return np.asarray(below + (above - below) * share)
