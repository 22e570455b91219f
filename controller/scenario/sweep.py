"""Sweeps: one scenario over seeds and parameters, on all cores or a cluster, going on where it was stopped.

Each case is a run of its own, in a folder named by what it is; a case whose folder is complete is not
run again. A summary table is written whole at the end, in the order of the cases.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from controller.scenario.checks import check_policy, make_folder
from controller.scenario.compare import RunSummary, read_run
from controller.scenario.folder import folder_name
from controller.scenario.pools import workers
from controller.scenario.prepare import preparation_digest, prepare, source_digest
from controller.scenario.run import RunOrder, run_scenario, shortened
from plant.errors import ConfigError
from sim.scenario import NAMES, load_scenario


@dataclass(frozen=True)
class Draw:
    """A parameter drawn anew for each case: ``key=low..high``, uniform."""

    key: str
    low: float
    high: float


@dataclass(frozen=True)
class SweepOrder:
    """What to sweep. The cases are the product of policies, seeds and grid, times the draws."""

    name: str
    policies: Sequence[str]
    seeds: Sequence[int]
    out: Path
    grid: Mapping[str, Sequence[object]]
    draws: Sequence[Draw] = ()
    samples: int = 1
    days: float | None = None
    workers: int = 0
    command: str = ""
    plant: str | None = None
    """A factory of one's own, as for a single run."""
    dask: str | None = None
    """Address of a Dask scheduler; None is this machine."""


@dataclass(frozen=True)
class Case:
    """One run of a sweep."""

    name: str
    policy: str
    overrides: Mapping[str, object]
    out: Path
    days: float | None
    command: str
    plant: str | None = None

    def folder(self) -> Path:
        """Where its run is, or will be."""
        scenario = shortened(load_scenario(self.name, self.overrides), self.days)
        return self.out / folder_name(scenario, self.policy, self.plant)


def cases(order: SweepOrder) -> list[Case]:
    """Every case, in order; the same order gives the same draws."""
    rng = np.random.default_rng(0x5EEE)
    drawn = [
        {d.key: round(float(rng.uniform(d.low, d.high)), 6) for d in order.draws}
        for _ in range(order.samples)
    ]
    values = [[(key, value) for value in several] for key, several in order.grid.items()]
    # A worker elsewhere has another folder to start from.
    name = str(Path(order.name).resolve()) if order.name.endswith((".yaml", ".yml")) else order.name
    out = order.out.resolve()
    found = []
    for seed, policy in itertools.product(order.seeds, order.policies):
        for combination, draw in itertools.product(itertools.product(*values), drawn):
            overrides = {"seed": seed, **dict(combination), **draw}
            found.append(Case(name, policy, overrides, out, order.days, order.command, order.plant))
    return found


def sweep(order: SweepOrder, done: Callable[[int, int, str], None]) -> list[RunSummary]:
    """Run what has not been run; ``done`` hears of each case as it ends.

    Raises
    ------
    ConfigError
        For a scenario, key or policy that is wrong, before anything runs.
    """
    for policy in order.policies:
        check_policy(policy)
    if not order.policies:
        raise ConfigError("option --policy", "names none", "write for example fixed,mpc")
    planned = cases(order)
    folders = [case.folder() for case in planned]  # reads every variant once: mistakes come first
    make_folder(order.out)
    waiting = [case for case, folder in zip(planned, folders, strict=True) if not _finished(folder)]
    count = len(planned) - len(waiting)
    if count:
        done(count, len(planned), "found finished")
    if waiting:
        with workers(order.workers, order.dask, order.out.resolve()) as pool:
            # What several cases share is learned once, first.
            list(pool.map(_prepare, list(_distinct(waiting))))
            running = {pool.submit(_run, case): case for case in waiting}
            for future in as_completed(running):
                count += 1
                done(count, len(planned), future.result().name)
    runs = [read_run(folder) for folder in folders]
    summary_frame(planned, runs).to_csv(summary_file(order), index=False, lineterminator="\n")
    return runs


def summary_file(order: SweepOrder) -> Path:
    """Where the table of a sweep is written."""
    return order.out / f"sweep-{Path(order.name).stem}.csv"


def named_runs(
    names: Sequence[str],
    policies: Sequence[str],
    days: float | None,
    out: Path,
    command: str,
    done: Callable[[int, int, str], None],
) -> list[RunSummary]:
    """Runs by their folders; a scenario among them is run with each policy first, unless it was.

    Raises
    ------
    ConfigError
        If a name is neither the folder of a finished run nor a scenario.
    """
    found: list[RunSummary] = []
    for name in names:
        if name not in NAMES and not name.endswith((".yaml", ".yml")):
            found.append(read_run(Path(name)))
            continue
        seed = load_scenario(name).seed
        found += sweep(SweepOrder(name, policies, [seed], out, {}, days=days, command=command), done)
    return found


def summary_frame(planned: Sequence[Case], runs: Sequence[RunSummary]) -> pd.DataFrame:
    """One row a case: what was varied and what came of it."""
    rows = []
    for case, run in zip(planned, runs, strict=True):
        amounts = run.kpis["amounts"]
        flat = (
            {k: v for k, v in amounts.items() if not isinstance(v, dict)} if isinstance(amounts, dict) else {}
        )
        share = run.kpis.get("saving_facility_share")
        rows.append(
            {
                "policy": case.policy,
                **case.overrides,
                **flat,
                "saving_facility_share": share,
                "passed": run.passed,
                "folder": run.folder.name,
            }
        )
    return pd.DataFrame(rows)


def parse_grid(texts: Sequence[str]) -> dict[str, list[object]]:
    """``key=a,b,c`` as YAML values.

    Raises
    ------
    ConfigError
        If a text is not of this form.
    """
    import yaml

    grid: dict[str, list[object]] = {}
    for text in texts:
        key, _, values = text.partition("=")
        if not key or not values:
            raise ConfigError(f"option --grid {text}", "is not KEY=A,B", "write limits.margin_k=0.3,0.5")
        try:
            grid[key] = [yaml.safe_load(value) for value in values.split(",")]
        except yaml.YAMLError:
            raise ConfigError(f"option --grid {text}", "has a value that is not YAML", "quote it") from None
    return grid


def parse_draws(texts: Sequence[str]) -> list[Draw]:
    """``key=low..high``.

    Raises
    ------
    ConfigError
        If a text is not of this form.
    """
    draws = []
    for text in texts:
        key, _, span = text.partition("=")
        low, dots, high = span.partition("..")
        try:
            draw = Draw(key, float(low), float(high))
        except ValueError:
            draw = Draw("", 0.0, 0.0)
        if not draw.key or not dots or not -math.inf < draw.low < draw.high < math.inf:
            mend = "write faults.0.magnitude=4..12"
            raise ConfigError(f"option --draw {text}", "is not KEY=LOW..HIGH", mend)
        draws.append(draw)
    return draws


def parse_seeds(text: str) -> list[int]:
    """``7``, ``1,2,5`` or ``1..20``.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    try:
        low, dots, high = text.partition("..")
        seeds = list(range(int(low), int(high) + 1)) if dots else [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0:
        raise ConfigError(f"option --seeds {text}", "is not a list of seeds", "write 7, 1,2,5 or 1..20")
    return seeds


def _finished(folder: Path) -> bool:
    """Complete, and made by the source that runs now."""
    try:
        return read_run(folder).manifest.get("source_sha256") == source_digest()
    except ConfigError:
        return False


def _distinct(waiting: Sequence[Case]) -> Iterator[Case]:
    seen = set()
    for case in waiting:
        if case.plant is not None:
            continue  # somebody else's plant lives its own history in each run
        key = preparation_digest(load_scenario(case.name, case.overrides))
        if key not in seen:
            seen.add(key)
            yield case


def _prepare(case: Case) -> None:
    prepare(load_scenario(case.name, case.overrides), case.out)


def _run(case: Case) -> Path:
    scenario = load_scenario(case.name, case.overrides)
    order = RunOrder(
        scenario,
        case.policy,
        case.out,
        case.days,
        case.plant,
        command=case.command,
        overrides=case.overrides,
    )
    return run_scenario(order).folder
