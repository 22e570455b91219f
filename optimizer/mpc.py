"""The planner as a policy: pose, search, solve, roll out, choose."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from optimizer import candidates
from optimizer.program import LinearPlan
from optimizer.explain import reason
from optimizer.model import PlantModel
from optimizer.plan import Contest, binding, compare, plan_id, prediction
from optimizer.problem import PlannerSettings, Problem, Unready, pose
from optimizer.solve import NothingFound, Solved, SolverFailed
from optimizer.static import StaticMap, map_key, tabulate
from plant.forecast import Array, Forecast
from plant.plan import NoPlan, NoPlanCause, Plan, PlanStatus, SolverFacts
from plant.ports import Advice, PolicyAnswer
from plant.site import Site
from plant.snapshot import Snapshot

_SHARES = (1.0, 0.7, 0.4, 0.2)
_WORTH_A_PASS = 2e-4
"""Relative improvement of a pass below which another is not worth its time."""


class MpcPolicy:
    """Plans the horizon with the learned model. Satisfies `plant.ports.Policy`.

    Deterministic: the same snapshot and forecast give the same plan. It keeps tables and a built
    solver model between calls only to save time; pickling drops them.
    """

    def __init__(self, site: Site, model: PlantModel, settings: PlannerSettings | None = None) -> None:
        self.site = site
        self.model = model
        self.settings = settings or PlannerSettings()
        self._tables: tuple[tuple[object, ...], StaticMap] | None = None
        self._linear: LinearPlan | None = None

    def __getstate__(self) -> tuple[Site, PlantModel, PlannerSettings]:
        return self.site, self.model, self.settings

    def __setstate__(self, state: tuple[Site, PlantModel, PlannerSettings]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def name(self) -> str:
        """``mpc``."""
        return "mpc"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """The best plan found for this state and outlook, or why there is none."""
        began = time.perf_counter()
        problem = pose(self.site, self.model, self.settings, snapshot, forecast)
        if isinstance(problem, Unready):
            return NoPlan(snapshot.time, NoPlanCause.NO_DATA, problem.reason)
        tables = self._static_map(problem)
        paths = {
            "per-step optimum": candidates.optimum(problem, tables),
            "reset": candidates.reset_rule(problem, tables),
            "hold": candidates.hold(problem),
            "fixed": candidates.as_found(problem),
            "full cooling": candidates.full_cooling(problem),
        }
        searched = time.perf_counter()
        solved = self._solve(problem, paths)
        if isinstance(solved, Solved):
            paths = {"solver": solved.path, **paths}
        answered = time.perf_counter()
        contest = compare(problem, paths)
        stages = {
            "search": searched - began,
            "solve": answered - searched,
            "compare": time.perf_counter() - answered,
        }
        return _answer(snapshot, contest, solved, stages)

    def _static_map(self, problem: Problem) -> StaticMap:
        key = map_key(problem)
        if self._tables is None or self._tables[0] != key:
            self._tables = (key, tabulate(problem))
        return self._tables[1]

    def _solve(self, problem: Problem, paths: dict[str, Array]) -> Solved | NothingFound | SolverFailed:
        """The solver's path around the better of the rules' paths."""
        if not self.settings.use_solver:
            return NothingFound("the solver is switched off")
        if self._linear is None or not self._linear.fits(problem):
            self._linear = LinearPlan(problem)
        best: Solved | NothingFound | SolverFailed = NothingFound("no pass was run")
        known = compare(problem, paths)
        around, score = known.paths[known.winner], known.score.min()
        for number in range(self.settings.passes):
            # Cuts reach less far each time, so that the passes settle.
            solved = self._linear.solve(problem, around, reach=0.5**number, again=number > 0)
            if not isinstance(solved, Solved):
                return best if isinstance(best, Solved) else solved
            path, reached = _along(problem, around, solved.path)
            best = replace(solved, path=path)
            if reached > score * (1 - _WORTH_A_PASS):
                return best
            around, score = path, reached
        return best


def _along(problem: Problem, start: Array, end: Array) -> tuple[Array, float]:
    """The best point on the way from a path to the solver's, in the rollout, and its score.

    The program's cuts are optimistic far from where they were taken: part of the way may be better
    than all of it.
    """
    contest = compare(problem, {f"{share}": start + share * (end - start) for share in _SHARES})
    return contest.paths[contest.winner], float(contest.score.min())


def _answer(
    snapshot: Snapshot,
    contest: Contest,
    solved: Solved | NothingFound | SolverFailed,
    stages: dict[str, float],
) -> PolicyAnswer:
    problem, i = contest.problem, contest.winner
    facts = _facts(solved, stages)
    hopeless = _hopeless(contest, i)
    if hopeless is not None:
        return NoPlan(snapshot.time, NoPlanCause.INFEASIBLE, hopeless, facts)
    path = contest.paths[i]
    if not np.isfinite(path).all() or not np.isfinite(contest.score[i]):
        return NoPlan(snapshot.time, NoPlanCause.FAILED_CHECK, "the best candidate holds no numbers", facts)
    binds = binding(contest, i)
    why = reason(contest, i, binds)
    plan = Plan(
        id=plan_id(problem, path),
        made_at=snapshot.time,
        grid=problem.grid,
        status=_status(contest.names[i], solved),
        chosen=contest.names[i],
        trajectory=problem.board.trajectory(path),
        prediction=prediction(contest, i),
        hold=prediction(contest, contest.index("hold")),
        candidates=contest.candidates(),
        binding=binds,
        reason=why,
        model_version=problem.model.version,
        solver=facts,
    )
    return Advice(plan.first(), why, plan)


def _status(chosen: str, solved: Solved | NothingFound | SolverFailed) -> PlanStatus:
    if chosen == "solver" and isinstance(solved, Solved):
        return PlanStatus.OPTIMAL if solved.proven else PlanStatus.INCUMBENT
    return PlanStatus.HEURISTIC


def _facts(solved: Solved | NothingFound | SolverFailed, stages: dict[str, float]) -> SolverFacts:
    match solved:
        case Solved():
            return replace(solved.facts, stage_s=stages)
        case NothingFound(reason=why) | SolverFailed(reason=why):
            return SolverFacts("highs", why, None, 0, 0, stages)


def _hopeless(contest: Contest, i: int) -> str | None:
    """Why even the best candidate is no plan: a zone goes past what its machines allow, and stays."""
    problem, rolled = contest.problem, contest.rolled
    allowed = np.array([z.limits.allowable_max_c for z in problem.site.zones])
    steps = max(1, round(1.0 / problem.grid.step_h))
    for z, zone in enumerate(problem.site.zones):
        worst = rolled.worst_inlet_c[i, :, z]
        if len(worst) > steps and worst[steps:].min() > allowed[z]:
            return (
                f"{zone.id} stays above its allowable {allowed[z]:g} °C (at best {worst[steps:].min():.1f}) "
                "with every lever where it helps most: shed load or find more cooling"
            )
    return None
