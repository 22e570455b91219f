"""From candidate trajectories to one plan: roll all out, compare, keep the best, say what binds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.contingency import room_binds, room_price
from optimizer.costs import at_once, beside_each
from optimizer.letting_in import humidity_price
from optimizer.model import Rollout
from optimizer.problem import Problem
from optimizer.scoring import exceeded, first_moves, movement
from plant.forecast import Array
from plant.plan import Candidate, Prediction
from plant.setpoints import LeverId

_NEAR_LIMIT_K = 0.25
_BINDS_WITHIN_H = 4.0
_NEAR_H, _FADES_H, _FAR_WEIGHT = 2.0, 2.0, 0.02


@dataclass(frozen=True)
class Contest:
    """Candidates by name, their paths (candidates, steps, axes), rollouts and scores."""

    problem: Problem
    names: tuple[str, ...]
    paths: Array
    rolled: Rollout
    money: Array
    score: Array
    schedules: Array
    """What each asks of the switches: (candidates, steps, switches)."""

    @property
    def winner(self) -> int:
        """Index of the least score; the earlier name wins a tie."""
        return int(np.argmin(self.score))

    def index(self, name: str) -> int:
        """Where a candidate is."""
        return self.names.index(name)

    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, as a plan records them."""
        hours = self.problem.grid.step_h
        excess = self.problem.excess_k(self.rolled, with_margin=False)
        return tuple(
            Candidate(
                name,
                float(self.money[i].sum()),
                float(self.rolled.facility_kw[i].sum() * hours),
                float(excess[i].max()),
            )
            for i, name in enumerate(self.names)
        )


def compare(
    problem: Problem, paths: Mapping[str, Array], schedules: Mapping[str, Array] | None = None
) -> Contest:
    """Roll every candidate out through the nonlinear model and score it in money.

    The score is energy, carbon and water, demand charge and starts, a small price on movement that
    breaks ties, and prices on kelvin-hours above the planning limit and inside the margin kept from
    it. Candidates have the problem's schedule, or each its own in ``schedules`` (of a problem that
    put no work off yet).
    """
    names = tuple(paths)
    stacked = np.stack([paths[name] for name in names])
    stacked[:, 0] = first_moves(problem, stacked[:, 0])
    own = None if schedules is None else np.stack([schedules[name] for name in names])
    course = problem.course(stacked, own)
    rolled = problem.model.rollout(course, problem.world)
    money = problem.money(rolled)
    weight = _weight(problem)
    by_step = money + exceeded(problem, rolled) * weight + movement(problem, stacked)
    score = (by_step + beside_each(problem, rolled)).sum(axis=1) + at_once(problem, rolled)
    score = score + room_price(problem, stacked, weight, course.put_off_kw)
    chosen = np.broadcast_to(problem.schedule, (len(names), *problem.schedule.shape)) if own is None else own
    score = score + humidity_price(problem, stacked, chosen)
    return Contest(problem, names, stacked, rolled, money, score, chosen)


def _weight(problem: Problem) -> Array:
    """What is hours away weighs less: it will be planned again, and is known better then. Shape (steps,)."""
    ahead = problem.grid.step_h * np.arange(problem.grid.steps)
    return np.asarray(np.maximum(np.exp(-np.maximum(ahead - _NEAR_H, 0.0) / _FADES_H), _FAR_WEIGHT))


def prediction(contest: Contest, i: int) -> Prediction:
    """What one candidate leads to."""
    problem, rolled = contest.problem, contest.rolled
    energy_kwh = rolled.facility_kw[i] * problem.grid.step_h
    zones = [z.id for z in problem.site.zones]
    return Prediction(
        worst_inlet_c={z: rolled.worst_inlet_c[i, :, k] for k, z in enumerate(zones)},
        worst_inlet_std_k={z: rolled.worst_inlet_std_k[i, :, k] for k, z in enumerate(zones)},
        it_kw=rolled.it_kw[i],
        cooling_kw=rolled.cooling_kw[i],
        facility_kw=rolled.facility_kw[i],
        water_l=rolled.water_l[i],
        carbon_kg=energy_kwh * problem.carbon_g_per_kwh / 1000,
        cost=contest.money[i],
        chillers_on=rolled.chillers_on[i] if problem.model.chillers.number else None,
        stored_kwh=None if rolled.stored_kwh is None else rolled.stored_kwh[i],
    )


def first_move_alone(contest: Contest, i: int) -> Prediction:
    """What one candidate's first move leads to if nothing is moved after it."""
    problem, steps = contest.problem, contest.problem.grid.steps
    name = contest.names[i]
    path = np.repeat(contest.paths[i][:1], steps, axis=0)
    schedule = {name: np.repeat(contest.schedules[i][:1], steps, axis=0)} if problem.switches.each else None
    return prediction(compare(problem, {name: path}, schedule), 0)


def trajectory(contest: Contest, i: int) -> dict[LeverId, Array]:
    """Every lever's path, switches with the others."""
    return {
        **contest.problem.board.trajectory(contest.paths[i]),
        **contest.problem.switches.trajectory(contest.schedules[i]),
    }


def binding(contest: Contest, i: int) -> tuple[str, ...]:
    """What keeps the plan from being cheaper in its first hours, in plant words."""
    problem = contest.problem
    steps = max(1, round(_BINDS_WITHIN_H / problem.grid.step_h))
    rolled = contest.rolled
    margin = problem.margin_k(rolled.worst_inlet_std_k[i, :steps])
    room = (problem.limit_c - margin - rolled.worst_inlet_c[i, :steps]).min(axis=0)
    found = [
        f"{z.id} inlet limit {z.limits.planning_max_c:g} °C less {m:.1f} K for uncertainty"
        for z, r, m in zip(problem.site.zones, room, margin.max(axis=0), strict=True)
        if r < _NEAR_LIMIT_K
    ]
    found += room_binds(problem, contest.paths[i], steps, _NEAR_LIMIT_K)
    course = problem.board.unpack(contest.paths[i : i + 1])
    short = (rolled.supply_c[i, :steps] - course.supply_c[0, :steps]).max(axis=0)
    found += [
        f"{z.id} compressors at their most: no cooler air"
        if zone.dx
        else f"{z.id} chilled-water valves open: water too warm for cooler air"
        for z, zone, s in zip(problem.site.zones, problem.model.zones, short, strict=True)
        if s > 0.1
    ]
    for axis, value in zip(problem.board.axes, contest.paths[i, steps - 1], strict=True):
        if not axis.free:
            continue
        if value <= axis.low + axis.resolution / 2:
            found.append(f"{axis.levers[0].id} at its lowest, {axis.low:g}")
        elif value >= axis.high - axis.resolution / 2:
            found.append(f"{axis.levers[0].id} at its highest, {axis.high:g}")
    return tuple(found)


def plan_id(problem: Problem, path: Array, schedule: Array | None = None) -> str:
    """The same problem and the same answer give the same name."""
    digest = hashlib.sha256(problem.model.version.encode())
    digest.update(problem.grid.start.isoformat().encode())
    digest.update(np.ascontiguousarray(np.round(path, 6)).tobytes())
    if schedule is not None:
        digest.update(np.ascontiguousarray(np.round(schedule, 6)).tobytes())
    return f"plan-{digest.hexdigest()[:16]}"
