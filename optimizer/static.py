"""The best operating point of each step by itself: tables of the learned laws, searched.

Zones meet only in the chilled-water temperature, the total load and the total flow. So each zone's
best answer to a chilled-water temperature and to the plant's prices for heat and flow is looked up,
the plant room is searched over both water temperatures, and the prices are read off its slopes.
It knows no ramps and no lag: a reference for the solver, and its safety net. What zones answer is in
`optimizer.zone_answers`, the search in `optimizer.search`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.board import Axis
from optimizer.contingency import keeps_room
from optimizer.costs import SHORT_PRICE
from optimizer.duty import Duty
from optimizer.model import PlantModel
from optimizer.problem import Problem
from optimizer.static_sides import DRY_K
from optimizer.trip_table import TripTable, trip_tables
from optimizer.zones import ZoneModel
from plant.forecast import Array

Index: TypeAlias = NDArray[np.intp]

_SUPPLY_STEP_C, _SPEED_STEP, _WATER_STEP_C = 0.5, 0.025, 1.0
_LOAD_LEVELS = 14


@dataclass(frozen=True)
class ZoneTable:
    """A zone's answers on a grid. Options are pairs (supply, speed); levels are reference IT power."""

    reference_kw: Array
    supply_c: Array
    speed: Array
    fan_kw: Array
    it_kw: Array
    rise_k: Array
    gain_k: Array
    rise_per_load_k: Array
    coolest_k: Array
    flow_kw_k: Array
    """Shapes: options (n,), it/rise/gain/… (levels, n), flow (levels, n, chilled-water levels)."""
    speeds: Array
    """The fan speeds there are options of, the same for each supply temperature."""

    def at(self, values: Array, reference_kw: Array) -> Array:
        """Interpolate a table over its levels. Shape (steps, …)."""
        position = np.interp(reference_kw, self.reference_kw, np.arange(len(self.reference_kw)))
        i = np.minimum(position.astype(int), len(self.reference_kw) - 2)
        share = (position - i).reshape(-1, *([1] * (values.ndim - 1)))
        return np.asarray(values[i] * (1 - share) + values[i + 1] * share)


@dataclass(frozen=True)
class StaticMap:
    """Every zone's table and the water temperatures searched."""

    zones: tuple[ZoneTable, ...]
    chw_c: Array
    cw_c: Array
    trips: tuple[TripTable, ...] | None = None
    """None where no room for a trip is asked for."""


def levels(axis: Axis, step: float) -> Array:
    """The values of an axis to be searched; one where it cannot move."""
    if not axis.free:
        return np.array([axis.present])
    return np.linspace(axis.low, axis.high, max(2, round((axis.high - axis.low) / step) + 1))


def tabulate(problem: Problem) -> StaticMap:
    """Tables for the problem's model and lever ranges; reusable while neither changes."""
    board = problem.board
    chw = levels(board.chw, _WATER_STEP_C)
    zones = tuple(
        _zone_table(zone, levels(supply, _SUPPLY_STEP_C), levels(speed, _SPEED_STEP), chw)
        for zone, supply, speed in zip(problem.model.zones, board.supply, board.speed, strict=True)
    )
    return StaticMap(zones, chw, levels(board.cw, _WATER_STEP_C), trip_tables(problem))


def map_key(problem: Problem) -> tuple[object, ...]:
    """What a static map depends on: equal keys, equal maps."""
    axes, world = problem.board.axes, problem.world
    hottest = 0.0
    if keeps_room(problem) and problem.model.bank.units is not None:
        # What compressors can do after a trip hangs on it: up to the next kelvin.
        hottest = float(np.ceil(np.nanmax(world.outdoor_c)))
    facts = problem.redundancy
    units = tuple(facts.left_of(z.id) for z in problem.site.zones)
    return (problem.model.version, keeps_room(problem), hottest, units, *((a.low, a.high) for a in axes))


def _zone_table(zone: ZoneModel, supplies: Array, speeds: Array, chw: Array) -> ZoneTable:
    wet, grid = zone.dx is None, np.meshgrid(supplies, speeds, indexing="ij")
    supply, speed = (a.ravel() for a in grid)
    reference = np.linspace(0.05, 1.2, _LOAD_LEVELS) * zone.it.design_kw
    column = np.broadcast_to(reference[:, None], (_LOAD_LEVELS, len(supply)))
    it = column
    for _ in range(3):
        inlets = zone.inlets.settled_c(supply, it, speed)
        it = column + zone.it.rise_kw(inlets, column)
    fan = zone.fans.power_kw(speed)
    span = (it + fan) / (zone.coil.air_kw_k * speed)
    approach = np.maximum(supply[None, :, None] + span[..., None] - chw, 0.1)
    share = zone.coil.water_share(
        np.broadcast_to(speed[None, :, None], approach.shape), np.minimum(span[..., None] / approach, 1.0)
    )
    return ZoneTable(
        reference_kw=reference,
        supply_c=supply,
        speed=speed,
        fan_kw=fan,
        it_kw=it,
        rise_k=zone.inlets.settled_c(supply, it, speed).max(axis=-1) - supply,
        gain_k=zone.inlets.air_gain_k(it, speed),
        rise_per_load_k=_rise_per_load(zone, supply, it, speed),
        coolest_k=span * (1 / zone.coil.best_effectiveness(speed) - 1) if wet else np.full_like(it, -DRY_K),
        flow_kw_k=share * (zone.coil.water_kw_k if wet else 0.0),
        speeds=speeds,
    )


def _rise_per_load(zone: ZoneModel, supply: Array, it: Array, speed: Array) -> Array:
    """Warmest rise gained per share of load, from a tenth more of it. [K]"""
    now = zone.inlets.settled_c(supply, it, speed).max(axis=-1)
    more = zone.inlets.settled_c(supply, 1.1 * it, speed).max(axis=-1)
    return np.asarray((more - now) / 0.1)


def plant_cost(
    problem: Problem, tables: StaticMap, load: Array, flow: Array, wet: Array, price: Array, duty: Duty
) -> tuple[Array, Array]:
    """Money an hour of the plant room, and the economizer's heat. (steps, chilled, condenser levels)."""
    room = problem.model.water_side(
        load[..., None],
        flow[..., None],
        tables.chw_c[:, None],
        tables.cw_c,
        wet[:, None, None],
        duty.beside(2),
    )
    liters = room.rejected_kw * problem.model.water.liters_per_kwh(wet)[:, None, None]
    water = liters / 1000 * problem.site.tariff.water_price_per_m3
    money = room.power_kw * price[:, None, None] + water + SHORT_PRICE * room.short_kw
    return np.asarray(money), np.broadcast_to(room.economizer_kw, money.shape)


def prices(
    problem: Problem, tables: StaticMap, load: Array, flow: Array, wet: Array, best_cw: Array, duty: Duty
) -> tuple[Array, Array]:
    """What one more kW of heat and one more kW/K of flow cost the plant room, as power."""
    cw = tables.cw_c[best_cw]
    base = _power(problem.model, load, flow, tables.chw_c, cw, wet, duty)
    more_load = _power(problem.model, load * 1.02, flow * 1.0, tables.chw_c, cw, wet, duty)
    more_flow = _power(problem.model, load, flow * 1.05, tables.chw_c, cw, wet, duty)
    heat = (more_load - base) / np.maximum(0.02 * load, 1e-6)
    per_flow = (more_flow - base) / np.maximum(0.05 * flow, 1e-6)
    # A staging step inside the difference is not a price.
    return np.clip(heat, 0.02, 0.6), np.clip(per_flow, 0.0, 2.0)


def _power(
    model: PlantModel, load: Array, flow: Array, chw: Array, cw: Array, wet: Array, duty: Duty
) -> Array:
    return model.water_side(load, flow, chw, cw, wet[:, None], duty.beside(1)).power_kw
