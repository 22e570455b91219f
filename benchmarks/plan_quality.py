"""How far from the best is a plan? Against a reference that knows nothing of how plans are made.

    python -m benchmarks.plan_quality [--json] [--cases 9] [--starts 4]

For days in three climates and three seasons the plant is learned from telemetry; the planner makes
its plan of the day. The reference takes the same learned plant as a black box: gradient descent
(L-BFGS-B of SciPy, gradients by finite differences of the nonlinear rollout) from several starts, one
of them the plan itself, then a pattern search over blocks of hours. Neither tables, cuts nor the
solver have a part in it. Both are scored in the same rollout.

Gap: what the plan costs more, as a share of the *controllable* cost (fans of servers and CRAHs, pumps,
chillers, towers), as in the optimizer's design notes. The trip margin (N-1) is off for both.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from benchmarks.closed_loop import as_history, recorded, simulated, snapshot_of
from optimizer import candidates
from optimizer.forecast import Forecaster
from optimizer.identify import identify
from optimizer.mpc import MpcPolicy
from optimizer.plan import compare
from optimizer.pose import Unready, pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.running import RunClock
from plant.forecast import Array, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.ports import Advice
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

CLIMATES = ("las-vegas", "tampa", "san-francisco")
MONTHS = (1, 4, 7)
_STEP_S, _STEPS = 900, 96
_STENCIL = 6
"""Steps a perturbed step is felt: inlets settle with 10 to 20 minutes, a step is 15."""
_NUDGE = 1e-3
_BLOCKS_H = (24, 12, 6, 3, 1)
_PATTERN_ROUNDS = 40


@dataclass(frozen=True)
class Case:
    """One day: costs in the site's currency, gap as a share of the controllable cost."""

    climate: str
    month: int
    plan_cost: float
    reference_cost: float
    hold_cost: float
    controllable_cost: float
    gap: float
    chosen: str
    decide_s: float
    reference_s: float


def run_case(site: Site, climate: str, month: int, starts: int) -> Case:
    """Learn, plan, search the reference, compare."""
    problem, policy, snapshot, forecast = posed(site, climate, month)
    began = time.perf_counter()
    answer = policy.decide(snapshot, forecast)
    decide_s = time.perf_counter() - began
    if not isinstance(answer, Advice) or answer.plan is None:
        raise SystemExit(f"{climate}, month {month}: no plan ({answer})")
    plan = np.column_stack(
        [answer.plan.trajectory[a.levers[0].id] if a.levers else np.full(_STEPS, a.present)
         for a in problem.board.axes]
    )  # fmt: skip
    began = time.perf_counter()
    reference = best_of(problem, plan, starts)
    found = compare(problem, {"plan": plan, "reference": reference, "hold": candidates.hold(problem)})
    controllable = _controllable(problem, found.rolled.cooling_kw[0], found.rolled.it_kw[0])
    costs = found.score.tolist()
    return Case(
        climate, month, costs[0], costs[1], costs[2], controllable,
        (costs[0] - costs[1]) / controllable, answer.plan.chosen, decide_s, time.perf_counter() - began,
    )  # fmt: skip


def posed(site: Site, climate: str, month: int) -> tuple[Problem, MpcPolicy, Snapshot, Forecast]:
    """A plant learned from eight days of telemetry, and its problem at the end of them."""
    plant = simulated(site, climate, 5, datetime(2025, month, 8, tzinfo=UTC))
    past = recorded(site, plant, 4, 4)
    model = identify(past, at=past.end)
    # Half a day as found again: the levers do not start where commissioning left them.
    for lever in site.levers:
        for point in lever.points:
            plant.write(point, lever.as_found)
    times, values = plant.record(12 * 3600, 60)
    frame = as_history(site, times, values)
    past = replace(
        past,
        values=pd.concat([past.values, frame.values]),
        measured_share=pd.concat([past.measured_share, frame.measured_share]),
    )
    snapshot = snapshot_of(site, plant.readings())
    grid = TimeGrid(plant.now, _STEP_S, _STEPS)
    carbon = CarbonSeries(grid, np.full(_STEPS, 350.0), CarbonKind.AVERAGE, "flat", True)
    price = PriceSeries(grid, np.full(_STEPS, site.tariff.price_per_kwh), site.tariff.currency, "flat")
    forecast = Forecaster(site, model).forecast(past, snapshot, carbon, price, grid)
    settings = replace(PlannerSettings.of(site), n_minus_one=False)
    problem = pose(site, model, settings, snapshot, forecast, RunClock().observe(snapshot))
    if isinstance(problem, Unready):
        raise SystemExit(f"{climate}, month {month}: {problem.reason}")
    return problem, MpcPolicy(site, model, settings), snapshot, forecast


def _controllable(problem: Problem, cooling_kw: Array, it_kw: Array) -> float:
    """Money for everything a setpoint can change: all cooling, and what server fans add."""
    asked = problem.model.it_meter.at(problem.world.it_reference_kw.sum(axis=-1))
    return float(((cooling_kw + it_kw - asked) * problem.energy_price).sum() * problem.grid.step_h)


# -- the reference ---------------------------------------------------------------------------------


def best_of(problem: Problem, plan: Array, starts: int) -> Array:
    """The cheapest path found from several starts."""
    found = [polished(problem, descended(problem, start)) for start in _starts(problem, plan, starts)]
    return found[int(np.argmin(total(problem, np.stack(found))))]


def _starts(problem: Problem, plan: Array, number: int) -> Iterator[Array]:
    board, rng = problem.board, np.random.default_rng(11)
    known = [plan, candidates.as_found(problem), (plan + candidates.hold(problem)) / 2]
    yield from known[:number]
    for _ in range(number - len(known)):
        corner = board.low + rng.uniform(0.2, 0.8, len(board.axes)) * (board.high - board.low)
        yield np.broadcast_to(corner, plan.shape).copy()


def stepwise(problem: Problem, targets: Array) -> Array:
    """Cost of each step of target paths, ramped as the levers may. (paths, steps, axes) to (paths, steps)."""
    paths = problem.board.ramped(targets, problem.grid.step_s)
    rolled = problem.model.rollout(problem.course(paths), problem.world)
    hours = problem.grid.step_h
    ahead = hours * np.arange(problem.grid.steps)
    weight = np.maximum(np.exp(-np.maximum(ahead - 2.0, 0.0) / 2.0), 0.02)
    over = np.maximum(problem.excess_k(rolled, with_margin=False), 0.0)
    into = np.maximum(problem.excess_k(rolled, with_margin=True) - 0.05, 0.0)
    s = problem.settings
    priced = (s.violation_cost_per_k_h * over + s.margin_cost_per_k_h * into) * weight * hours
    return np.asarray(problem.money(rolled) + priced)


def total(problem: Problem, targets: Array) -> Array:
    """Cost of whole paths. Shape (paths,)."""
    return np.asarray(stepwise(problem, targets).sum(axis=-1))


def descended(problem: Problem, start: Array) -> Array:
    """L-BFGS-B on the path, each lever in shares of its range."""
    board = problem.board
    span = np.maximum(board.high - board.low, 1e-9)
    free = np.array([a.free for a in board.axes])

    def path(flat: Array) -> Array:
        return np.asarray(board.low + flat.reshape(start.shape) * span)

    def value_and_slope(flat: Array) -> tuple[float, Array]:
        at = path(flat)
        slope, base = _slope(problem, at, span)
        slope[:, ~free] = 0.0
        return base, slope.ravel()

    first = ((start - board.low) / span).clip(0, 1).ravel()
    found = minimize(
        value_and_slope, first, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * first.size,
        options={"maxiter": 120, "maxcor": 20},
    )  # fmt: skip
    return path(found.x)


def _slope(problem: Problem, at: Array, span: Array) -> tuple[Array, float]:
    """Cost by every step and lever: steps far enough apart do not feel each other and share a rollout."""
    steps, axes = at.shape
    trials = np.repeat(at[None], 1 + axes * _STENCIL, axis=0)
    for number, (i, c) in enumerate(product(range(axes), range(_STENCIL)), 1):
        up = at[c::_STENCIL, i] + _NUDGE * span[i] <= problem.board.high[i]
        trials[number, c::_STENCIL, i] += np.where(up, 1, -1) * _NUDGE * span[i]
    costs = stepwise(problem, trials)
    change = np.vstack([costs[1:] - costs[0], np.zeros((1, steps))])[:-1].reshape(axes, _STENCIL, steps)
    felt = np.concatenate([change, np.zeros((axes, _STENCIL, _STENCIL))], axis=2).cumsum(axis=2)
    slope = np.empty((steps, axes))
    for t in range(steps):
        end, before = min(t + _STENCIL, steps) - 1, t - 1
        sums = felt[:, t % _STENCIL, end] - (felt[:, t % _STENCIL, before] if t else 0.0)
        sign = np.where(at[t] + _NUDGE * span <= problem.board.high, 1.0, -1.0)
        slope[t] = sums * sign / _NUDGE
    return slope, float(costs[0].sum())


def polished(problem: Problem, path: Array) -> Array:
    """Pattern search: blocks of hours of one lever up or down, as long as any helps."""
    board = problem.board
    per_hour = round(3600 / problem.grid.step_s)
    size = (board.high - board.low) * 0.08
    at, cost = path, float(total(problem, path[None])[0])
    for _ in range(_PATTERN_ROUNDS):
        trials = np.stack(list(_moves(at, size, board.low, board.high, per_hour)))
        costs = np.concatenate(
            [total(problem, part) for part in np.array_split(trials, -(-len(trials) // 256))]
        )
        best = int(np.argmin(costs))
        if costs[best] < cost - 1e-6 * abs(cost):
            at, cost = trials[best], float(costs[best])
        elif size.max() / max(float((board.high - board.low).max()), 1e-9) < 0.005:
            break
        else:
            size = size / 2
    return at


def _moves(at: Array, size: Array, low: Array, high: Array, per_hour: int) -> Iterator[Array]:
    for hours in _BLOCKS_H:
        length = hours * per_hour
        for begin in range(0, len(at), length):
            for i, sign in product(range(at.shape[1]), (-1.0, 1.0)):
                if size[i] > 0:
                    trial = at.copy()
                    block = trial[begin : begin + length, i] + sign * size[i]
                    trial[begin : begin + length, i] = np.clip(block, low[i], high[i])
                    yield trial


# -- telling it --------------------------------------------------------------------------------------


def report(cases: Sequence[Case]) -> dict[str, object]:
    """The figures: median and worst gap, and every case."""
    gaps = [case.gap for case in cases]
    return {
        "gap_median": float(np.median(gaps)),
        "gap_worst": float(np.max(gaps)),
        "cases": [asdict(case) for case in cases],
    }


def main() -> None:
    """Run the cases one after another; progress on standard error."""
    parser = argparse.ArgumentParser(description="Plans against an independent nonlinear reference.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cases", type=int, default=9)
    parser.add_argument("--starts", type=int, default=4)
    args = parser.parse_args()
    site = load_site(Path("examples/demo.yaml"))
    cases = []
    for climate, month in list(product(CLIMATES, MONTHS))[: args.cases]:
        case = run_case(site, climate, month, args.starts)
        cases.append(case)
        sys.stderr.write(
            f"{climate} month {month}: gap {case.gap:+.2%} of controllable ({case.reference_s:.0f} s)\n"
        )
    told = report(cases)
    if args.json:
        print(json.dumps(told, indent=2))
        return
    print("| climate | month | plan | reference | hold | controllable | gap | chosen |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for c in cases:
        print(
            f"| {c.climate} | {c.month} | {c.plan_cost:,.2f} | {c.reference_cost:,.2f} | {c.hold_cost:,.2f} "
            f"| {c.controllable_cost:,.2f} | {c.gap:+.2%} | {c.chosen} |"
        )
    print(f"\nmedian {told['gap_median']:.2%} (goal 1 %), worst {told['gap_worst']:.2%} (goal 2 %)")


if __name__ == "__main__":
    main()
