"""Tangents of the learned laws around a reference path: the numbers of the linear program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.model import PlantModel
from optimizer.problem import Problem
from plant.forecast import Array

RISE_OFFSETS = np.array([-0.12, -0.08, -0.04, 0.0, 0.06, 0.12])
SERVER_OFFSETS_K = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0])
VALVE_OFFSETS = np.array([-0.08, 0.0, 0.08])
FAN_POINTS = 8
ROOM_SHIFTS = ((0.0, 0.0), (1.5, 0.0), (-1.5, 0.0), (0.0, 2.0), (0.0, -2.0))
"""Where the plant room is touched: shifts of chilled and condenser water from the reference. [K]"""
TRUST = {"supply": 2.0, "speed": 0.12, "chw": 2.0, "cw": 3.0}
_STEPS = {"supply": 0.25, "speed": 0.01, "chw": 0.25, "cw": 0.5}
_STEEPEST_SHARE = 0.12
"""No plane is steeper than this share of plant power per kelvin: steeper is a staging step."""


@dataclass(frozen=True)
class Grouping:
    """Steps of the grid gathered into blocks: single early, several together late."""

    first: NDArray[np.intp]
    count: NDArray[np.intp]

    @classmethod
    def of(cls, steps: int, fine: int, coarse: int) -> Grouping:
        """The first ``fine`` steps singly, then ``coarse`` together."""
        first = [*range(min(fine, steps)), *range(fine, steps, coarse)]
        edges = np.array([*first, steps])
        return cls(edges[:-1], np.diff(edges))

    def mean(self, values: Array) -> Array:
        """Mean over each block of an array whose first axis is the steps."""
        total = np.add.reduceat(values, self.first, axis=0)
        return np.asarray(total / self.count.reshape(-1, *([1] * (values.ndim - 1))))

    def spread(self, blocks: Array, steps: int) -> Array:
        """Back to steps, along straight lines between the blocks' middles."""
        middle = self.first + (self.count - 1) / 2
        grid = np.arange(steps)
        return np.column_stack([np.interp(grid, middle, column) for column in blocks.T])


@dataclass(frozen=True)
class Lines:
    """Cuts y ≥ level + slope · x. Shapes (…, cuts)."""

    level: Array
    slope: Array


@dataclass(frozen=True)
class Planes:
    """Cuts of the plant room: (blocks, cuts), (blocks, cuts), (blocks, axes, cuts)."""

    level: Array
    per_heat: Array
    per_axis: Array


@dataclass(frozen=True)
class Reference:
    """A path by blocks with the state it settles to. Zone arrays (blocks, zones)."""

    supply_c: Array
    speed: Array
    chw_c: Array
    cw_c: Array
    wet_bulb_c: Array
    price: Array
    it_reference_kw: Array
    it_kw: Array
    inlets_c: Array
    std_k: Array
    bias_k: Array

    @classmethod
    def of(cls, problem: Problem, path: Array, grouping: Grouping) -> Reference:
        """Gather a path (steps, axes) and settle the inlets on it."""
        course = problem.board.unpack(grouping.mean(path))
        bank, world = problem.model.bank, problem.world
        reference = grouping.mean(world.it_reference_kw)
        bias = bank.padded(world.inlet_bias_k, 0.0)
        it = reference
        for _ in range(2):
            gain = it / (bank.air_kw_k * course.speed)
            inlets = course.supply_c[..., None] + bank.rise_k(gain, course.supply_c) + bias
            it = reference + bank.rise_kw(inlets, reference)
        share = grouping.mean(world.it_std_kw) / np.maximum(reference, 1.0)
        return cls(
            supply_c=course.supply_c,
            speed=course.speed,
            chw_c=course.chw_c,
            cw_c=course.cw_c,
            wet_bulb_c=grouping.mean(world.wet_bulb_c),
            price=grouping.mean(problem.energy_price),
            it_reference_kw=reference,
            it_kw=it,
            inlets_c=inlets,
            std_k=bank.inlet_std_k(gain, course.supply_c, share),
            bias_k=bias,
        )


def rise_cuts(model: PlantModel, at: Reference) -> Lines:
    """Warmest rise over supply against fan speed, at the reference's load, by chords."""
    bank = model.bank
    speed = np.clip(at.speed[..., None] + RISE_OFFSETS, 0.15, 1.1)

    def rise(r: Array) -> Array:
        gain = (at.it_kw[..., None] / (bank.air_kw_k[:, None] * r)).swapaxes(-1, -2)
        supply = np.broadcast_to(at.supply_c[:, None, :], gain.shape)
        return np.asarray((bank.rise_k(gain, supply) + at.bias_k).max(axis=-1).swapaxes(-1, -2))

    return _chords(speed, rise(speed))


def server_cuts(model: PlantModel, at: Reference) -> Lines:
    """IT rise against the warmest inlet, all inlets of a zone shifting together, by chords."""
    bank = model.bank
    worst = at.inlets_c.max(axis=-1)

    def added(shift: Array) -> Array:
        return np.stack([bank.rise_kw(at.inlets_c + s, at.it_reference_kw) for s in shift], axis=-1)

    return _chords(worst[..., None] + SERVER_OFFSETS_K, added(SERVER_OFFSETS_K))


def _chords(at: Array, value: Array) -> Lines:
    """Lines through neighboring points: for a convex function their maximum is the interpolant.

    Unlike tangents they are never below the function between the points, which is the safe side.
    """
    slope = np.diff(value, axis=-1) / np.maximum(np.diff(at, axis=-1), 1e-6)
    return Lines(value[..., :-1] - slope * at[..., :-1], slope)


def fan_cuts(problem: Problem) -> Lines:
    """Tangents of each zone's fan law over its lever's range. Shapes (zones, cuts)."""
    levels, slopes = [], []
    for zone, axis in zip(problem.model.zones, problem.board.speed, strict=True):
        at = np.linspace(max(axis.low - 0.02, 0.1), axis.high, FAN_POINTS)
        slopes.append(zone.fans.slope_kw(at))
        levels.append(zone.fans.power_kw(at) - slopes[-1] * at)
    return Lines(np.array(levels), np.array(slopes))


def valve_cuts(model: PlantModel, at: Reference) -> Lines:
    """How far above the water the coolest supply is, against fan speed."""
    bank = model.bank
    speed = np.clip(at.speed[..., None] + VALVE_OFFSETS, 0.25, 1.05)

    def above(r: Array) -> Array:
        turned = r.swapaxes(-1, -2)
        heat = at.it_kw[:, None, :] + bank.fan_kw(turned)
        found = heat / (bank.air_kw_k * turned) * bank.open_valve_excess(turned)
        return np.asarray(found.swapaxes(-1, -2))

    slope = (above(speed + 0.01) - above(speed - 0.01)) / 0.02
    return Lines(above(speed) - slope * speed, slope)


def room_planes(problem: Problem, at: Reference) -> Planes:
    """Planes touching the plant room's cost (as power) at the reference and around it."""
    heat = at.it_kw + problem.model.bank.fan_kw(at.speed)
    cuts = [_plane(problem, at, heat, chw, cw) for chw, cw in ROOM_SHIFTS]
    level = np.stack([c[0] for c in cuts], axis=-1)
    per_heat = np.stack([c[1] for c in cuts], axis=-1)
    per_axis = np.stack([c[2] for c in cuts], axis=-1)
    x = np.concatenate([at.supply_c, at.speed, at.chw_c[:, None], at.cw_c[:, None]], axis=1)
    here = level + per_heat * heat.sum(axis=1)[:, None] + np.einsum("tak,ta->tk", per_axis, x)
    # Where the map is not convex a plane from the side may cut above the reference itself.
    level = level - np.maximum(here - here[:, :1], 0.0)
    return Planes(level, per_heat, per_axis)


def _plane(
    problem: Problem, at: Reference, heat: Array, d_chw: float, d_cw: float
) -> tuple[Array, Array, Array]:
    """Level, slope in total heat and slopes in each axis of the tangent at a shifted reference."""
    zones = heat.shape[1]
    chw, cw = at.chw_c + d_chw, at.cw_c + d_cw
    total = heat.sum(axis=1)
    base = _room_kw(problem, at, heat, at.supply_c, at.speed, chw, cw)
    steepest = _STEEPEST_SHARE * base
    per_heat = (_room_kw(problem, at, heat * 1.02, at.supply_c, at.speed, chw, cw) - base) / (0.02 * total)
    per_heat = np.clip(per_heat, 0.0, 0.6)
    slopes = []
    for z in range(zones):
        moved = at.supply_c.copy()
        moved[:, z] += _STEPS["supply"]
        slopes.append((_room_kw(problem, at, heat, moved, at.speed, chw, cw) - base) / _STEPS["supply"])
    for z in range(zones):
        moved = at.speed.copy()
        moved[:, z] += _STEPS["speed"]
        slopes.append((_room_kw(problem, at, heat, at.supply_c, moved, chw, cw) - base) / _STEPS["speed"])
    slopes.append(
        (_room_kw(problem, at, heat, at.supply_c, at.speed, chw + _STEPS["chw"], cw) - base) / _STEPS["chw"]
    )
    slopes.append(
        (_room_kw(problem, at, heat, at.supply_c, at.speed, chw, cw + _STEPS["cw"]) - base) / _STEPS["cw"]
    )
    per_axis = np.stack(slopes, axis=1)
    scale = np.array([1.0] * zones + [25.0] * zones + [1.0, 1.0])
    per_axis = np.clip(per_axis, -steepest[:, None] * scale, steepest[:, None] * scale)
    x = np.concatenate([at.supply_c, at.speed, chw[:, None], cw[:, None]], axis=1)
    return base - per_heat * total - (per_axis * x).sum(axis=1), per_heat, per_axis


def _room_kw(
    problem: Problem, at: Reference, heat: Array, supply: Array, speed: Array, chw: Array, cw: Array
) -> Array:
    model = problem.model
    flow = model.flow_kw_k(heat, supply, speed, chw)
    room = model.water_side(model.load_kw(heat.sum(axis=1)), flow, chw, cw, at.wet_bulb_c)
    liters = room.rejected_kw * model.water.liters_per_kwh(at.wet_bulb_c)
    as_power = liters / 1000 * problem.site.tariff.water_price_per_m3 / np.maximum(at.price, 1e-3)
    return np.asarray(room.power_kw + as_power)
