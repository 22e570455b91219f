"""The tables of `optimizer.static` searched: what each step could do, and the best of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.duty import Duty
from optimizer.problem import Problem
from optimizer.static import Index, StaticMap, plant_cost, prices
from optimizer.zone_answers import Zones
from plant.forecast import Array

_FIRST_HEAT_PRICE, _FIRST_FLOW_PRICE = 0.2, 0.05
"""Where the prices of heat and flow begin: fans and servers answer to them, and so they are found again."""


@dataclass(frozen=True)
class Options:
    """Some steps with every pair of water temperatures, the zones answering to each chilled one.

    `money` an hour and `economizer_kw` have shape (steps, chilled levels, condenser levels), `load_kw`
    and `flow_kw_k` (steps, chilled levels).
    """

    money: Array
    economizer_kw: Array
    load_kw: Array
    flow_kw_k: Array
    chw_c: Array
    picks: list[Index]

    def setpoints(self, tables: StaticMap, step: int, place: int) -> Array:
        """One step's setpoints at a place of its flattened `money`. Shape (axes,), in the board's order."""
        chw, cw = np.unravel_index(place, self.money.shape[1:])
        chosen = [int(p[step, chw]) for p in self.picks]
        supply = [t.supply_c[c] for t, c in zip(tables.zones, chosen, strict=True)]
        speed = [t.speed[c] for t, c in zip(tables.zones, chosen, strict=True)]
        return np.array([*supply, *speed, tables.chw_c[chw], tables.cw_c[cw]])


class Search:
    """Tables searched at some steps; what the zones can do is gathered once for all questions."""

    def __init__(self, problem: Problem, tables: StaticMap, steps: Array) -> None:
        self.problem, self.tables, self.steps = problem, tables, steps
        self._zones = Zones(problem, tables, steps)

    def options(self, duty: Duty, dearer: Sequence[float] = (1.0,)) -> list[Options]:
        """What there is under a duty, at multiples of the price of flow: dear flow is warm return water."""
        problem, tables = self.problem, self.tables
        heat_price = np.full((len(self.steps), len(tables.chw_c)), _FIRST_HEAT_PRICE)
        flow_price = np.full_like(heat_price, _FIRST_FLOW_PRICE)
        first = self._answered(heat_price, flow_price, duty)
        wet, best_cw = problem.world.wet_bulb_c[self.steps], first.money.argmin(axis=-1)
        heat_price, flow_price = prices(problem, tables, first.load_kw, first.flow_kw_k, wet, best_cw, duty)
        return [self._answered(heat_price, flow_price * times, duty) for times in dearer]

    def _answered(self, heat_price: Array, flow_price: Array, duty: Duty) -> Options:
        """What there is where the zones answer to prices of heat and flow."""
        problem, tables = self.problem, self.tables
        price = problem.energy_price[self.steps]
        taken = self._zones.atprices(heat_price, flow_price)
        load = problem.model.load_kw(taken.water_kw)
        wet = problem.world.wet_bulb_c[self.steps]
        cost, free = plant_cost(problem, tables, load, taken.flow_kw_k, wet, price, duty)
        money = cost + (price[:, None] * taken.zones_kw + 1e3 * taken.excess_k)[..., None]
        return Options(money, free, load, taken.flow_kw_k, tables.chw_c, taken.picks)


def per_step_optimum(problem: Problem, tables: StaticMap, steps: Array) -> Array:
    """Best setpoints of some steps, each by itself. Shape (steps, axes), in the board's order."""
    (found,) = Search(problem, tables, steps).options(problem.duty.at(steps))
    best = found.money.reshape(len(steps), -1).argmin(axis=1)
    return np.stack([found.setpoints(tables, k, int(place)) for k, place in enumerate(best)])
