"""What runs, what the tank does and which work waits: a problem's schedule from the scheduler's tables.

The demand charge couples all steps by their highest, so a few caps on the facility's power are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.letting_in import let_in
from optimizer.liquid_loops import warm_loops
from optimizer.problem import Problem
from optimizer.schedule import Course, Standing, cheapest
from optimizer.schedule_tables import Tables, tabulate
from optimizer.switches import SwitchKind
from optimizer.waiting import Peak, best_put_off, best_under_peak, net_put_off_kw
from plant.forecast import Array

_BREAKS_CAP = 50.0
"""Money for a kilowatt-hour above a demand cap that is being tried."""
_CAPS = 6
_SHORT_KW = 1.0


@dataclass(frozen=True)
class Proposed:
    """A schedule (steps, switches), the tank's rate (steps,) and what a kilowatt-hour left in it is worth."""

    schedule: Array
    storage_kw: Array | None
    worth_per_kwh: float


def can_schedule(problem: Problem) -> bool:
    """Whether there is anything to decide: machines, the economizer's leave, a tank, work that may wait,
    outdoor air."""
    others = (SwitchKind.DEFERRAL, SwitchKind.OUTDOOR_AIR, SwitchKind.LIQUID)
    return _can_run(problem) or any(s.kind in others and s.axis.free for s in problem.switches.each)


def _can_run(problem: Problem) -> bool:
    """Whether what the plant room runs is ours to decide."""
    switches = problem.switches
    axes = [switches.axis(SwitchKind.CHILLERS), switches.axis(SwitchKind.ECONOMIZER), problem.board.tank]
    return any(a is not None and a.free for a in axes)


def propose(problem: Problem, path: Array) -> Proposed | None:
    """The best schedule around a path (steps, axes); None where nothing can be scheduled."""
    wanted = warm_loops(problem, path, let_in(problem, path, put_off(problem, path)))
    if not _can_run(problem):
        walked = problem.switches.walked(wanted, problem.grid.step_s)
        return Proposed(walked, problem.storage_kw, 0.0) if can_schedule(problem) else None
    return _run(problem, path, wanted)


def put_off(problem: Problem, path: Array) -> Array:
    """The problem's schedule with work put off to cheaper hours. Shape (steps, switches).

    Where the highest quarter hour is billed, it is looked at as a path (steps, axes) would have it.
    """
    switches, wanted = problem.switches, problem.schedule.copy()
    peak = _peak(problem, path)
    design = np.array([z.it_design_kw for z in problem.site.zones])
    for i, switch in enumerate(switches.each):
        if switch.kind is not SwitchKind.DEFERRAL or not switch.axis.free:
            continue
        spare = switches.spare_kw(switch, problem.world.it_reference_kw, design)
        waits = problem.waiting_kwh.get(switch.axis.levers[0].id, 0.0)
        price, hours = problem.energy_price, problem.grid.step_h
        most = switch.axis.high
        if peak is None:
            wanted[:, i] = best_put_off(price, most, waits, spare, hours)
            continue
        wanted[:, i] = best_under_peak(price, most, waits, spare, hours, peak)
        net = net_put_off_kw(wanted[:, i], waits, spare, hours)
        peak = replace(peak, facility_kw=peak.facility_kw - peak.per_kw * net)
    return switches.walked(wanted, problem.grid.step_s)


def _peak(problem: Problem, path: Array) -> Peak | None:
    """The months' peaks as a path comes to them; None where none is billed."""
    defers = any(s.kind is SwitchKind.DEFERRAL and s.axis.free for s in problem.switches.each)
    if not (problem.bill.months and defers):
        return None
    model, total = problem.model, problem.world.it_reference_kw.sum(axis=1)
    rolled = model.rollout(problem.course(path[None]), problem.world)
    metered = model.it_meter.at(np.stack([total, total + 1.0]))
    more = metered + model.losses.at(metered)
    return Peak(rolled.facility_kw[0], float((more[1] - more[0]).mean()), problem.bill)


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
    """The cheapest course, with the demand charge of its peaks: caps are tried month after month."""
    free = cheapest(tables.money, tables.can, tables.moves, start)
    if not isinstance(free, Course):
        # Locks and load do not fit: the PLC will have to break one, and keeps its times by itself.
        tables = replace(tables, can=replace(tables.can, min_on=1, min_off=1))
        free = cheapest(tables.money, tables.can, tables.moves, start)
    if not isinstance(free, Course):
        return None
    if not problem.bill.months:
        return free
    rows = np.arange(problem.grid.steps)

    def facility(course: Course) -> Array:
        return np.asarray(tables.facility_kw[rows, course.configuration, course.rate])

    kept = np.full(problem.grid.steps, np.inf)
    best, least = free, free.cost + float(problem.bill.cost(facility(free)))
    for month in problem.bill.months:
        lowest = float(month.peak_kw(tables.facility_kw.min(axis=(1, 2))))
        highest = float(month.peak_kw(facility(free)))
        tries = np.linspace(max(lowest, month.paid_kw), highest, _CAPS, endpoint=False)
        for caps in month.capped(kept, tries.tolist()):
            over = np.maximum(tables.facility_kw - caps[:, None, None], 0.0) * problem.grid.step_h
            tried = cheapest(tables.money + _BREAKS_CAP * over, tables.can, tables.moves, start)
            if isinstance(tried, Course):
                broken = float(over[rows, tried.configuration, tried.rate].sum()) * _BREAKS_CAP
                spent = tried.cost - broken + float(problem.bill.cost(facility(tried)))
                if spent < least - 1e-9:
                    best, least, kept = tried, spent, caps
    return best
