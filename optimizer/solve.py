"""Pyomo's HiGHS, with its options proven and its outcomes told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import highspy
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition

from plant.errors import BrokenPromise
from plant.forecast import Array
from plant.plan import SolverFacts

OptionValue: TypeAlias = bool | int | float | str


@dataclass(frozen=True)
class Solved:
    """A trajectory. `proven` says optimal within the gap; otherwise it is the best found in time."""

    path: Array
    proven: bool
    facts: SolverFacts


@dataclass(frozen=True)
class NothingFound:
    """The solver ended properly without a trajectory: infeasible, or out of time."""

    reason: str


@dataclass(frozen=True)
class SolverFailed:
    """The solver broke down."""

    reason: str


SolveOutcome: TypeAlias = Solved | NothingFound | SolverFailed


@dataclass(frozen=True)
class Ended:
    """How one run ended: with values in the model or not, proven or not."""

    has_values: bool
    proven: bool
    termination: str
    gap: float | None


def check_options(options: Mapping[str, OptionValue]) -> None:
    """Set every option on a bare HiGHS: it ignores what it does not know, and so would we.

    Raises
    ------
    BrokenPromise
        Naming the first option HiGHS does not take.
    """
    probe = highspy.Highs()  # type: ignore[no-untyped-call]
    probe.setOptionValue("output_flag", False)
    for name, value in options.items():
        if probe.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise BrokenPromise(f"HiGHS does not take option {name} = {value!r}")


class PersistentHighs:
    """One model kept in one HiGHS: parameters change between runs, structure never."""

    def __init__(self, model: pyo.ConcreteModel, options: Mapping[str, OptionValue]) -> None:
        check_options(options)
        self._model = model
        self._solver = SolverFactory("highs")
        config = self._solver.config
        config.load_solutions = False
        config.raise_exception_on_nonoptimal_result = False
        config.solver_options = dict(options)
        self._fresh = True

    def matrix(self) -> highspy.HighsLp:
        """The model as HiGHS holds it."""
        held: highspy.HighsLp = self._solver._solver_model.getLp()
        return held

    def run(self) -> Ended:
        """Solve with the parameters as they now stand, and load the values where there are any."""
        updates = self._solver.config.auto_updates
        if not self._fresh:
            # Only parameters change: looking for anything else costs more than the solve.
            updates.check_for_new_or_removed_constraints = False
            updates.check_for_new_or_removed_vars = False
            updates.check_for_new_or_removed_params = False
            updates.check_for_new_objective = False
            updates.update_constraints = False
            updates.update_vars = False
            updates.update_named_expressions = False
            updates.update_objective = False
            updates.update_parameters = True
        results = self._solver.solve(self._model)
        self._fresh = False
        found = results.solution_status in (SolutionStatus.optimal, SolutionStatus.feasible)
        if found:
            results.solution_loader.load_vars()
        condition = results.termination_condition
        proven = condition is TerminationCondition.convergenceCriteriaSatisfied
        bound, value = results.objective_bound, results.incumbent_objective
        gap = None
        if found and bound is not None and value is not None and abs(value) > 0:
            gap = abs(value - bound) / abs(value)
        return Ended(found, proven and found, condition.name, gap)
