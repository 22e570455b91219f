"""The trajectories a plan is chosen from, besides the solver's: each a rule anyone could state."""

from __future__ import annotations

import numpy as np

from optimizer.machine_path import MachineMap, free_known, remembers
from optimizer.problem import Problem
from optimizer.search import per_step_optimum
from optimizer.static import StaticMap
from plant.forecast import Array

OPTIMUM = "per-step optimum"
_RESET_BELOW_LIMIT_K, _RESET_RISE_K, _RESET_APPROACH_K = 1.0, 2.5, 4.0


def hold(problem: Problem) -> Array:
    """Everything stays where it is. Shape (steps, axes), as of all here."""
    present = np.array([a.present for a in problem.board.axes])
    return np.broadcast_to(present, (problem.grid.steps, len(present))).copy()


def as_found(problem: Problem) -> Array:
    """Back to the setpoints the site was run at before us."""
    target = np.array([a.as_found for a in problem.board.axes])
    return _walk(problem, np.broadcast_to(target, (problem.grid.steps, len(target))))


def full_cooling(problem: Problem) -> Array:
    """The way out: coolest air, full airflow, coldest water."""
    target = np.array([a.low if a.safe_is_down else a.high for a in problem.board.axes])
    return _walk(problem, np.broadcast_to(target, (problem.grid.steps, len(target))))


def optimum(problem: Problem, tables: StaticMap) -> Array:
    """Each step's own optimum, as fast as the levers may follow it."""
    return next(iter(optima(problem, tables).values()))


def optima(problem: Problem, tables: StaticMap) -> dict[str, Array]:
    """By name: the optimum, and where the economizer's state is known, the best that never starts it."""
    nodes = search_nodes(problem)
    if not remembers(problem):
        found = {OPTIMUM: per_step_optimum(problem, tables, nodes)}
    else:
        machines = MachineMap.of(problem, tables, nodes)
        found = {OPTIMUM: machines.path()}
        if free_known(problem):
            found[f"{OPTIMUM}, no free cooling begun"] = machines.path(may_start=False)
    return {name: _walk(problem, _between(problem, nodes, path)) for name, path in found.items()}


def _between(problem: Problem, nodes: Array, found: Array) -> Array:
    """Setpoints at the grid's nodes interpolated between them."""
    steps = np.arange(problem.grid.steps)
    return np.column_stack([np.interp(steps, nodes, found[:, i]) for i in range(found.shape[1])])


def search_nodes(problem: Problem) -> Array:
    """Steps at which the optimum is searched: dense early, coarse late."""
    fine = min(problem.settings.fine_steps, problem.grid.steps)
    return np.unique(
        np.concatenate(
            [np.arange(0, fine, 2), np.arange(fine, problem.grid.steps, problem.settings.coarse_steps)]
        )
    )


def reset_rule(problem: Problem, tables: StaticMap) -> Array:
    """What trim-and-respond tends to: slow fans to a set rise, then the warmest supply that fits."""
    nodes = search_nodes(problem)
    world = problem.world
    supplies, speeds = [], []
    chw = np.full(len(nodes), np.inf)
    for z, table in enumerate(tables.zones):
        reference = world.it_reference_kw[nodes, z]
        rise = table.at(table.rise_k, reference)
        fits = (rise <= _RESET_RISE_K) & (
            table.supply_c + rise + world.inlet_bias_k[z].max() <= problem.limit_c[z] - _RESET_BELOW_LIMIT_K
        )
        # Slowest fan first, warmest supply second; where none fits, the coolest there is.
        merit = np.where(fits, table.speed * 1000 - table.supply_c, 1e6 + table.supply_c + rise)
        pick = merit.argmin(axis=1)[:, None]
        supplies.append(table.supply_c[pick[:, 0]])
        speeds.append(table.speed[pick[:, 0]])
        coolest = np.take_along_axis(table.at(table.coolest_k, reference), pick, axis=1)[:, 0]
        chw = np.minimum(chw, supplies[-1] - 1.1 * coolest)
    found = np.column_stack([*supplies, *speeds, chw, world.wet_bulb_c[nodes] + _RESET_APPROACH_K])
    steps = np.arange(problem.grid.steps)
    return _walk(problem, np.column_stack([np.interp(steps, nodes, c) for c in found.T]))


def _walk(problem: Problem, target: Array) -> Array:
    """As fast as the levers may; a target that says nothing of the tank follows its planned rate."""
    if target.shape[-1] < len(problem.board.axes) and problem.storage_kw is not None:
        target = np.column_stack([target, problem.storage_kw])
    return problem.board.ramped(np.array(target, dtype=float), problem.grid.step_s)
