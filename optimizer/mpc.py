"""The planner as a policy: pose, search, solve, roll out, choose."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from optimizer import candidates
from optimizer.build import LinearPlan
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
            self._linear = LinearPlan.build(problem)
        best: Solved | NothingFound | SolverFailed = NothingFound("no pass was run")
        known = dict(paths)
        for number in range(self.settings.passes):
            contest = compare(problem, known)
            # Tangents reach less far each time, so that the passes settle.
            solved = self._linear.solve(problem, contest.paths[contest.winner], reach=0.5**number)
            if not isinstance(solved, Solved):
                return best if isinstance(best, Solved) else solved
            known[f"pass {number}"] = solved.path
            best = solved if number == 0 else _better(problem, best, solved)
        return best


def _better(problem: Problem, one: Solved | NothingFound | SolverFailed, other: Solved) -> Solved:
    if not isinstance(one, Solved):
        return other
    return (one, other)[compare(problem, {"one": one.path, "other": other.path}).winner]


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
