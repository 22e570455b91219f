"""From the learned plant to the scheduler's tables and back: what runs, and what the tank does.

For every step, configuration and tank rate the least money over the two water temperatures is
looked up in the nonlinear model, with the zones where a reference path has them. The demand charge
couples all steps by their highest, so a few caps on the facility's power are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.board import Axis
from optimizer.duty import Duty
from optimizer.problem import Problem
from optimizer.schedule import Configurations, Course, Moves, Standing, cheapest
from optimizer.switches import SwitchKind
from optimizer.waiting import best_put_off
from plant.forecast import Array
from plant.site import EquipmentKind

_MOST_LEVELS = 100
_RATES_EACH_WAY = 4
_CHW_SHIFTS = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
_CW_LEVELS = 6
_SHORT_PRICE = 100.0
"""Money for a kilowatt-hour of cooling the machines cannot make: far above any energy."""
_BREAKS_CAP = 50.0
"""Money for a kilowatt-hour above a demand cap that is being tried."""
_MIXING = 0.05
"""Share of the cold's worth lost in moving it: what water in and out drags across the thermocline."""
_CAPS = 6
_SHORT_KW = 1.0
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


@dataclass(frozen=True)
class Proposed:
    """A schedule (steps, switches), the tank's rate (steps,) and what a kilowatt-hour left in it is worth."""

    schedule: Array
    storage_kw: Array | None
    worth_per_kwh: float


def can_schedule(problem: Problem) -> bool:
    """Whether there is anything to decide: machines, the economizer's leave, a tank, work that may wait."""
    return _can_run(problem) or any(
        s.kind is SwitchKind.DEFERRAL and s.axis.free for s in problem.switches.each
    )


def _can_run(problem: Problem) -> bool:
    """Whether what the plant room runs is ours to decide."""
    switches = problem.switches
    axes = [switches.axis(SwitchKind.CHILLERS), switches.axis(SwitchKind.ECONOMIZER), problem.board.tank]
    return any(a is not None and a.free for a in axes)


def propose(problem: Problem, path: Array) -> Proposed | None:
    """The best schedule around a path (steps, axes); None where nothing can be scheduled."""
    wanted = put_off(problem)
    if not _can_run(problem):
        return Proposed(wanted, problem.storage_kw, 0.0) if can_schedule(problem) else None
    return _run(problem, path, wanted)


def put_off(problem: Problem) -> Array:
    """The problem's schedule with work put off to cheaper hours. Shape (steps, switches)."""
    switches, wanted = problem.switches, problem.schedule.copy()
    design = np.array([z.it_design_kw for z in problem.site.zones])
    for i, switch in enumerate(switches.each):
        if switch.kind is not SwitchKind.DEFERRAL or not switch.axis.free:
            continue
        spare = switches.spare_kw(switch, problem.world.it_reference_kw, design)
        waits = problem.running.waiting_kwh.get(switch.axis.levers[0].id, 0.0)
        price, hours = problem.energy_price, problem.grid.step_h
        wanted[:, i] = best_put_off(price, switch.axis.high, waits, spare, hours)
    return switches.walked(wanted, problem.grid.step_s)


def _run(problem: Problem, path: Array, wanted: Array) -> Proposed | None:
    """Machines, economizer and tank by dynamic programming around a path."""
    board, switches = problem.board, problem.switches
    tables = tabulate(problem, path)
    found = _under_caps(problem, tables, _standing(problem, tables))
    if found is None:
        return None
    for kind, values in (
        (SwitchKind.CHILLERS, _asked(problem, tables, found)),
        (SwitchKind.ECONOMIZER, tables.can.economizer[found.configuration]),
    ):
        column = switches.column(kind)
        if column is not None and switches.each[column].axis.free:
            wanted[:, column] = values
    rate = None
    if board.tank is not None:
        rate = np.asarray(tables.moves.by[found.rate] * tables.level_kwh / problem.grid.step_h, dtype=float)
        if not board.tank.free:
            rate = np.full(problem.grid.steps, board.tank.present)
    return Proposed(switches.walked(wanted, problem.grid.step_s), rate, tables.worth_per_kwh)


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
    rest_kw: Array
    """Facility power that is not the plant room's: (steps,)."""

    @classmethod
    def of(cls, problem: Problem, path: Array) -> _Room:
        model, world, board = problem.model, problem.world, problem.board
        course = board.unpack(path)
        bank = model.bank
        it = _settled_it(problem, path)
        fans = bank.fan_kw(course.speed)
        heat = it + fans
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
            model.load_kw(heat.sum(axis=1))[:, None, None],
            flow[:, :, None],
            chw[:, :, None],
            cw[:, None, :],
            world.wet_bulb_c[:, None, None],
            metered + model.losses.at(metered) + fans.sum(axis=1),
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
            ),
        )
        hours = problem.grid.step_h
        liters = room.rejected_kw * problem.model.water.liters_per_kwh(self.wet_bulb_c)
        hourly = room.power_kw * problem.energy_price[:, None, None]
        hourly = hourly + liters / 1000 * problem.site.tariff.water_price_per_m3
        money = (hourly + _SHORT_PRICE * room.short_kw) * hours
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
    span = heat_kw / (bank.air_kw_k * course.speed)
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


def _standing(problem: Problem, tables: Tables) -> Standing:
    """Where the plant is now among the configurations."""
    now = problem.running
    economizer = problem.switches.axis(SwitchKind.ECONOMIZER)
    away = np.abs(tables.can.chillers - now.chillers)
    if economizer is not None:
        away = away + 0.1 * np.abs(tables.can.economizer - economizer.present)
    step = problem.grid.step_s
    return Standing(
        int(np.argmin(away)),
        None if now.started_s_ago is None else int(now.started_s_ago // step),
        None if now.stopped_s_ago is None else int(now.stopped_s_ago // step),
        0 if tables.level_kwh <= 0 else int(problem.world.stored_kwh / tables.level_kwh + 1e-6),
    )


def enough(problem: Problem, path: Array) -> Array:
    """The problem's schedule with every machine leave to run where, on a path, the load fell short."""
    column = problem.switches.column(SwitchKind.CHILLERS)
    if column is None:
        return problem.schedule
    rolled = problem.model.rollout(problem.course(path[None]), problem.world)
    short = rolled.short_kw[0] > _SHORT_KW
    if not short.any():
        return problem.schedule
    wanted = problem.schedule.copy()
    # And a step before: a machine takes minutes to come.
    wanted[short | np.append(short[1:], False), column] = problem.switches.each[column].axis.high
    return problem.switches.walked(wanted, problem.grid.step_s)


def _asked(problem: Problem, tables: Tables, found: Course) -> Array:
    """Machines asked for: as many as there are where no more would run anyway. Shape (steps,)."""
    chillers = problem.switches.axis(SwitchKind.CHILLERS)
    if chillers is None:
        return np.zeros(len(found.configuration))
    can, steps = tables.can, np.arange(len(found.configuration))
    n, e = can.chillers[found.configuration], can.economizer[found.configuration]
    more = (can.chillers[None, :] > n[:, None]) & (can.economizer[None, :] == e[:, None])
    held_back = (np.isfinite(tables.money[steps, :, found.rate]) & more).any(axis=1)
    return np.where(held_back, np.clip(n, chillers.low, chillers.high), chillers.high)


def _under_caps(problem: Problem, tables: Tables, start: Standing) -> Course | None:
    """The cheapest course, with the demand charge of its peak."""
    free = cheapest(tables.money, tables.can, tables.moves, start)
    if not isinstance(free, Course):
        # Locks and load do not fit: the PLC will have to break one, and keeps its times by itself.
        tables = replace(tables, can=replace(tables.can, min_on=1, min_off=1))
        free = cheapest(tables.money, tables.can, tables.moves, start)
    if not isinstance(free, Course):
        return None
    charge = problem.site.tariff.demand_charge_per_kw_month
    if charge <= 0:
        return free
    rows = np.arange(problem.grid.steps)

    def peak(course: Course) -> float:
        return float(tables.facility_kw[rows, course.configuration, course.rate].max())

    billed = problem.billed_peak_kw
    lowest = float(tables.facility_kw.min(axis=(1, 2)).max())
    best, least = free, free.cost + charge * max(peak(free) - billed, 0.0)
    for cap in np.linspace(max(lowest, billed), peak(free), _CAPS, endpoint=False):
        over = np.maximum(tables.facility_kw - cap, 0.0) * problem.grid.step_h
        tried = cheapest(tables.money + _BREAKS_CAP * over, tables.can, tables.moves, start)
        if isinstance(tried, Course):
            broken = float(over[rows, tried.configuration, tried.rate].sum()) * _BREAKS_CAP
            spent = tried.cost - broken + charge * max(peak(tried) - billed, 0.0)
            if spent < least - 1e-9:
                best, least = tried, spent
    return best
