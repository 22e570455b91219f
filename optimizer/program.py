"""Passes of the linear program: the whole site at once, or zones in groups where there are many.

A hundred zones in one program cost a solver far more than ten programs of ten: zones meet only in the
chilled water's temperature, the heat and the flow. So a large site is walked group by group, each
group's program holding the plant room's cost and everyone else as they stand (the groups before it as
already decided), and the plant room's own levers come last. Every step solves a part of the same
program to its optimum, so no step makes it worse; a site of one group is that program itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from optimizer.beyond import Asks
from optimizer.blocks import Grouping
from optimizer.build import OUTPUTS, WATER_LAWS, Numbers, Scope, Shape, assemble, load_numbers
from optimizer.compiled import Compiled
from optimizer.matrix import Matrix
from optimizer.problem import PlannerSettings, Problem
from optimizer.shadow import Places, dearest_first, shadow_prices
from optimizer.solve import Ended, NothingFound, Solved, SolveOutcome, Solver, SolverFailed
from optimizer.walk import Settled, scopes
from plant.forecast import Array
from plant.plan import ShadowPrice, SolverFacts

_WHOLE_UP_TO = 16
"""Zones up to which one program is at least as quick as several."""
_GROUP = 8
"""Zones in a group beyond that."""


@dataclass(frozen=True)
class Built:
    """One structure: Pyomo's model, its formulas, and where its answers stand in a solution."""

    model: pyo.ConcreteModel
    compiled: Compiled
    x: NDArray[np.intp]
    beyond: tuple[NDArray[np.intp], ...]
    outputs: Mapping[str, NDArray[np.intp]]
    water_rows: NDArray[np.intp]
    places: Places

    @classmethod
    def of(cls, shape: Shape) -> Built:
        """Assemble and compile."""
        model = assemble(shape)
        compiled = Compiled(model)
        zones = (shape.blocks, shape.zones)
        return cls(
            model,
            compiled,
            compiled.columns_of(model.x).reshape(shape.blocks, -1),
            tuple(compiled.columns_of(v).reshape(zones) for v in (model.servers.rise_kw, model.fans.fan_kw)),
            {name: compiled.columns_of(model.find_component(name)) for name in OUTPUTS},
            np.concatenate([compiled.rows_of(model.find_component(name)) for name in WATER_LAWS]),
            Places.of(model, compiled),
        )

    def take(
        self, stands: Settled, scope: Scope, axes: NDArray[np.intp], matrix: Matrix, ended: Ended
    ) -> None:
        """Bring an answer into how the site stands."""
        if ended.values is None:
            return
        stands.path[:, axes] = ended.values[self.x]
        stands.beyond_kw[:, scope.zones] = sum(ended.values[at] for at in self.beyond)
        some = 0 < len(scope.zones) < stands.beyond_kw.shape[1]
        if some and ended.row_duals is not None:
            # Warmer water moves these rows' sides by their coefficient of it.
            on_water = matrix.sparse[self.water_rows][:, self.x[:, 2 * len(scope.zones)]]
            stands.water_price -= np.asarray(ended.row_duals[self.water_rows] @ on_water)


class LinearPlan:
    """Built structures and one solver for sites of one form; each pass brings new numbers."""

    def __init__(self, problem: Problem) -> None:
        """Build the structures for a problem; its numbers come with `solve`."""
        settings = problem.settings
        self._key = _key(problem)
        self.grouping = Grouping.of(problem.grid.steps, settings.fine_steps, settings.coarse_steps)
        self._groups = _groups(len(problem.model.zones), whole=not problem.model.bank.plain)
        self._plant_axes = len(problem.board.axes) - 2 * len(problem.model.zones)
        self.built: dict[int, Built] = {}
        for zones in {len(g) for g in self._groups} | ({0} if len(self._groups) > 1 else set()):
            shape = Shape(self.grouping.blocks, zones, self._plant_axes, Asks.of(problem))
            self.built[zones] = Built.of(shape)
        self._solver = Solver(solver_options(settings))
        self._bases: dict[int, highspy.HighsBasis | None] = {}

    def fits(self, problem: Problem) -> bool:
        """Whether a problem has this form."""
        return _key(problem) == self._key

    def solve(
        self, problem: Problem, around: Array, reach: float = 1.0, *, again: bool = False
    ) -> SolveOutcome:
        """The best path near ``around`` (steps, axes) under the cuts taken there.

        `reach` scales the neighborhood they are trusted in. `again` says that this is the next pass
        of the same question, which may start from the answer of the one before.
        """
        return self.run(self.numbers(problem, around, reach), again=again)

    def numbers(self, problem: Problem, around: Array, reach: float = 1.0) -> Numbers:
        """The learned laws' cuts around a path: what a pass brings into the program."""
        return Numbers.of(problem, around, self.grouping, reach)

    def run(self, numbers: Numbers, *, again: bool = False) -> SolveOutcome:
        """Bring numbers into the program's parts, solve them and read the path."""
        if not again:
            self._bases.clear()
        problem = numbers.problem
        stands = Settled.at(numbers)
        tally, last = _Tally(), dict[int, tuple[Built, Scope, Ended]]()
        for number, scope in scopes(numbers, stands, self._groups):
            built = self.built[len(scope.zones)]
            load_numbers(built.model, numbers, scope)
            matrix = built.compiled.matrix()
            try:
                ended = self._solver.run(matrix, self._start(number))
            except (RuntimeError, ValueError) as error:
                return SolverFailed(f"HiGHS broke down: {error}")
            if ended.values is None:
                return NothingFound(f"HiGHS ended with {ended.termination} and no trajectory")
            self._bases[number] = ended.basis
            built.take(stands, scope, scope.axes(problem), matrix, ended)
            last[number] = built, scope, ended
            tally.count(ended, matrix, {name: ended.values[at] for name, at in built.outputs.items()})
        steps = self.grouping.spread(stands.path, problem.grid.steps)
        found = tally.solved(problem.board.ramped(steps, problem.grid.step_s))
        return replace(found, priced=partial(_prices, numbers, tuple(last.values())))

    def matrices(self, numbers: Numbers) -> list[Matrix]:
        """The programs that `run` solves, each after the ones before it: for measuring."""
        ran: list[Matrix] = []
        problem, stands = numbers.problem, Settled.at(numbers)
        for _, scope in scopes(numbers, stands, self._groups):
            built = self.built[len(scope.zones)]
            load_numbers(built.model, numbers, scope)
            ran.append(built.compiled.matrix())
            ended = self._solver.run(ran[-1], None)
            if ended.values is not None:
                built.take(stands, scope, scope.axes(problem), ran[-1], ended)
        return ran

    def _start(self, number: int) -> highspy.HighsBasis | None:
        """Where the solver starts: this part's last answer, else that of the part before, alike.

        Both belong to the same question: nothing of an earlier question can change an answer.
        """
        if number in self._bases:
            return self._bases[number]
        alike = 0 < number < len(self._groups) and len(self._groups[number]) == len(self._groups[number - 1])
        return self._bases.get(number - 1) if alike else None


def _prices(numbers: Numbers, parts: Iterable[tuple[Built, Scope, Ended]]) -> tuple[ShadowPrice, ...]:
    """Of a whole pass; what several parts hold counts as the last of them has it."""
    prices = [p for built, scope, ended in parts for p in shadow_prices(built.places, numbers, scope, ended)]
    return dearest_first({p.limit: p for p in prices}.values())


class _Tally:
    """What the parts of one pass came to."""

    def __init__(self) -> None:
        self._ended: list[Ended] = []
        self._variables = self._constraints = 0
        self._extra: Mapping[str, Array] = {}

    def count(self, ended: Ended, matrix: Matrix, extra: Mapping[str, Array]) -> None:
        """Add a part."""
        self._ended.append(ended)
        self._variables += matrix.columns
        self._constraints += matrix.rows
        self._extra = extra

    def solved(self, path: Array) -> Solved:
        """The pass as a whole: proven where each part was."""
        unproven = [e for e in self._ended if not e.proven]
        gaps = [e.gap for e in self._ended if e.gap is not None]
        facts = SolverFacts(
            "highs",
            (unproven or self._ended)[0].termination,
            None if unproven and len(gaps) < len(self._ended) else max(gaps, default=None),
            self._variables,
            self._constraints,
        )
        return Solved(path, not unproven, facts, self._extra)


def _groups(zones: int, *, whole: bool) -> tuple[NDArray[np.intp], ...]:
    """Which zones are solved together; zones with cooling of their own stay in one program."""
    if whole or zones <= _WHOLE_UP_TO:
        return (np.arange(zones),)
    return tuple(np.array_split(np.arange(zones), -(-zones // _GROUP)))


def _key(problem: Problem) -> tuple[object, ...]:
    """Equal keys, equal structures."""
    settings = problem.settings
    solver = (settings.threads, settings.solve_limit_s, settings.gap)
    grid = (problem.grid.steps, settings.fine_steps, settings.coarse_steps)
    return (len(problem.model.zones), len(problem.board.axes), Asks.of(problem), *grid, *solver)


def solver_options(settings: PlannerSettings) -> dict[str, bool | int | float | str]:
    """Presolve costs these programs more than it saves, and devex is their quicker pricing: measured."""
    return {
        "threads": settings.threads,
        "time_limit": settings.solve_limit_s,
        "mip_rel_gap": settings.gap,
        "presolve": "off",
        "simplex_dual_edge_weight_strategy": 1,
    }
