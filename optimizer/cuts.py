"""Cuts of the zones' learned laws around a reference path: the air side's numbers of the program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.blocks import Grouping
from optimizer.duty import Duty
from optimizer.machines import followed
from optimizer.model import PlantModel
from optimizer.problem import Problem
from optimizer.room_side import Outside
from plant.forecast import Array

RISE_OFFSETS = np.array([-0.12, -0.08, -0.04, 0.0, 0.06, 0.12])
SERVER_OFFSETS_K = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0])
VALVE_OFFSETS = np.array([-0.08, 0.0, 0.08])
NO_WATER_K = 50.0
"""A zone without chilled water may be this much colder than the water: it never binds."""
FAN_OFFSETS = np.array([-0.12, -0.06, 0.0, 0.06, 0.12])


@dataclass(frozen=True)
class Lines:
    """Cuts y ≥ level + slope · x. Shapes (blocks, zones, cuts)."""

    level: Array
    slope: Array

    def only(self, zones: NDArray[np.intp]) -> Lines:
        """Those of some zones."""
        return Lines(self.level[:, zones], self.slope[:, zones])


@dataclass(frozen=True)
class Reference:
    """A path by blocks with the state it settles to. Zone arrays (blocks, zones).

    `path` has the board's axes; `inlets_c` and `bias_k` also the sensors, last.
    """

    path: Array
    supply_c: Array
    speed: Array
    chw_c: Array
    cw_c: Array
    wet_bulb_c: Array
    price: Array
    it_reference_kw: Array
    air_reference_kw: Array
    """What of it leaves by air."""
    it_kw: Array
    fan_kw: Array
    left_kw: Array
    """Heat that outdoor air leaves for coils or compressors."""
    outside: Outside | None
    inlets_c: Array
    std_k: Array
    bias_k: Array
    duty: Duty

    @classmethod
    def of(cls, problem: Problem, path: Array, grouping: Grouping) -> Reference:
        """Gather a path (steps, axes) and settle the inlets on it."""
        path = grouping.mean(path)
        course = problem.board.unpack(path)
        bank, world = problem.model.bank, problem.world
        reference = grouping.mean(world.it_reference_kw)
        bias = bank.padded(world.inlet_bias_k, 0.0)
        it = reference
        for _ in range(2):
            gain = it / (bank.air_kw_k * course.speed)
            inlets = course.supply_c[..., None] + bank.rise_k(gain, course.supply_c) + bias
            it = reference + bank.rise_kw(inlets, reference)
        fan, outside = bank.fan_kw(course.speed), problem.outside
        left = it + fan
        if outside is not None:
            outside = Outside(grouping.mean(outside.dry_c), grouping.mean(outside.leave))
            left = bank.room(it + fan, it, course.supply_c, course.speed, outside).left_kw
        share = grouping.mean(world.it_std_kw) / np.maximum(reference, 1.0)
        wet = grouping.mean(world.wet_bulb_c)
        duty = problem.duty.means(grouping.first, grouping.count).with_tank(course.duty.storage_kw)
        flow = bank.flow_kw_k(left, course.supply_c, course.speed, course.chw_c[:, None]).sum(axis=-1)
        load = problem.model.load_kw(bank.water_heat_kw(left))
        room = (load, flow, course.chw_c, course.cw_c, wet)
        lasts_s = np.asarray(grouping.count * world.step_s, dtype=float)
        duty = followed(problem.model, room, duty, world.machines, lasts_s)
        return cls(
            path=path,
            supply_c=course.supply_c,
            speed=course.speed,
            chw_c=course.chw_c,
            cw_c=course.cw_c,
            wet_bulb_c=wet,
            price=grouping.mean(problem.energy_price),
            it_reference_kw=reference,
            air_reference_kw=bank.it_by_air_kw(reference),
            it_kw=it,
            fan_kw=fan,
            left_kw=left,
            outside=outside,
            inlets_c=inlets,
            std_k=bank.inlet_std_k(gain, course.supply_c, share),
            bias_k=bias,
            duty=duty,
        )


@dataclass(frozen=True)
class AirCuts:
    """Every zone's cuts."""

    rise: Lines
    server: Lines
    fan: Lines
    valve: Lines

    @classmethod
    def of(cls, model: PlantModel, at: Reference) -> AirCuts:
        """Taken around a reference."""
        return cls(rise_cuts(model, at), server_cuts(model, at), fan_cuts(model, at), valve_cuts(model, at))

    def only(self, zones: NDArray[np.intp]) -> AirCuts:
        """Those of some zones."""
        lines = (self.rise, self.server, self.fan, self.valve)
        return AirCuts(*(each.only(zones) for each in lines))


def rise_cuts(model: PlantModel, at: Reference) -> Lines:
    """Warmest rise over supply against fan speed, at the reference's load, by chords."""
    bank = model.bank
    speed = np.clip(at.speed + _leading(RISE_OFFSETS), 0.15, 1.1)
    gain = at.it_kw / (bank.air_kw_k * speed)
    supply = np.broadcast_to(at.supply_c, gain.shape)
    return _chords(speed, (bank.rise_k(gain, supply) + at.bias_k).max(axis=-1))


def server_cuts(model: PlantModel, at: Reference) -> Lines:
    """IT rise against the warmest inlet, all inlets of a zone shifting together, by chords."""
    shift = _leading(SERVER_OFFSETS_K)
    added = model.bank.rise_kw(at.inlets_c + shift[..., None], at.it_reference_kw)
    return _chords(at.inlets_c.max(axis=-1) + shift, added)


def fan_cuts(model: PlantModel, at: Reference) -> Lines:
    """Tangents of each zone's fan law around the reference's speed."""
    speed = np.clip(at.speed + _leading(FAN_OFFSETS), 0.1, 1.15)
    slope = model.bank.fan_slope_kw(speed)
    return _trailing(model.bank.fan_kw(speed) - slope * speed, slope)


def valve_cuts(model: PlantModel, at: Reference) -> Lines:
    """How far above the water the coolest supply is, against fan speed."""
    bank = model.bank
    speed = np.clip(at.speed + _leading(VALVE_OFFSETS), 0.25, 1.05)

    def above(r: Array) -> Array:
        above_water = (
            (at.left_kw - at.fan_kw + bank.fan_kw(r)) / (bank.coils.air_kw_k * r) * bank.open_valve_excess(r)
        )
        return above_water if bank.units is None else np.where(bank.wet > 0, above_water, -NO_WATER_K)

    here = above(speed)
    slope = (above(speed + 0.01) - above(speed - 0.01)) / 0.02
    return _trailing(here - slope * speed, slope)


def _leading(offsets: Array) -> Array:
    """Offsets before the axes (blocks, zones)."""
    return offsets[:, None, None]


def _trailing(level: Array, slope: Array) -> Lines:
    """Cuts from the first axis to the last."""
    return Lines(np.moveaxis(level, 0, -1), np.moveaxis(slope, 0, -1))


def _chords(at: Array, value: Array) -> Lines:
    """Lines through neighboring points: for a convex function their maximum is the interpolant.

    Unlike tangents they are never below the function between the points, which is the safe side.
    Points come along the first axis.
    """
    slope = np.diff(value, axis=0) / np.maximum(np.diff(at, axis=0), 1e-6)
    return _trailing(value[:-1] - slope * at[:-1], slope)
