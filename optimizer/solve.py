"""HiGHS on a compiled program: options proven, outcomes told apart, answers checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import highspy
import numpy as np

from optimizer.matrix import Matrix
from plant.errors import BrokenPromise
from plant.forecast import Array
from plant.plan import ShadowPrice, SolverFacts

OptionValue: TypeAlias = bool | int | float | str

_FEASIBLE = 1e-5
"""An answer this far outside a row or bound, relative to its size, is no answer."""


@dataclass(frozen=True)
class Solved:
    """A trajectory. `proven` says optimal within the gap; otherwise it is the best found in time.

    `extra` holds what laws besides the levers' decided, by name, over the program's blocks.
    """

    path: Array
    proven: bool
    facts: SolverFacts
    extra: Mapping[str, Array] = field(default_factory=dict)
    priced: Callable[[], tuple[ShadowPrice, ...]] = tuple

    @cached_property
    def prices(self) -> tuple[ShadowPrice, ...]:
        """What more room at its limits would save. Reckoned when asked: most passes never are."""
        return self.priced()


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
    """How one run ended: with values that keep every row or not, proven or not."""

    values: Array | None
    proven: bool
    termination: str
    gap: float | None
    basis: highspy.HighsBasis | None = None
    """Where the next run of a program like this may start."""
    optimum: highspy.HighsSolution | None = None
    """HiGHS' own record of it. Only of continuous programs."""

    @cached_property
    def row_duals(self) -> Array | None:
        """Shadow price of each row: money for a unit more on its side."""
        return None if self.optimum is None else np.array(self.optimum.row_dual)

    @cached_property
    def col_duals(self) -> Array | None:
        """Shadow price of each variable's bound that holds it."""
        return None if self.optimum is None else np.array(self.optimum.col_dual)


def check_options(options: Mapping[str, OptionValue]) -> None:
    """Set every option on a bare HiGHS: it ignores what it does not know, and so would we.

    Raises
    ------
    BrokenPromise
        Naming the first option HiGHS does not take.
    """
    _configured(options)


def _configured(options: Mapping[str, OptionValue]) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    for name, value in options.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise BrokenPromise(f"HiGHS does not take option {name} = {value!r}")
    return solver


def hand_over(solver: highspy.Highs, matrix: Matrix) -> bool:
    """Give HiGHS a program as arrays; whether it took it. It forgets what it solved before."""
    sides = (matrix.cost, matrix.col_lower, matrix.col_upper, matrix.row_lower, matrix.row_upper)
    sparse = (matrix.start, matrix.index, matrix.value)
    size = (matrix.columns, matrix.rows, len(matrix.value))
    form = (int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize), matrix.offset)
    status = solver.passModel(*size, *form, *sides, *sparse, matrix.integral)
    return bool(status != highspy.HighsStatus.kError)


class Solver:
    """HiGHS with options; each run is a HiGHS of its own.

    A program with several optima has several right answers, and which one HiGHS finds depends on
    where it starts. So it starts from nothing or from a basis the caller names, never from whatever
    was solved last. (A kept HiGHS also counts its time limit over all it ever solved.)
    """

    def __init__(self, options: Mapping[str, OptionValue]) -> None:
        """Raises `BrokenPromise` on an option that HiGHS does not take."""
        check_options(options)
        self._options = dict(options)

    def run(self, matrix: Matrix, start: highspy.HighsBasis | None = None) -> Ended:
        """Solve one program, from a basis or from nothing.

        A basis of another program may be one that HiGHS cannot go on from: then it starts from nothing.
        """
        ended = self._once(matrix, start)
        return self._once(matrix, None) if ended.values is None and start is not None else ended

    def _once(self, matrix: Matrix, start: highspy.HighsBasis | None) -> Ended:
        highs = _configured(self._options)
        if not hand_over(highs, matrix):
            return Ended(None, False, "a program it does not take", None)
        if matrix.discrete:
            highs.setOptionValue("presolve", "on")
        elif start is not None:
            highs.setBasis(start)
        highs.run()
        return _ended(highs, matrix)


def _ended(highs: highspy.Highs, matrix: Matrix) -> Ended:
    """How a run ended; values count only where they are finite and keep every row and bound."""
    condition = highs.getModelStatus()
    name = str(highs.modelStatusToString(condition)).lower()
    info = highs.getInfo()
    if info.primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
        return Ended(None, False, name, None)
    solution = highs.getSolution()
    values = np.array(solution.col_value)
    worst = matrix.worst_violation(values)
    if not worst <= _FEASIBLE:
        return Ended(None, False, f"{name}, but an answer that breaks a limit by {worst:.1g}", None)
    proven = condition == highspy.HighsModelStatus.kOptimal
    if matrix.discrete:
        return Ended(values, proven, name, float(info.mip_gap))
    if not proven:
        return Ended(values, False, name, None)
    return Ended(values, True, name, 0.0, highs.getBasis(), solution)
