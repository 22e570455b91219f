"""Cuts of the water side: how much water the zones ask for, and what the plant room takes to make it.

Zones meet in heat, flow and chilled-water temperature only. So their flow is cut as a function of
all levers, and the plant room's power as a function of those few totals: its map is evaluated a
handful of times, however many zones there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.cuts import Reference
from optimizer.duty import Duty
from optimizer.model import WaterSide
from optimizer.problem import Problem
from plant.forecast import Array

FLOW_SHIFTS_K = np.array([0.0, 1.5, -1.5])
"""Where the coils' flow is touched: shifts of chilled water from the reference. [K]"""
ROOM_SHIFTS_K = np.array([[0.0, 0.0], [1.5, 0.0], [-1.5, 0.0], [0.0, 2.0], [0.0, -2.0]])
"""Where the plant room is touched: shifts of chilled and condenser water. [K]"""
TANK_SHIFTS = (0.0, 0.15, -0.15)
"""Where it is touched besides, where there is a tank: shifts of its rate over the most it takes."""
_SUPPLY_STEP_K, _SPEED_STEP, _HEAT_SHARE = 0.25, 0.01, 0.02
_FLOW_SHARE, _CHW_STEP_K, _CW_STEP_K, _TANK_SHARE = 0.05, 0.25, 0.5, 0.02
_LEAST = 1e-3
"""Least step of heat [kW] and flow [kW/K]: a site may ask its plant room for nothing."""
_STEEPEST_SHARE = 0.12
"""No plane is steeper than this share of plant power per kelvin: steeper is a staging step."""
_DEAREST_HEAT, _DEAREST_FLOW = 0.6, 2.0


@dataclass(frozen=True)
class FlowCuts:
    """flow ≥ level + Σ_z (supply, speed and heat slopes) + per_chw · chw. Zone arrays (blocks, zones, cuts).

    `per_heat` counts a zone's heat beyond its IT reference: server rise and CRAH fans.
    """

    level: Array
    per_supply: Array
    per_speed: Array
    per_heat: Array
    per_chw: Array

    @property
    def cuts(self) -> int:
        """How many there are a block."""
        return int(self.level.shape[-1])

    def of_zones(self, zones: NDArray[np.intp], supply_c: Array, speed: Array, heat_kw: Array) -> Array:
        """Some zones' terms at values (blocks, zones). Shape (blocks, zones, cuts)."""
        pairs = ((self.per_supply, supply_c), (self.per_speed, speed), (self.per_heat, heat_kw))
        return np.asarray(sum(slope[:, zones] * value[..., None] for slope, value in pairs))

    def only(self, zones: NDArray[np.intp], of_the_rest: Array) -> FlowCuts:
        """Some zones' slopes, with the others' terms in the level."""
        return FlowCuts(
            self.level + of_the_rest,
            self.per_supply[:, zones],
            self.per_speed[:, zones],
            self.per_heat[:, zones],
            self.per_chw,
        )


@dataclass(frozen=True)
class RoomPlanes:
    """power ≥ level + slopes · (heat, flow, chilled water, condenser water). Shapes (blocks, cuts)."""

    level: Array
    per_heat: Array
    per_flow: Array
    per_chw: Array
    per_cw: Array
    per_rate: Array | None = None
    """Of a tank's rate, where there is one."""


def room_cut_count(*, tank: bool) -> int:
    """How many planes a block has."""
    besides = len(TANK_SHIFTS) - 1 if tank else 0
    return int(ROOM_SHIFTS_K.shape[0]) + besides


def water_cuts(problem: Problem, at: Reference) -> tuple[FlowCuts, RoomPlanes]:
    """Both, around a reference."""
    flow, total = _flow_cuts(problem, at)
    return flow, _room_planes(problem, at, total)


def _flow_cuts(problem: Problem, at: Reference) -> tuple[FlowCuts, Array]:
    """Tangents of the zones' flow, and the flow itself at each shift (shifts, blocks)."""
    bank = problem.model.bank
    heat, chw = at.left_kw, at.chw_c[:, None] + FLOW_SHIFTS_K[:, None, None]
    base = bank.flow_kw_k(heat, at.supply_c, at.speed, chw)
    warmer = bank.flow_kw_k(heat, at.supply_c + _SUPPLY_STEP_K, at.speed, chw)
    faster = bank.flow_kw_k(heat, at.supply_c, at.speed + _SPEED_STEP, chw)
    hotter = bank.flow_kw_k(heat * (1 + _HEAT_SHARE), at.supply_c, at.speed, chw)
    supply, speed = (warmer - base) / _SUPPLY_STEP_K, (faster - base) / _SPEED_STEP
    per_heat = (hotter - base) / np.maximum(_HEAT_SHARE * heat, _LEAST)
    # Only the distance between air and water counts, so one slope serves both.
    chilled = -supply.sum(axis=-1)
    beyond = heat - at.air_reference_kw
    terms = (supply * at.supply_c + speed * at.speed + per_heat * beyond).sum(axis=-1)
    level = base.sum(axis=-1) - terms - chilled * chw[..., 0]
    here = level + terms + chilled * at.chw_c
    # Where it is not convex a tangent from the side may cut above the reference itself.
    level = level - np.maximum(here - here[0], 0.0)
    cuts = FlowCuts(*(np.moveaxis(a, 0, -1) for a in (level, supply, speed, per_heat, chilled)))
    return cuts, np.asarray(base.sum(axis=-1))


def _room_planes(problem: Problem, at: Reference, flows: Array) -> RoomPlanes:
    """Planes touching the plant room's cost (as power) at the reference and around it."""
    heat = problem.model.bank.water_heat_kw(at.left_kw)
    # Below what the tower reaches, a setpoint changes nothing: a plane touched there would be flat, and
    # no plan would ever find its way up.
    reached = _water_side(problem, at, heat, flows[0], at.chw_c, at.cw_c, at.duty).cw_c
    at = replace(at, cw_c=np.maximum(at.cw_c, reached))
    shifts, tank = ROOM_SHIFTS_K, at.duty.storage_kw
    if tank is not None:
        shifts = np.vstack([shifts, np.zeros((len(TANK_SHIFTS) - 1, 2))])
    moved = shifts[:, None, :]
    chw, cw = at.chw_c + moved[..., 0], at.cw_c + moved[..., 1]
    flow = flows[[int(np.flatnonzero(s == FLOW_SHIFTS_K)[0]) for s in shifts[:, 0]]]
    center: list[Array] = [np.broadcast_to(heat, chw.shape), flow, chw, cw]
    steps: list[Array | float] = [
        np.maximum(_HEAT_SHARE * heat, _LEAST),
        np.maximum(_FLOW_SHARE * flow, _LEAST),
        _CHW_STEP_K,
        _CW_STEP_K,
    ]
    most = problem.model.storage.most_kw
    if tank is not None:
        away = np.concatenate([np.zeros(len(ROOM_SHIFTS_K)), TANK_SHIFTS[1:]])
        center.append(tank + most * away[:, None])
        steps.append(_TANK_SHARE * most)
    base, slopes = _slopes(problem, at, center, steps)
    steepest = _STEEPEST_SHARE * base
    limits: list[tuple[Array | float, Array | float]] = [(0.0, _DEAREST_HEAT), (0.0, _DEAREST_FLOW)]
    limits += [(-steepest, steepest)] * 2 + [(0.0, _DEAREST_HEAT)] * (len(steps) - 4)
    slopes = [np.clip(slope, low, high) for slope, (low, high) in zip(slopes, limits, strict=True)]
    level = base - sum(slope * value for slope, value in zip(slopes, center, strict=True))
    reference: list[Array] = [heat, flows[0], at.chw_c, at.cw_c, *([] if tank is None else [tank])]
    here = level + sum(slope * value for slope, value in zip(slopes, reference, strict=True))
    level = level - np.maximum(here - here[0], 0.0)
    return RoomPlanes(*(np.asarray(a).T for a in (level, *slopes)))


def _slopes(
    problem: Problem, at: Reference, center: list[Array], steps: list[Array | float]
) -> tuple[Array, list[Array]]:
    """The plant room's cost at points (shifts, blocks), and its slope along each coordinate."""
    points = [list(center) for _ in range(len(center) + 1)]
    for i, step in enumerate(steps):
        points[i + 1][i] = points[i + 1][i] + step
    base, *beside = _room_kw(
        problem, at, *(np.stack(np.broadcast_arrays(*v)) for v in zip(*points, strict=True))
    )
    return base, [(b - base) / step for b, step in zip(beside, steps, strict=True)]


def _room_kw(
    problem: Problem,
    at: Reference,
    heat: Array,
    flow: Array,
    chw: Array,
    cw: Array,
    tank: Array | None = None,
) -> Array:
    room = _water_side(problem, at, heat, flow, chw, cw, at.duty.with_tank(tank))
    liters = room.rejected_kw * problem.model.water.liters_per_kwh(at.wet_bulb_c)
    as_power = liters / 1000 * problem.site.tariff.water_price_per_m3 / np.maximum(at.price, 1e-3)
    return np.asarray(room.power_kw + as_power)


def _water_side(
    problem: Problem, at: Reference, heat: Array, flow: Array, chw: Array, cw: Array, duty: Duty
) -> WaterSide:
    wet = np.broadcast_to(at.wet_bulb_c, heat.shape)
    return problem.model.water_side(problem.model.load_kw(heat), flow, chw, cw, wet, duty)
