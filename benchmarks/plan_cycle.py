"""What a planning cycle costs, against the solver alone: ``python -m benchmarks.plan_cycle [--json]``.

For sites of growing size, medians over differing hours; passes in CPU seconds, so that other work on
the machine does not count, cycles in seconds of the clock:

* `ratio`: update + solve + extract of a pass of the linear program, as the planner runs it, over bare
  HiGHS on the same matrices in the same process with the same options. A site of more than a few zones
  is solved in groups; its matrices are those groups', each run bare from nothing (`programs` of them).
* `ratio_with_cuts`: the same with the work before it, evaluating the learned laws for their cuts.
* `ratio_to_defaults`: all of that over bare HiGHS with the options it comes with.
* `cycle_s`: one whole decision (search, passes, rollouts, choice); `cycle_p95_s` its 95th percentile,
  `cycle_cpu_s` its CPU seconds, `first_s` the first one, which also builds the structures.
* `growth`: CPU seconds per zone on the largest site over those on the medium one; at most 1 is linear.

With ``--whole`` large sites are also tried as one program, to show why they are not solved so.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import highspy
import numpy as np

from benchmarks.grown_site import grown, nameplate_model, outlook, snapshot
from optimizer import candidates
from optimizer.beyond import Asks
from optimizer.build import Numbers, Scope, Shape, load_numbers
from optimizer.matrix import Matrix
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.plan import compare
from optimizer.pose import Unready, pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.program import Built, LinearPlan, solver_options
from optimizer.solve import Solved, hand_over
from optimizer.static import tabulate
from plant.forecast import Array
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot

CASES = {"demo": (4, 2), "small": (2, 2), "medium": (16, 4), "large": (100, 8), "huge": (1000, 80)}
REPEATS = {"large": 5, "huge": 2}
_WHOLE_LIMIT_S = 300.0
_TURNS_S, _MOST_TURNS = 0.2, 25

Row: TypeAlias = dict[str, float | int | str]
Options: TypeAlias = dict[str, bool | int | float | str]


def measure(name: str, site: Site, repeats: int) -> Row:
    """One row of the table."""
    model, settings, now = nameplate_model(site), PlannerSettings(), snapshot(site)
    planner = MpcPolicy(site, model, settings)
    first = _seconds(lambda: planner.decide(now, outlook(site, 0)), time.perf_counter)
    linear = LinearPlan(_posed(site, model, settings, now, 0))
    cycles: list[tuple[float, float]] = []
    passes: list[Row] = []
    for hour in range(1, repeats + 1):
        forecast = outlook(site, hour)
        cpu = time.process_time()
        clock = _seconds(partial(planner.decide, now, forecast), time.perf_counter)
        cycles.append((clock, time.process_time() - cpu))
        passes.append(_pass(linear, _posed(site, model, settings, now, hour)))
    median = {key: float(np.median([p[key] for p in passes])) for key in passes[0]}
    clocks, cpus = np.array(cycles).T
    return {
        "name": name,
        "zones": len(site.zones),
        **{key: int(median[key]) for key in ("programs", "rows", "columns")},
        **{key: value for key, value in median.items() if key.startswith("ratio")},
        "pass_s": median["pass_s"],
        "bare_s": median["bare_s"],
        "cycle_s": float(np.median(clocks)),
        "cycle_p95_s": float(np.percentile(clocks, 95)),
        "cycle_cpu_s": float(np.median(cpus)),
        "first_s": first,
        "per_zone_cpu_ms": 1000 * float(np.median(cpus)) / len(site.zones),
    }


def _pass(linear: LinearPlan, problem: Problem) -> Row:
    """One pass of the program and bare HiGHS on its matrices, in turns, the medians of both.

    A small program takes milliseconds, which single measurements are too coarse for; and who comes first
    in a single pair finds cold caches.
    """
    around = _around(problem)
    numbers = linear.numbers(problem, around)
    matrices = linear.matrices(numbers)
    same: Options = solver_options(problem.settings)
    first = _seconds(partial(_run, linear, numbers))
    turns = int(np.clip(_TURNS_S / first, 1, _MOST_TURNS))
    taken = []
    for _ in range(turns):
        cuts = _seconds(partial(linear.numbers, problem, around))
        run = _seconds(partial(_run, linear, numbers))
        bare = sum(_bare(m, same) for m in matrices)
        plain = sum(_bare(m, {"threads": 1}) for m in matrices)
        taken.append((cuts, run, bare, plain))
    cuts, run, bare, plain = np.median(taken, axis=0)
    return {
        "programs": len(matrices),
        "rows": sum(m.rows for m in matrices),
        "columns": sum(m.columns for m in matrices),
        "pass_s": cuts + run,
        "bare_s": bare,
        "ratio": run / bare,
        "ratio_with_cuts": (cuts + run) / bare,
        "ratio_to_defaults": (cuts + run) / plain,
    }


def _run(linear: LinearPlan, numbers: Numbers) -> None:
    found = linear.run(numbers)
    if not isinstance(found, Solved):
        raise SystemExit(f"no answer: {found.reason}")


def _bare(matrix: Matrix, options: Options) -> float:
    """Seconds of HiGHS and nothing else on a program, from nothing."""

    def run() -> None:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        for key, value in options.items():
            solver.setOptionValue(key, value)
        hand_over(solver, matrix)
        solver.run()
        np.array(solver.getSolution().col_value)

    return _seconds(run)


def whole(site: Site) -> Row:
    """A large site as one program: seconds of bare HiGHS on it, within a limit."""
    problem = _posed(site, nameplate_model(site), PlannerSettings(), snapshot(site), 1)
    linear = LinearPlan(problem)
    numbers = linear.numbers(problem, _around(problem))
    axes = len(problem.board.axes) - 2 * len(site.zones)
    built = Built.of(Shape(linear.grouping.blocks, len(site.zones), axes, Asks.of(problem)))
    load_numbers(built.model, numbers, Scope.whole(numbers))
    matrix = built.compiled.matrix()
    options = solver_options(replace(problem.settings, solve_limit_s=_WHOLE_LIMIT_S))
    return {"zones": len(site.zones), "rows": matrix.rows, "whole_s": _bare(matrix, options)}


def _posed(site: Site, model: PlantModel, settings: PlannerSettings, now: Snapshot, hour: int) -> Problem:
    problem = pose(site, model, settings, now, outlook(site, hour))
    if isinstance(problem, Unready):
        raise SystemExit(problem.reason)
    return problem


def _around(problem: Problem) -> Array:
    contest = compare(problem, {"optimum": candidates.optimum(problem, tabulate(problem))})
    return np.asarray(contest.paths[0])


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    began = clock()
    work()
    return clock() - began


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--whole", action="store_true", help="also try the large site as one program")
    asked = parser.parse_args()
    demo = load_site(Path("examples/demo.yaml"))
    sites = {name: demo if name == "demo" else grown(demo, *CASES[name]) for name in asked.cases.split(",")}
    rows = [measure(name, site, min(asked.repeats, REPEATS.get(name, 99))) for name, site in sites.items()]
    result: dict[str, object] = {"benchmark": "plan_cycle", "cases": rows, **_growth(rows)}
    if asked.whole:
        result["as_one_program"] = whole(grown(demo, *CASES["large"]))
    if asked.json:
        print(json.dumps(result))
        return
    _table(rows)
    for key in ("growth", "as_one_program"):
        if key in result:
            print(f"{key}: {result[key]}")


def _growth(rows: list[Row]) -> dict[str, object]:
    """Cost of a zone on the largest site over that on the medium one: at most 1 is linear or better."""
    cost = {str(r["name"]): float(r["per_zone_cpu_ms"]) for r in rows}
    return {"growth": cost["huge"] / cost["medium"]} if {"medium", "huge"} <= cost.keys() else {}


def _table(rows: list[Row]) -> None:
    columns = {
        "name": "8",
        "zones": "6",
        "programs": "9",
        "rows": "9",
        "ratio": "7.2f",
        "ratio_with_cuts": "16.2f",
        "ratio_to_defaults": "18.2f",
        "pass_s": "8.3f",
        "bare_s": "8.3f",
        "cycle_s": "8.3f",
        "cycle_p95_s": "12.3f",
        "cycle_cpu_s": "12.3f",
        "per_zone_cpu_ms": "16.1f",
        "first_s": "8.1f",
    }
    print(" ".join(f"{name:>{spec.split('.')[0]}}" for name, spec in columns.items()))
    for row in rows:
        print(" ".join(f"{row[name]:>{spec}}" for name, spec in columns.items()))


if __name__ == "__main__":
    main()
