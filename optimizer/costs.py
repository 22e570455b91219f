"""What a trajectory costs, part by part, and what of it energy prices do not show."""

from __future__ import annotations

import numpy as np

from optimizer.model import Rollout
from optimizer.problem import Problem
from plant.forecast import Array
from plant.plan import CostParts
from plant.site import EquipmentKind

SHORT_PRICE = 100.0
"""Penalty on cooling the machines asked for cannot make. [currency/kWh]"""


def demand(problem: Problem, rolled: Rollout) -> Array:
    """What the bills of months rise by for their highest quarter hours. Shape (candidates,). [currency]"""
    return problem.bill.cost(rolled.facility_kw)


def starts(problem: Problem, rolled: Rollout) -> Array:
    """Wear of starting machines. Shape (candidates,). [currency]"""
    machines = problem.site.equipment_of(EquipmentKind.CHILLER)
    each = float(np.mean([m.run.start_cost for m in machines])) if machines else 0.0
    if each == 0.0:
        return np.zeros(len(rolled.chillers_on))
    before = np.full((len(rolled.chillers_on), 1), problem.running.chillers)
    more = np.maximum(np.diff(rolled.chillers_on, axis=-1, prepend=before), 0.0)
    return np.asarray(each * more.sum(axis=-1))


def moved(problem: Problem, paths: Array) -> Array:
    """Whole moves of levers, counted as `max_move` each. Shape (candidates, steps)."""
    board = problem.board
    steps = np.abs(np.diff(paths, axis=1, prepend=np.broadcast_to(board.present, paths[:, :1].shape)))
    return np.asarray((steps / board.scale).sum(axis=2))


def beside_each(problem: Problem, rolled: Rollout) -> Array:
    """By step what energy's price does not show: carbon at a cap's price, cooling that falls short.

    Shape (candidates, steps).
    """
    hours = problem.grid.step_h
    short = SHORT_PRICE * rolled.short_kw * hours
    if problem.cap_price <= 0:
        return np.asarray(short)
    carbon_g = rolled.facility_kw * hours * np.nan_to_num(problem.carbon_g_per_kwh)
    return np.asarray(short + problem.cap_price * carbon_g)


def at_once(problem: Problem, rolled: Rollout) -> Array:
    """What belongs to no one step: demand charge, starts, less what the tank holds. Shape (candidates,)."""
    total = demand(problem, rolled) + starts(problem, rolled)
    if rolled.stored_kwh is not None:
        total = total - problem.stored_worth * rolled.stored_kwh[:, -1]
    return np.asarray(total)


def parts(problem: Problem, rolled: Rollout, paths: Array, i: int) -> CostParts:
    """One candidate's money by what it is paid for. A gap in carbon intensity costs nothing there."""
    energy_kwh = rolled.facility_kw[i] * problem.grid.step_h
    per_kg = problem.site.tariff.carbon_price_per_tonne / 1000
    carbon_kg = energy_kwh * np.nan_to_num(problem.carbon_g_per_kwh) / 1000
    water = rolled.water_l[i].sum() / 1000 * problem.site.tariff.water_price_per_m3
    wear = (
        problem.site.planning.move_cost * float(moved(problem, paths)[i].sum()) + starts(problem, rolled)[i]
    )
    return CostParts(
        energy=float((energy_kwh * problem.plain_price).sum()),
        carbon=float(carbon_kg.sum() * per_kg),
        water=float(water),
        demand=float(demand(problem, rolled)[i]),
        wear=float(wear),
        stored=0.0 if rolled.stored_kwh is None else _taken_out(problem, rolled.stored_kwh[i]),
    )


def _taken_out(problem: Problem, stored_kwh: Array) -> float:
    return problem.stored_worth * float(problem.world.stored_kwh - stored_kwh[-1])
