"""What a little more room at each limit would save: the duals of the program around the plan.

A dual is a derivative: money for the next kelvin, kilowatt or kilowatt-hour of room, held over the
whole horizon, with what runs left as it was decided. Limits at which nothing would be saved are left
out; so are the edges of the neighborhood in which cuts are trusted, for they are no limits of the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from optimizer.build import Numbers, Scope
from optimizer.compiled import Compiled
from optimizer.problem import Problem
from optimizer.solve import Ended
from plant.forecast import Array
from plant.plan import ShadowPrice
from plant.quantities import FACTS

Index: TypeAlias = NDArray[np.intp]

_LEAST = 0.01
_EDGE = 1e-6


@dataclass(frozen=True)
class Places:
    """Where a structure's limits stand among the rows and columns of its solution."""

    x: Index
    inlet_limit: Index
    trips: Index
    stored: Index
    carried: Index
    above: Index

    @classmethod
    def of(cls, model: pyo.ConcreteModel, compiled: Compiled) -> Places:
        """Look them up once."""

        def rows(name: str) -> Index:
            found = model.find_component(name)
            return np.zeros(0, dtype=np.intp) if found is None else compiled.rows_of(found)

        stored = model.find_component("tank.stored_kwh")
        return cls(
            compiled.columns_of(model.x).reshape(len(model.steps), -1),
            rows("inlets.inlet_limit"),
            rows("trips.room"),
            np.zeros(0, dtype=np.intp) if stored is None else compiled.columns_of(stored),
            rows("capacity.carried"),
            rows("demand.above"),
        )


def shadow_prices(places: Places, numbers: Numbers, scope: Scope, ended: Ended) -> tuple[ShadowPrice, ...]:
    """Of one solved program, dearest first; empty where it was not solved to its optimum."""
    if ended.row_duals is None or ended.col_duals is None:
        return ()
    found = [
        *_inlets(places, numbers.problem, scope, ended.row_duals),
        *_beyond(places, numbers, ended.row_duals, ended.col_duals),
        *_levers(places, numbers, scope, ended.col_duals),
    ]
    return dearest_first(found)


def dearest_first(found: Iterable[ShadowPrice]) -> tuple[ShadowPrice, ...]:
    """Those worth saying, in one order for one input."""
    return tuple(sorted((p for p in found if p.saving > _LEAST), key=lambda p: (-p.saving, p.limit)))


def _inlets(places: Places, problem: Problem, scope: Scope, duals: Array) -> Iterator[ShadowPrice]:
    """Each zone's planning limit and its room for a trip."""
    steps, zones = places.x.shape[0], len(scope.zones)
    limit = -duals[places.inlet_limit].reshape(steps, zones)
    trips = -duals[places.trips].reshape(steps, zones, -1) if places.trips.size else None
    for i, z in enumerate(scope.zones):
        zone = problem.site.zones[z]
        limits = zone.limits
        yield ShadowPrice(
            f"{zone.id} inlet limit {limits.planning_max_c:g} °C", "K", float(limit[:, i].sum())
        )
        if trips is not None:
            name = f"{zone.id} under {limits.allowable_max_c:g} °C after a trip"
            yield ShadowPrice(name, "K", float(trips[:, i].sum()))


def _beyond(places: Places, numbers: Numbers, rows: Array, columns: Array) -> Iterator[ShadowPrice]:
    """Tank, machines and the peaks that are paid for in any case."""
    full = -np.minimum(columns[places.stored], 0.0)
    yield ShadowPrice("the tank's capacity", "kWh", float(full.sum()))
    carried = -rows[places.carried]
    yield ShadowPrice("capacity of the chillers that may run", "kW", float(carried.sum()))
    if places.above.size:
        for month, within in zip(numbers.problem.bill.months, numbers.beyond.demand.within.T, strict=True):
            yield ShadowPrice(month.name, "kW", float((-rows[places.above] * within).sum()))


def _levers(places: Places, numbers: Numbers, scope: Scope, duals: Array) -> Iterator[ShadowPrice]:
    """Ends of the levers' ranges."""
    board = numbers.problem.board
    own = duals[places.x]
    for i, a in enumerate(scope.axes(numbers.problem)):
        axis = board.axes[a]
        if not axis.free:
            continue
        down = _at(scope.low[:, a], axis.low) & (own[:, i] > 0)
        up = _at(scope.high[:, a], axis.high) & (own[:, i] < 0)
        lever = axis.levers[0]
        unit = FACTS[lever.quantity].inside_unit
        yield ShadowPrice(f"{lever.id} at its lowest, {axis.low:g}", unit, float(own[down, i].sum()))
        yield ShadowPrice(f"{lever.id} at its highest, {axis.high:g}", unit, float(-own[up, i].sum()))


def _at(bound: Array, end: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(bound - end) < _EDGE)
