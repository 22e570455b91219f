"""What a path is judged by beside its money: limits that are passed, levers that are moved."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from optimizer.costs import moved
from optimizer.model import Rollout
from optimizer.problem import Problem
from plant.forecast import Array

Passed: TypeAlias = tuple[Array | float, Array | float]
"""How far a limit is passed, and the margin kept from it. [K]"""

_TOLERATED_K = 0.05


def first_moves(problem: Problem, values: Array) -> Array:
    """What would be written now of first steps (candidates, axes).

    On the levers' resolution, and never less cooling for a zone above its limit.
    """
    board = problem.board
    found, zones = board.written(values), len(board.supply)
    warmest = problem.model.bank.padded(problem.world.inlets_c).max(axis=-1)
    hot = np.flatnonzero(warmest > problem.limit_c)
    found[:, hot] = np.minimum(found[:, hot], board.present[hot])
    found[:, zones + hot] = np.maximum(found[:, zones + hot], board.present[zones + hot])
    return found


def exceeded(problem: Problem, rolled: Rollout, tolerated: Passed = (0.0, 0.0)) -> Array:
    """The price of inlets above their limit, and of a part of it inside the margin kept from it.

    Shape (candidates, steps), the worst zone's. ``tolerated`` is how far each step and zone may pass the
    limit and the margin (`passed_k`) without a price.
    """
    over, into = passed_k(problem, rolled)
    over = np.maximum(over - np.maximum(tolerated[0], 0.0), 0.0)
    into = np.maximum(into - np.maximum(tolerated[1], _TOLERATED_K), 0.0)
    s = problem.settings
    priced = s.violation_cost_per_k_h * over.max(axis=-1) + s.margin_cost_per_k_h * into.max(axis=-1)
    return np.asarray(priced * problem.grid.step_h)


def passed_k(problem: Problem, rolled: Rollout) -> tuple[Array, Array]:
    """The same for rollouts; negative where they are kept. Shapes (candidates, steps, zones). [K]"""
    over = rolled.worst_inlet_c - problem.limit_c
    return over, over + problem.margin_k(rolled.worst_inlet_std_k)


def movement(problem: Problem, paths: Array) -> Array:
    """A small price on movement, which breaks ties. Shape (candidates, steps)."""
    return moved(problem, paths) * problem.settings.move_cost
