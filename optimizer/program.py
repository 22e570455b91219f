"""Passes of the linear program: the whole site at once, or zones in groups where there are many.

A hundred zones in one program cost a solver far more than ten programs of ten: zones meet only in the
chilled water's temperature, the heat and the flow. So a large site is walked group by group, each
group's program holding the plant room's cost and everyone else as they stand (the groups before it as
already decided), and the plant room's own levers come last. Every step solves a part of the same
program to its optimum, so no step makes it worse; a site of one group is that program itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from optimizer.beyond import Asks
from optimizer.blocks import Grouping
from optimizer.build import OUTPUTS, Numbers, Scope, Shape, assemble, load_numbers
from optimizer.compiled import Compiled
from optimizer.matrix import Matrix
from optimizer.problem import PlannerSettings, Problem
from optimizer.solve import Ended, NothingFound, Solved, Solver, SolverFailed
from plant.forecast import Array
from plant.plan import SolverFacts

_WHOLE_UP_TO = 24
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
        )


class LinearPlan:
    """Built structures and one solver for sites of one form; each pass brings new numbers."""

    def __init__(self, problem: Problem) -> None:
        """Build the structures for a problem; its numbers come with `solve`."""
        settings = problem.settings
        self._key = _key(problem)
        self.grouping = Grouping.of(problem.grid.steps, settings.fine_steps, settings.coarse_steps)
        self._groups = _groups(len(problem.model.zones))
        self._plant_axes = len(problem.board.axes) - 2 * len(problem.model.zones)
        self.built: dict[int, Built] = {}
        for zones in {len(g) for g in self._groups} | ({0} if len(self._groups) > 1 else set()):
            shape = Shape(self.grouping.blocks, zones, self._plant_axes, Asks.of(problem))
            self.built[zones] = Built.of(shape)
        self._solver = Solver(_options(settings))
        self._bases: dict[int, highspy.HighsBasis | None] = {}

    def fits(self, problem: Problem) -> bool:
        """Whether a problem has this form."""
        return _key(problem) == self._key

    def solve(
        self, problem: Problem, around: Array, reach: float = 1.0, *, again: bool = False
    ) -> Solved | NothingFound | SolverFailed:
        """The best path near ``around`` (steps, axes) under the cuts taken there.

        `reach` scales the neighborhood they are trusted in. `again` says that this is the next pass
        of the same question, which may start from the answer of the one before.
        """
        if not again:
            self._bases.clear()
        numbers = Numbers.of(problem, around, self.grouping, reach)
        stands = Settled.at(numbers)
        tally = _Tally()
        for number, scope in enumerate(self._scopes(numbers, stands)):
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
            stands.take(built, scope.zones, scope.axes(problem), ended.values)
            tally.count(ended, matrix, {name: ended.values[at] for name, at in built.outputs.items()})
        steps = self.grouping.spread(stands.path, problem.grid.steps)
        return tally.solved(problem.board.ramped(steps, problem.grid.step_s))

    def matrices(self, problem: Problem, around: Array, reach: float = 1.0) -> list[Matrix]:
        """The programs that `solve` would run, each after the ones before it: for measuring."""
        ran: list[Matrix] = []
        numbers = Numbers.of(problem, around, self.grouping, reach)
        stands = Settled.at(numbers)
        for scope in self._scopes(numbers, stands):
            built = self.built[len(scope.zones)]
            load_numbers(built.model, numbers, scope)
            ran.append(built.compiled.matrix())
            ended = self._solver.run(ran[-1], None)
            if ended.values is not None:
                stands.take(built, scope.zones, scope.axes(problem), ended.values)
        return ran

    def _start(self, number: int) -> highspy.HighsBasis | None:
        """Where the solver starts: this part's last answer, else that of the part before, alike.

        Both belong to the same question: nothing of an earlier question can change an answer.
        """
        if number in self._bases:
            return self._bases[number]
        alike = 0 < number < len(self._groups) and len(self._groups[number]) == len(self._groups[number - 1])
        return self._bases.get(number - 1) if alike else None

    def _scopes(self, numbers: Numbers, stands: Settled) -> Iterator[Scope]:
        """What is decided, part by part; each sees what the ones before it settled."""
        if len(self._groups) == 1:
            yield Scope.whole(numbers)
            return
        zones = len(numbers.problem.model.zones)
        plant = np.arange(2 * zones, numbers.low.shape[1])
        low, high = numbers.low.copy(), numbers.high.copy()
        low[:, plant] = high[:, plant] = stands.path[:, plant]
        terms = _FlowTerms(numbers, stands)
        for group in self._groups:
            rest = np.setdiff1d(np.arange(zones), group)
            yield Scope(group, low, high, stands.beyond_kw[:, rest].sum(axis=1), terms.without(group))
            terms.renew(group)
        none = np.zeros(0, dtype=np.intp)
        warmest = np.maximum(_warmest_water(numbers, stands), stands.path[:, 2 * zones])
        high = numbers.high.copy()
        high[:, 2 * zones] = np.minimum(high[:, 2 * zones], warmest)
        yield Scope(none, numbers.low, high, stands.beyond_kw.sum(axis=1), terms.without(none))


class _FlowTerms:
    """Each zone's terms in the cuts of the flow, kept up as zones are settled."""

    def __init__(self, numbers: Numbers, stands: Settled) -> None:
        self._flow, self._stands = numbers.flow, stands
        self._zones = stands.beyond_kw.shape[1]
        self._terms = self._of(np.arange(self._zones))
        self._total = self._terms.sum(axis=1)

    def _of(self, zones: NDArray[np.intp]) -> Array:
        """Shape (blocks, zones, cuts)."""
        path, beyond = self._stands.path, self._stands.beyond_kw
        return self._flow.of_zones(zones, path[:, zones], path[:, self._zones + zones], beyond[:, zones])

    def without(self, zones: NDArray[np.intp]) -> Array:
        """All but some zones'. Shape (blocks, cuts)."""
        return np.asarray(self._total - self._terms[:, zones].sum(axis=1))

    def renew(self, zones: NDArray[np.intp]) -> None:
        """Take what was just settled."""
        now = self._of(zones)
        self._total = self._total + (now - self._terms[:, zones]).sum(axis=1)
        self._terms[:, zones] = now


@dataclass
class Settled:
    """The site as it stands while its parts are solved one after the other.

    `path` (blocks, axes); `beyond_kw`, heat beyond the IT reference, (blocks, zones).
    """

    path: Array
    beyond_kw: Array

    @classmethod
    def at(cls, numbers: Numbers) -> Settled:
        """As the reference has it."""
        at = numbers.at
        return cls(at.path.copy(), at.it_kw + at.fan_kw - at.it_reference_kw)

    def take(self, built: Built, zones: NDArray[np.intp], axes: NDArray[np.intp], values: Array) -> None:
        """Bring in what a part decided."""
        self.path[:, axes] = values[built.x]
        self.beyond_kw[:, zones] = sum(values[at] for at in built.beyond)


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


def _warmest_water(numbers: Numbers, stands: Settled) -> Array:
    """The warmest chilled water with which every zone's coils still make its air. Shape (blocks,)."""
    zones = stands.beyond_kw.shape[1]
    supply, speed = stands.path[:, :zones], stands.path[:, zones : 2 * zones]
    valve = numbers.air.valve
    above = (valve.level + valve.slope * speed[..., None]).max(axis=-1)
    return np.asarray((supply - above).min(axis=1))


def _groups(zones: int) -> tuple[NDArray[np.intp], ...]:
    if zones <= _WHOLE_UP_TO:
        return (np.arange(zones),)
    return tuple(np.array_split(np.arange(zones), -(-zones // _GROUP)))


def _key(problem: Problem) -> tuple[object, ...]:
    """Equal keys, equal structures."""
    settings = problem.settings
    solver = (settings.threads, settings.solve_limit_s, settings.gap)
    grid = (problem.grid.steps, settings.fine_steps, settings.coarse_steps)
    return (len(problem.model.zones), len(problem.board.axes), Asks.of(problem), *grid, *solver)


def _options(settings: PlannerSettings) -> dict[str, bool | int | float | str]:
    """Presolve costs these programs more than it saves, and devex is their quicker pricing: measured."""
    return {
        "threads": settings.threads,
        "time_limit": settings.solve_limit_s,
        "mip_rel_gap": settings.gap,
        "presolve": "off",
        "simplex_dual_edge_weight_strategy": 1,
    }
