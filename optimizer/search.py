"""The tables of `optimizer.static` searched: what each step could do, and the best of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.duty import Duty
from optimizer.problem import Problem
from optimizer.static import Index, StaticMap, plant_cost, prices
from optimizer.zone_answers import Zones
from plant.forecast import Array

_PASSES = 2
_FIRST_HEAT_PRICE = 0.2


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

    def options(self, duty: Duty, dearer: float = 1.0) -> Options:
        """What there is under a duty; ``dearer`` times the price of flow makes for warmer return water."""
        problem, tables = self.problem, self.tables
        model, wet = problem.model, problem.world.wet_bulb_c[self.steps]
        price = problem.energy_price[self.steps]
        heat_price = np.full((len(self.steps), len(tables.chw_c)), _FIRST_HEAT_PRICE)
        flow_price = np.full_like(heat_price, 0.05)
        for number in range(_PASSES):
            last = number == _PASSES - 1
            taken = self._zones.atprices(heat_price, flow_price * (dearer if last else 1.0))
            load = model.load_kw(taken.water_kw)
            cost, free = plant_cost(problem, tables, load, taken.flow_kw_k, wet, price, duty)
            if not last:
                best_cw = cost.argmin(axis=-1)
                heat_price, flow_price = prices(problem, tables, load, taken.flow_kw_k, wet, best_cw, duty)
        money = cost + (price[:, None] * taken.zones_kw + 1e3 * taken.excess_k)[..., None]
        return Options(money, free, load, taken.flow_kw_k, tables.chw_c, taken.picks)


def per_step_optimum(problem: Problem, tables: StaticMap, steps: Array) -> Array:
    """Best setpoints of some steps, each by itself. Shape (steps, axes), in the board's order."""
    found = Search(problem, tables, steps).options(problem.duty.at(steps))
    best = found.money.reshape(len(steps), -1).argmin(axis=1)
    return np.stack([found.setpoints(tables, k, int(place)) for k, place in enumerate(best)])
