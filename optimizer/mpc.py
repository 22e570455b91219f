"""The planner as a policy: pose, schedule, search, solve, roll out, choose."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer import candidates
from optimizer.answer import answer
from optimizer.economizer_watch import EconomizerWatch
from optimizer.model import PlantModel
from optimizer.plan import Contest, compare
from optimizer.polish import with_polish
from optimizer.pose import Unready, pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.program import LinearPlan
from optimizer.running import RunClock
from optimizer.scheduling import Proposed, can_schedule, enough, propose
from optimizer.solve import NothingFound, Solved, SolveOutcome
from optimizer.static import StaticMap, map_key, tabulate
from optimizer.switches import SwitchKind
from plant.forecast import Array, Forecast
from plant.plan import NoPlan, NoPlanCause, ShadowPrice
from plant.ports import PolicyAnswer
from plant.site import Site
from plant.snapshot import Snapshot

_SHARES = (1.0, 0.7, 0.4, 0.2)
_UNLIKE_STEPS, _TOO_DEAR = 4, 0.1
"""Steps in which another course of the machines differs, and how much dearer it may begin."""
_WORTH_A_PASS = 2e-4
"""Relative improvement of a pass below which another is not worth its time."""


@dataclass(frozen=True)
class Found:
    """One search's contest, what the solver said, and the seconds of each stage."""

    contest: Contest
    solved: SolveOutcome
    stage_s: dict[str, float]

    @property
    def carbon_kg(self) -> float:
        """Carbon of the winner over the horizon; hours without intensity count nothing. [kg]"""
        problem, rolled = self.contest.problem, self.contest.rolled
        grams = rolled.facility_kw[self.contest.winner] * np.nan_to_num(problem.carbon_g_per_kwh)
        return float(grams.sum()) * problem.grid.step_h / 1000

    @property
    def prices(self) -> tuple[ShadowPrice, ...]:
        """What more room would save; the carbon cap's price is the one that just keeps it."""
        cap = self.contest.problem.cap_price * 1000
        own = (ShadowPrice("carbon cap", "kg", cap),) if cap > 0 else ()
        return (*own, *(self.solved.prices if isinstance(self.solved, Solved) else ()))


class MpcPolicy:
    """Plans the horizon with the learned model. Satisfies `plant.ports.Policy`.

    Deterministic: the same snapshot and forecast give the same plan. It keeps tables and a built
    solver model between calls only to save time; pickling drops them.
    """

    def __init__(self, site: Site, model: PlantModel, settings: PlannerSettings | None = None) -> None:
        self.site = site
        self.model = model
        self.settings = settings or PlannerSettings.of(site)
        self._tables: tuple[tuple[object, ...], StaticMap] | None = None
        self._linear: LinearPlan | None = None
        law = model.economizer
        self._clock = RunClock(economizer=EconomizerWatch(law.switching if law.present else None))

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
        problem = pose(
            self.site, self.model, self.settings, snapshot, forecast, self._clock.observe(snapshot)
        )
        if isinstance(problem, Unready):
            return NoPlan(snapshot.time, NoPlanCause.NO_DATA, problem.reason)
        found = self._under_cap(problem)
        return answer(snapshot, found.contest, found.solved, found.prices, found.stage_s)

    def _under_cap(self, problem: Problem) -> Found:
        """The best plan; under a carbon cap, at the least price of carbon that keeps it.

        Where no price up to the penalty does, the plan at the penalty: the cap is broken least there.
        """
        cap = problem.carbon_cap_kg
        free = self._search(problem)
        if cap is None or free.carbon_kg <= cap:
            return free
        low, high = 0.0, self.settings.cap_price_per_kg / 1000
        best = self._search(problem.at_cap_price(high))
        if best.carbon_kg > cap:
            return best
        for _ in range(self.settings.cap_trials):
            middle = (low + high) / 2
            tried = self._search(problem.at_cap_price(middle))
            if tried.carbon_kg <= cap:
                best, high = tried, middle
            else:
                low = middle
        return best

    def _search(self, problem: Problem) -> Found:
        """Every candidate there is for one problem, rolled out and compared."""
        began = time.perf_counter()
        tables = self._static_map(problem)
        scheduled = _scheduled(problem, tables)
        paths = {
            **candidates.optima(scheduled, tables),
            "reset": candidates.reset_rule(scheduled, tables),
            "hold": candidates.hold(problem),
            "fixed": candidates.as_found(problem),
            "full cooling": candidates.full_cooling(problem),
        }
        schedules = dict.fromkeys(paths, scheduled.schedule)
        steps, step_s = problem.grid.steps, problem.grid.step_s
        schedules["hold"] = problem.switches.held(steps)
        schedules["fixed"] = problem.switches.as_found(steps, step_s)
        schedules["full cooling"] = problem.switches.safest(steps, step_s)
        if scheduled is not problem:
            # What runs stays as it is: a schedule is never proposed that is worse than none.
            paths[f"{candidates.OPTIMUM}, same machines"] = candidates.optimum(problem, tables)
            schedules[f"{candidates.OPTIMUM}, same machines"] = problem.schedule
        searched = time.perf_counter()
        solved = self._solve(
            scheduled, {name: p for name, p in paths.items() if _alike(schedules[name], scheduled)}
        )
        if isinstance(solved, Solved):
            paths = {"solver": solved.path, **paths}
            schedules["solver"] = scheduled.schedule
        answered = time.perf_counter()
        judged = replace(problem, stored_worth=scheduled.stored_worth)
        contest = compare(judged, paths, schedules if problem.switches.each else None)
        compared = time.perf_counter()
        contest = with_polish(contest, scheduled)
        stages = {
            "search": searched - began,
            "solve": answered - searched,
            "compare": compared - answered,
            "polish": time.perf_counter() - compared,
        }
        return Found(contest, solved, stages)

    def _static_map(self, problem: Problem) -> StaticMap:
        key = map_key(problem)
        if self._tables is None or self._tables[0] != key:
            self._tables = (key, tabulate(problem))
        return self._tables[1]

    def _solve(self, problem: Problem, paths: dict[str, Array]) -> SolveOutcome:
        """The solver's path around the better of the rules' paths."""
        if not self.settings.use_solver:
            return NothingFound("the solver is switched off")
        if self._linear is None or not self._linear.fits(problem):
            self._linear = LinearPlan(problem)
        known = compare(problem, paths)
        best: SolveOutcome = NothingFound("no pass was run")
        least = float("inf")
        for start in _unlike_starts(known):
            solved, score = self._passes(problem, known.paths[start], float(known.score[start]))
            if score < least or not isinstance(best, Solved):
                best, least = solved, score
        return best

    def _passes(self, problem: Problem, around: Array, score: float) -> tuple[SolveOutcome, float]:
        """The solver's path around one other, and its score."""
        best: SolveOutcome = NothingFound("no pass was run")
        assert self._linear is not None
        for number in range(self.settings.passes):
            # Cuts reach less far each time, so that the passes settle.
            solved = self._linear.solve(problem, around, reach=0.5**number, again=number > 0)
            if not isinstance(solved, Solved):
                return (best, score) if isinstance(best, Solved) else (solved, float("inf"))
            path, reached = _along(problem, around, solved.path)
            best = replace(solved, path=path)
            if reached > score * (1 - _WORTH_A_PASS):
                return best, reached
            around, score = path, reached
        return best, score


def _unlike_starts(known: Contest) -> list[int]:
    """The best path, and the best of those under which the economizer runs at other times.

    Cuts are taken for one course of the machines: no pass around a path gets from one to the other.
    """
    first, on = known.winner, known.rolled.economizer_on
    if on is None:
        return [first]
    others = np.flatnonzero((on != on[first]).sum(axis=1) >= _UNLIKE_STEPS)
    near = [int(i) for i in others if known.score[i] < (1 + _TOO_DEAR) * known.score[first]]
    return [first, *sorted(near, key=lambda i: float(known.score[i]))[:1]]


def _along(problem: Problem, start: Array, end: Array) -> tuple[Array, float]:
    """The best point on the way from a path to the solver's, in the rollout, and its score.

    The program's cuts are optimistic far from where they were taken: part of the way may be better
    than all of it.
    """
    contest = compare(problem, {f"{share}": start + share * (end - start) for share in _SHARES})
    return contest.paths[contest.winner], float(contest.score.min())


def _scheduled(problem: Problem, tables: StaticMap) -> Problem:
    """The problem with what runs and what the tank does decided, where the site lets us decide it."""
    stays = problem
    if problem.switches.column(SwitchKind.DEFERRAL) is not None:
        # A lever that is held puts off what it does all the same.
        stays = problem.under(problem.schedule, problem.storage_kw, problem.stored_worth)
    if not can_schedule(problem):
        return stays
    proposed = propose(problem, candidates.optimum(problem, tables))
    if proposed is None:
        return stays
    found = problem.under(proposed.schedule, proposed.storage_kw, proposed.worth_per_kwh)
    # Once more around what the zones do under it: what runs moves their optimum.
    again = _again(problem, found, candidates.optimum(found, tables))
    if again is not None:
        found = problem.under(again.schedule, again.storage_kw, again.worth_per_kwh)
    schedule = enough(found, candidates.optimum(found, tables))
    return problem.under(schedule, found.storage_kw, found.stored_worth)


def _again(problem: Problem, found: Problem, path: Array) -> Proposed | None:
    """Schedule once more where the zones would stand; what is put off is decided once."""
    return propose(replace(found, world=problem.world), path)


def _alike(schedule: Array, problem: Problem) -> bool:
    return bool(np.array_equal(schedule, problem.schedule))
