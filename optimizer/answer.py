"""From a contest to an answer: the plan, or why there is none and what would be the least bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optimizer.conflict import conflict, least_over, too_warm
from optimizer.costs import parts
from optimizer.explain import reason
from optimizer.penalties import violations
from optimizer.plan import Contest, binding, first_move_alone, plan_id, prediction, trajectory
from optimizer.solve import NothingFound, Solved, SolveOutcome, SolverFailed
from plant.plan import NoPlan, NoPlanCause, Plan, PlanStatus, ShadowPrice, SolverFacts
from plant.ports import Advice, PolicyAnswer
from plant.snapshot import Snapshot


def answer(
    snapshot: Snapshot,
    contest: Contest,
    solved: SolveOutcome,
    prices: tuple[ShadowPrice, ...],
    stages: Mapping[str, float],
) -> PolicyAnswer:
    """The winner as advice; `NoPlan` where it holds no numbers or a zone stays above what is allowed."""
    i = contest.winner
    facts = _facts(solved, stages)
    if not np.isfinite(contest.paths[i]).all() or not np.isfinite(contest.score[i]):
        return NoPlan(snapshot.time, NoPlanCause.FAILED_CHECK, "the best candidate holds no numbers", facts)
    plan = _plan(snapshot, contest, i, _status(contest.names[i], solved), prices, facts)
    hot = too_warm(contest, i)
    if hot:
        return NoPlan(
            snapshot.time,
            NoPlanCause.INFEASIBLE,
            _hopeless(contest, i, hot[0]),
            facts,
            conflict=conflict(contest, i),
            advice=plan,
        )
    return Advice(plan.first(), plan.reason, plan)


def _plan(
    snapshot: Snapshot,
    contest: Contest,
    i: int,
    status: PlanStatus,
    prices: tuple[ShadowPrice, ...],
    facts: SolverFacts,
) -> Plan:
    problem, held = contest.problem, contest.index("hold")
    binds = binding(contest, i)
    return Plan(
        id=plan_id(problem, contest.paths[i], contest.schedules[i]),
        made_at=snapshot.time,
        grid=problem.grid,
        status=status,
        chosen=contest.names[i],
        trajectory=trajectory(contest, i),
        prediction=prediction(contest, i),
        hold=prediction(contest, held),
        candidates=contest.candidates(),
        binding=binds,
        reason=reason(contest, i, binds),
        model_version=problem.learned,
        solver=facts,
        costs=parts(problem, contest.rolled, contest.paths, i),
        hold_costs=parts(problem, contest.rolled, contest.paths, held),
        shadow_prices=prices,
        violations=violations(contest, i),
        alone=first_move_alone(contest, i),
    )


def _status(chosen: str, solved: SolveOutcome) -> PlanStatus:
    if chosen.startswith("solver") and isinstance(solved, Solved):
        return PlanStatus.OPTIMAL if solved.proven else PlanStatus.INCUMBENT
    return PlanStatus.HEURISTIC


def _facts(solved: SolveOutcome, stages: Mapping[str, float]) -> SolverFacts:
    match solved:
        case Solved():
            return replace(solved.facts, stage_s=stages)
        case NothingFound(reason=why) | SolverFailed(reason=why):
            return SolverFacts("highs", why, None, 0, 0, stages)


def _hopeless(contest: Contest, i: int, z: int) -> str:
    """Why even the best candidate is no plan: a zone goes past what its machines allow, and stays."""
    zone = contest.problem.site.zones[z]
    return (
        f"{zone.id} stays above its allowable {zone.limits.allowable_max_c:g} °C "
        f"(at best {least_over(contest, i, z):.1f}) "
        "with every lever where it helps most: shed load or find more cooling"
    )
