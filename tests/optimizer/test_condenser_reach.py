"""A condenser setpoint below what the tower reaches is not a trap: the program finds its way up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from analytic_plant import outlook, snapshot_at

from optimizer import candidates
from optimizer.model import PlantModel
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.program import LinearPlan
from optimizer.solve import Solved
from plant.history import History
from plant.quantities import Quantity

WET_C = 24.0


def posed(history: History, model: PlantModel, cw_c: float) -> Problem:
    """A muggy day with the condenser setpoint standing at `cw_c`."""
    row, site = snapshot_at(history, 700), history.site
    points = site.points_with(Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT)
    changed = {p.id: replace(row.readings[p.id], value=cw_c) for p in points}
    settings = PlannerSettings(n_minus_one=False)
    snapshot = replace(row, readings={**row.readings, **changed})
    found = pose(site, model, settings, snapshot, outlook(site, row.time, wet_c=WET_C))
    assert isinstance(found, Problem)
    return found


def kwh(problem: Problem, path: np.ndarray) -> float:
    rolled = problem.model.rollout(problem.course(path[None]), problem.world)
    return float(rolled.facility_kw.sum() * problem.grid.step_h)


def test_the_program_raises_a_setpoint_that_the_tower_cannot_reach(
    history: History, model: PlantModel
) -> None:
    warm = posed(history, model, 28.0)
    costs = {c: kwh(warm, _held(warm, c)) for c in np.arange(24.5, 30.0, 0.5)}
    flat = [c for c in costs if abs(costs[c] - costs[24.5]) < 1e-6 * costs[24.5]]
    stuck = max(flat)  # the warmest setpoint that is still no other than the coldest
    assert stuck > 24.5
    assert min(costs.values()) < costs[stuck] - 20.0  # and a warmer one is worth having
    problem = posed(history, model, stuck - 0.5)
    start = candidates.hold(problem)
    solved = LinearPlan(problem).solve(problem, start, reach=1.0, again=False)
    assert isinstance(solved, Solved)
    assert solved.path[4:, problem.board.axes.index(problem.board.cw)].mean() > stuck


def _held(problem: Problem, cw_c: float) -> np.ndarray:
    path = candidates.hold(problem)
    path[:, problem.board.axes.index(problem.board.cw)] = cw_c
    return path
