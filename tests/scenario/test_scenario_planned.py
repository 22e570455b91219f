"""Runs of the planner: the same bytes, decisions taken again, sweeps that go on, cuts of a history."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from orders import LEARNED, UNLEARNED
from typer.testing import CliRunner

from controller.cli.main import app
from controller.scenario.again import decide_again
from controller.scenario.cut import cut
from controller.scenario.folder import run_digest
from controller.scenario.run import RunOrder, RunOutcome, run_scenario
from controller.scenario.sweep import Draw, SweepOrder, cases, parse_draws, parse_grid, parse_seeds, sweep
from plant.errors import ConfigError
from sim.history import long_frame
from sim.scenario import build_plant, build_site, load_scenario
from telemetry.historian import Historian


def test_the_planner_gives_the_same_bytes_again(planned: RunOutcome, out: Path) -> None:
    before = run_digest(planned.folder)
    again = run_scenario(RunOrder(load_scenario("solar-grid-day", LEARNED), "mpc", out, 0.02))
    assert again.folder == planned.folder
    assert run_digest(again.folder) == before
    plans = [json.loads(line) for line in (planned.folder / "decisions.jsonl").read_text().splitlines()]
    assert sum(d["outcome"] == "advice" for d in plans) >= 4
    assert (planned.folder / "solver.jsonl").read_text() != ""


def advised(folder: Path) -> str:
    """A decision with a plan behind it, not the first."""
    told = [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]
    return next(str(d["id"]) for d in told[2:] if d["outcome"] == "advice")


def test_a_recorded_decision_is_taken_again_exactly(planned: RunOutcome) -> None:
    thought = decide_again(planned.folder, advised(planned.folder), {})
    assert thought.same_model
    assert thought.identical
    assert len(thought.levers) == 10


def test_a_decision_after_the_plant_was_learned_anew_is_taken_again_exactly(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.replay.EVERY", timedelta(minutes=15))  # a day is long for a test
    changes = {**LEARNED, "start": "2026-05-12T01:00:00Z"}
    run = run_scenario(RunOrder(load_scenario("solar-grid-day", changes), "mpc", out, 0.02))
    told = [json.loads(t) for t in (run.folder / "decisions.jsonl").read_text().splitlines()]
    assert told[-1]["model"] != told[0]["model"]
    thought = decide_again(run.folder, told[-1]["id"], {})
    assert thought.same_model
    assert thought.identical


def test_with_a_lower_limit_the_plan_of_the_same_moment_is_cooler(planned: RunOutcome) -> None:
    thought = decide_again(planned.folder, advised(planned.folder), {"limits.inlet_max_c": 22.5})
    assert not thought.identical
    worst = {when: max(t["plan"]["worst_inlet_c"].values()) for when, t in
             (("then", thought.then), ("now", thought.now))}  # fmt: skip
    assert worst["now"] < worst["then"] - 1.0
    with pytest.raises(ConfigError, match="is not one of the"):
        decide_again(planned.folder, "D-999999", {})


def test_a_sweep_is_resumed_where_it_was_stopped(tmp_path: Path) -> None:
    grid = {**{k: [v] for k, v in UNLEARNED.items()}, "weather.name": ["greensboro", "sand-point"]}
    order = SweepOrder("solar-grid-day", ["fixed"], [1], tmp_path, grid, days=0.01, workers=2)
    said: list[tuple[int, int, str]] = []
    runs = sweep(order, lambda *told: said.append(told))
    assert [s[:2] for s in said] == [(1, 2), (2, 2)]
    table = pd.read_csv(tmp_path / "sweep-solar-grid-day.csv")
    assert table["weather.name"].tolist() == ["greensboro", "sand-point"]
    assert table["passed"].all()
    said.clear()
    again = sweep(order, lambda *told: said.append(told))
    assert said == [(2, 2, "found finished")]
    assert [r.folder for r in again] == [r.folder for r in runs]


def test_draws_come_from_their_span_and_are_the_same_each_time(tmp_path: Path) -> None:
    order = SweepOrder(
        "heat-wave", ["fixed", "mpc"], [1, 2], tmp_path, {}, [Draw("faults.0.magnitude", 4, 12)], 5
    )
    drawn = [c.overrides["faults.0.magnitude"] for c in cases(order)]
    assert len(drawn) == 20
    assert all(4 <= v <= 12 for v in drawn)  # type: ignore[operator]
    assert drawn == [c.overrides["faults.0.magnitude"] for c in cases(order)]
    assert drawn[:5] == drawn[5:10]  # policies and seeds meet the same draws: they can be compared


def test_what_is_typed_for_a_sweep_is_read_or_refused() -> None:
    assert parse_seeds("1..3") == parse_seeds("1,2,3") == [1, 2, 3]
    assert parse_grid(["limits.margin_k=0.3,0.5"]) == {"limits.margin_k": [0.3, 0.5]}
    assert parse_draws(["a=1..2.5"]) == [Draw("a", 1.0, 2.5)]
    for wrong in (lambda: parse_seeds("x"), lambda: parse_grid(["a"]), lambda: parse_draws(["a=3..1"])):
        with pytest.raises(ConfigError, match="write"):
            wrong()


def test_a_window_of_history_becomes_a_scenario_with_its_weather_and_load(tmp_path: Path) -> None:
    source = load_scenario("solar-grid-day")
    site = build_site(source)
    plant = build_plant(source, site)
    plant.reset(source.start)
    times, values = plant.record(6 * 3600.0, 60.0)
    long_frame(site, times, values).to_parquet(tmp_path / "trends.parquet", index=False)
    historian = Historian("sqlite://")
    historian.import_file(tmp_path / "trends.parquet")
    begin = source.start + timedelta(hours=4)
    made = cut(site, historian, begin, begin + timedelta(hours=2), tmp_path / "cut", "own")
    historian.close()
    scenario = load_scenario(str(made.file))
    assert (scenario.start, scenario.length) == (begin, timedelta(hours=2))
    replayed = build_plant(scenario, build_site(scenario))
    at = np.array([(begin + timedelta(hours=1)).timestamp()])
    # Their sensors' noise lies between: 0.2 K and a percent or two.
    assert replayed.weather.at(at)[0][0] == pytest.approx(plant.weather.at(at)[0][0], abs=0.5)
    assert replayed.workload.at(at)[0] == pytest.approx(plant.workload.at(at)[0], abs=0.03)
    assert made.learned_days == pytest.approx(4 / 24, abs=0.01)
    used = pd.Series(values[4 * 60 :, [p.id for p in site.points].index("utility-meter.power")]).mean() * 2  # type: ignore[arg-type]
    assert made.facility_kwh == pytest.approx(used, rel=0.01)


def test_the_command_line_lists_shows_and_refuses() -> None:
    shell = CliRunner()
    listed = shell.invoke(app, ["scenario", "list"])
    assert listed.exit_code == 0
    assert "dead-lever" in listed.stdout
    shown = shell.invoke(app, ["scenario", "show", "dead-lever"])
    assert "setpoint_ignored" in shown.stdout
    assert shell.invoke(app, ["scenario", "faults"]).exit_code == 0
    refused = shell.invoke(app, ["scenario", "run", "no-such-thing"])
    assert isinstance(refused.exception, ConfigError)
