"""The scheduler's tables: what each configuration and tank rate costs at each step, by the learned plant.

For every step, configuration and tank rate the least money over the two water temperatures is
looked up in the nonlinear model, with the zones where a reference path has them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.board import Axis
from optimizer.costs import SHORT_PRICE
from optimizer.duty import Duty
from optimizer.problem import Problem
from optimizer.schedule import Configurations, Moves
from optimizer.switches import SwitchKind
from plant.forecast import Array
from plant.site import EquipmentKind

_MOST_LEVELS = 100
_RATES_EACH_WAY = 4
_CHW_SHIFTS = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
_CW_LEVELS = 6
_MIXING = 0.05
"""Share of the cold's worth lost in moving it: what water in and out drags across the thermocline."""
_CHEAP_HOURS = 15.0
"""What is left in the tank is worth what filling it costs in this percentile of the hours."""


@dataclass(frozen=True)
class Tables:
    """Money and facility power of each step, configuration and rate. Shapes (steps, configurations, rates).

    `chw_c` and `cw_c` are the water temperatures that were cheapest there.
    """

    can: Configurations
    moves: Moves
    level_kwh: float
    money: Array
    facility_kw: Array
    worth_per_kwh: float


def tabulate(problem: Problem, path: Array) -> Tables:
    """Look the money of everything up."""
    can = configurations(problem)
    moves, level_kwh = tank_moves(problem)
    rates_kw = moves.by * level_kwh / problem.grid.step_h
    room = _Room.of(problem, path)
    money = np.empty((problem.grid.steps, can.count, len(rates_kw)))
    power = np.empty_like(money)
    for r, rate in enumerate(rates_kw):
        for c in range(can.count):
            at = room.least(can, c, rate if problem.model.storage.present else None)
            money[:, c, r], power[:, c, r] = at
    worth = _worth(money, moves, level_kwh)
    money = money + _MIXING * worth * np.abs(moves.by) * level_kwh
    return Tables(
        can,
        replace(moves, left_worth=worth * level_kwh),
        level_kwh,
        money,
        power + room.rest_kw[:, None, None],
        worth,
    )


def configurations(problem: Problem) -> Configurations:
    """Every number of machines running, with and without the economizer's leave, as far as levers allow.

    Where the number is no lever the PLC's own staging decides it, and its own times hold.
    """
    chillers = problem.switches.axis(SwitchKind.CHILLERS)
    economizer = problem.switches.axis(SwitchKind.ECONOMIZER)
    most = problem.model.chillers.number if chillers is None else round(chillers.high)
    leave = np.ones(1) if economizer is None else _each(economizer)
    n, e = (a.ravel() for a in np.meshgrid(np.arange(most + 1.0), leave, indexing="ij"))
    machines = problem.site.equipment_of(EquipmentKind.CHILLER)
    exchangers = problem.site.equipment_of(EquipmentKind.ECONOMIZER)
    step, ours = problem.grid.step_s, chillers is not None and chillers.free
    return Configurations(
        chillers=n,
        economizer=e,
        min_on=_steps(max((m.run.min_on_s for m in machines), default=0.0), step) if ours else 1,
        min_off=_steps(max((m.run.min_off_s for m in machines), default=0.0), step) if ours else 1,
        start_cost=float(np.mean([m.run.start_cost for m in machines])) if machines else 0.0,
        economizer_start_cost=sum(m.run.start_cost for m in exchangers),
        reach=max(1, most),
    )


def _each(axis: Axis) -> Array:
    """Every whole number of a lever's range."""
    return np.arange(round(axis.low), round(axis.high) + 1.0)


def _steps(seconds: float, step_s: int) -> int:
    return max(1, int(np.ceil(seconds / step_s - 1e-9)))


def tank_moves(problem: Problem) -> tuple[Moves, float]:
    """The tank's levels and rates, and what a level holds. [kWh]"""
    axis, law = problem.board.tank, problem.model.storage
    if axis is None or not axis.free or not law.present:
        return Moves.none(), 0.0
    most_kwh = min(law.most_kw, max(abs(axis.low), abs(axis.high))) * problem.grid.step_h
    # The most it takes is always one of the rates.
    rates = int(np.clip(most_kwh * _MOST_LEVELS / law.capacity_kwh, 1, _RATES_EACH_WAY))
    level = most_kwh / rates
    down = int(min(law.most_kw, max(-axis.low, 0.0)) * problem.grid.step_h / level + 1e-6)
    up = int(min(law.most_kw, max(axis.high, 0.0)) * problem.grid.step_h / level + 1e-6)
    levels = int(law.capacity_kwh / level + 1e-6) + 1
    return Moves(np.arange(-down, up + 1), levels), level


@dataclass(frozen=True)
class _Room:
    """The plant room at each step of a path: arrays over (steps, chilled levels, condenser levels)."""

    problem: Problem
    load_kw: Array
    flow_kw_k: Array
    chw_c: Array
    cw_c: Array
    wet_bulb_c: Array
    liquid_kw: Array | None
    """Heat of liquid loops."""
    rest_kw: Array
    """Facility power that is not the plant room's: (steps,)."""

    @classmethod
    def of(cls, problem: Problem, path: Array) -> _Room:
        model, world, board = problem.model, problem.world, problem.board
        course = board.unpack(path)
        bank = model.bank
        it = _settled_it(problem, path)
        fans = bank.fan_kw(course.speed)
        heat, own = it + fans, 0.0
        if problem.outside is not None:
            side = bank.room(heat, it, course.supply_c, course.speed, problem.outside)
            heat, own = side.left_kw, side.own_kw.sum(axis=1)
        warmest = _warmest_water(problem, path, heat)
        chw = course.chw_c[:, None] + _CHW_SHIFTS if board.chw.free else course.chw_c[:, None]
        if board.chw.free:
            chw = np.clip(chw, board.chw.low, np.maximum(warmest, course.chw_c)[:, None])
            chw = np.minimum(chw, max(board.chw.high, float(course.chw_c.max())))
        flow = np.stack(
            [model.flow_kw_k(heat, course.supply_c, course.speed, chw[:, k]) for k in range(chw.shape[1])],
            axis=1,
        )
        cw = course.cw_c[:, None]
        if board.cw.free:
            spread = np.linspace(board.cw.low, board.cw.high, _CW_LEVELS)
            cw = np.concatenate([cw, np.broadcast_to(spread, (len(cw), _CW_LEVELS))], axis=1)
        metered = model.it_meter.at(it.sum(axis=1))
        return cls(
            problem,
            model.load_kw(model.bank.water_heat_kw(heat))[:, None, None],
            flow[:, :, None],
            chw[:, :, None],
            cw[:, None, :],
            world.wet_bulb_c[:, None, None],
            None if problem.duty.liquid_kw is None else problem.duty.liquid_kw[:, None, None],
            metered + model.losses.at(metered) + fans.sum(axis=1) + own,
        )

    def least(self, can: Configurations, c: int, rate_kw: float | None) -> tuple[Array, Array]:
        """Least money of each step in a configuration at a tank rate, and its power. Shapes (steps,).

        Infinite where not that many machines would run.
        """
        problem = self.problem
        chillers = problem.switches.axis(SwitchKind.CHILLERS)
        asked = None
        if chillers is not None:
            asked = np.full_like(self.load_kw, np.clip(can.chillers[c], chillers.low, chillers.high))
        room = problem.model.water_side(
            self.load_kw,
            self.flow_kw_k,
            self.chw_c,
            self.cw_c,
            self.wet_bulb_c,
            Duty(
                asked,
                np.full_like(self.load_kw, can.economizer[c]),
                None if rate_kw is None else np.full_like(self.load_kw, rate_kw),
                liquid_kw=self.liquid_kw,
            ),
        )
        hours = problem.grid.step_h
        liters = room.rejected_kw * problem.model.water.liters_per_kwh(self.wet_bulb_c)
        hourly = room.power_kw * problem.energy_price[:, None, None]
        hourly = hourly + liters / 1000 * problem.site.tariff.water_price_per_m3
        money = (hourly + SHORT_PRICE * room.short_kw) * hours
        money = np.where(room.chillers_on == can.chillers[c], money, np.inf)
        flat = money.reshape(len(money), -1)
        best = flat.argmin(axis=1)
        rows = np.arange(len(flat))
        power = np.broadcast_to(room.power_kw, money.shape).reshape(len(money), -1)[rows, best]
        spent = flat[rows, best]
        if rate_kw is not None:
            # A tank cannot give more than is asked for.
            spent = np.where(self.load_kw[:, 0, 0] + rate_kw < 0, np.inf, spent)
        return np.asarray(spent), np.asarray(power)


def _settled_it(problem: Problem, path: Array) -> Array:
    """IT power with the inlets where a path leaves them. Shape (steps, zones). [kW]"""
    bank, world = problem.model.bank, problem.world
    course = problem.board.unpack(path)
    reference = problem.reference_kw
    bias = bank.padded(world.inlet_bias_k, 0.0)
    it = reference
    for _ in range(2):
        gain = it / (bank.air_kw_k * course.speed)
        inlets = course.supply_c[..., None] + bank.rise_k(gain, course.supply_c) + bias
        it = reference + bank.rise_kw(inlets, reference)
    return np.asarray(it)


def _warmest_water(problem: Problem, path: Array, heat_kw: Array) -> Array:
    """The warmest water that can still make every zone's supply air. Shape (steps,). [°C]"""
    bank, course = problem.model.bank, problem.board.unpack(path)
    span = heat_kw / (bank.coils.air_kw_k * course.speed)
    return np.asarray((course.supply_c - span * bank.open_valve_excess(course.speed)).min(axis=1))


def _worth(money: Array, moves: Moves, level_kwh: float) -> float:
    """What a kilowatt-hour of cold costs to make in the cheap hours."""
    zero = int(np.flatnonzero(moves.by == 0)[0])
    if level_kwh <= 0 or zero + 1 >= len(moves.by):
        return 0.0
    least = money.min(axis=1)
    extra = (least[:, zero + 1] - least[:, zero]) / level_kwh
    known = extra[np.isfinite(extra)]
    return max(float(np.percentile(known, _CHEAP_HOURS)), 0.0) if known.size else 0.0
