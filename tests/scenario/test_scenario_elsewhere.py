"""Runs elsewhere: on EnergyPlus and an FMU, in other processes, on a Dask cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from orders import UNLEARNED, order
from typer.testing import CliRunner

from controller.cli.main import app
from controller.scenario.again import decide_again
from controller.scenario.folder import RunFolder
from controller.scenario.run import RunOrder, RunOutcome, run_scenario
from controller.scenario.sweep import SweepOrder, sweep
from plant.errors import ConfigError
from sim.scenario import load_scenario

ROOT = Path(__file__).parents[2]
HALL = ROOT / "examples" / "energyplus" / "scenario.yaml"
ENERGYPLUS = "sim.foreign.energyplus:beside_site"
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def test_a_day_of_energyplus_under_a_reset_is_judged(tmp_path: Path) -> None:
    run = run_scenario(RunOrder(load_scenario(str(HALL)), "trim-and-respond", tmp_path, plant=ENERGYPLUS))
    assert run.passed
    judged = {f.criterion: f.met for f in run.findings}
    assert judged["facility energy over as found"] is True  # by a twin of the same factory
    assert judged["warmest inlet"] is True
    assert run.amounts.seconds == 86_400
    # The facility is servers, their 5 % of supply losses, and cooling.
    used = run.amounts.it_kwh / 0.95 + run.amounts.cooling_kwh
    assert run.amounts.facility_kwh == pytest.approx(used, rel=0.01)
    assert run.baseline is not None
    assert run.amounts.facility_kwh < run.baseline.facility_kwh
    assert (run.folder / "inputs" / "hall.epJSON").is_file()


@pytest.fixture(scope="module")
def on_energyplus(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """The planner on EnergyPlus, an hour of it, after two days to learn from."""
    changes = {"history.as_found_days": 1.0, "history.excitation_days": 1.0}
    scenario = load_scenario(str(HALL), changes)
    out = tmp_path_factory.mktemp("planned")
    return run_scenario(RunOrder(scenario, "mpc", out, 0.04, ENERGYPLUS, overrides=changes))


def test_the_planner_learns_energyplus_and_plans_for_it(on_energyplus: RunOutcome) -> None:
    told = [json.loads(t) for t in (on_energyplus.folder / "decisions.jsonl").read_text().splitlines()]
    assert all(d["outcome"] == "advice" and "plan" in d for d in told)
    assert on_energyplus.passed
    assert on_energyplus.amounts.worst_inlet_c > 18


def test_a_decision_on_energyplus_is_taken_again_exactly(on_energyplus: RunOutcome) -> None:
    thought = decide_again(on_energyplus.folder, "2", {})
    assert thought.same_model
    assert thought.identical


def test_an_fmu_is_run_by_the_same_controller(tmp_path: Path) -> None:
    plain = order("training-load-steps", "trim-and-respond", tmp_path)
    run = run_scenario(RunOrder(plain.scenario, plain.policy, tmp_path, 0.02, "examples.fmu.fmu_plant:make"))
    # 60 % of 1120 kW of design, by hand.
    assert run.amounts.it_kwh == pytest.approx(672 * run.amounts.seconds / 3600)
    assert run.baseline is not None


def outputs(folder: Path) -> dict[str, str]:
    """Digests of a run's files but the scenario's, whose comment says what was set by hand."""
    return {name: value for name, value in RunFolder(folder).hashes().items() if name != "scenario.yaml"}


@pytest.fixture
def cluster() -> Iterator[str]:
    """A scheduler and a worker in processes of their own, on free ports.

    Python orders sets by a secret of each process: there it is another one than here.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def test_the_same_seed_gives_the_same_bytes_in_a_process_of_a_dask_cluster(
    cluster: str, as_found: RunOutcome, tmp_path: Path
) -> None:
    grid = {key: [value] for key, value in UNLEARNED.items()}
    there = SweepOrder("solar-grid-day", ["fixed"], [1], tmp_path, grid, days=0.02, dask=cluster)
    (run,) = sweep(there, lambda n, of, what: None)
    assert outputs(run.folder) == outputs(as_found.folder)
    said: list[tuple[int, int, str]] = []
    sweep(there, lambda *told: said.append(told))
    assert said == [(1, 1, "found finished")]


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.scenario.pools.CONNECT_S", 0.5)
    grid = {k: [v] for k, v in UNLEARNED.items()}
    nowhere = SweepOrder(
        "solar-grid-day", ["fixed"], [1], tmp_path, grid, days=0.01, dask="tcp://127.0.0.1:9"
    )
    with pytest.raises(ConfigError, match="no scheduler answers there"):
        sweep(nowhere, lambda n, of, what: None)


def test_compare_runs_what_is_named_and_fails_with_it(as_found: RunOutcome, tmp_path: Path) -> None:
    file = as_found.folder / "scenario.yaml"
    command = ["scenario", "compare", str(as_found.folder), str(file), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, "--policy", "fixed"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("passed  solar-grid-day fixed s1") == 2
    text = file.read_text().replace("facility_kwh_over_baseline: 1.0", "facility_kwh_over_baseline: 0.5")
    file = tmp_path / "half.yaml"
    file.write_text(text)
    failed = CliRunner().invoke(
        app, ["scenario", "compare", str(file), "--policy", "fixed", "--out", str(tmp_path)]
    )
    assert failed.exit_code == 1
    assert "FAILED" in failed.stdout
    assert "0.5" in failed.stdout
