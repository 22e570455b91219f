"""Runs: what the folder holds, that it is the same each time, and what the criteria make of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from orders import order
from typer.testing import CliRunner

from controller.cli.main import app
from controller.scenario.charts import nice_ticks
from controller.scenario.folder import run_digest
from controller.scenario.foreign import load_factory
from controller.scenario.run import RunOutcome, run_scenario
from controller.scenario.score import Amounts, judge
from controller.scenario.wire import FaultyWire
from plant.commands import Command, Confirmed, Refused, Unreachable
from plant.errors import ConfigError
from plant.points import PointId
from plant.readings import Quality, Reading
from plant.site import Site
from sim.faults import make_fault
from sim.scenario import AlarmCriterion, Criteria, build_site, load_scenario
from telemetry.simulated import InProcessGateway

START = datetime(2026, 7, 20, tzinfo=UTC)


def test_nobody_at_the_levers_uses_what_nobody_at_the_levers_uses(as_found: RunOutcome) -> None:
    """Two programs, one answer: the replay under `fixed`, and the plant stepped by itself."""
    assert as_found.baseline is not None
    assert as_found.amounts.facility_kwh == pytest.approx(as_found.baseline.facility_kwh, rel=1e-9)
    assert as_found.passed


def test_the_folder_says_everything_about_the_run(as_found: RunOutcome) -> None:
    folder = as_found.folder
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"versions", "seed", "command", "files_sha256", "wall", "source_sha256"} <= set(manifest)
    for name, known in manifest["files_sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == known
    wanted = (
        "scenario.yaml trajectory.parquet decisions.jsonl kpis.json events.jsonl solver.jsonl "
        "inlet_histogram.csv report.html readings.parquet forecasts.parquet"
    )
    assert set(wanted.split()) <= set(manifest["files_sha256"])
    kpis = json.loads((folder / "kpis.json").read_text())
    assert kpis["definitions_version"]
    # PUE by hand from the amounts beside it.
    pue = next(k["value"] for k in kpis["kpis"] if "PUE" in k["name"])
    assert pue == pytest.approx(kpis["amounts"]["facility_kwh"] / kpis["amounts"]["it_kwh"])


def test_the_trajectory_has_units_and_tells_wanted_from_applied(as_found: RunOutcome) -> None:
    frame = pd.read_parquet(as_found.folder / "trajectory.parquet")
    assert all("[" in column and column.endswith("]") for column in frame.columns)
    for word in ("requested", "applied"):
        assert frame[f"zone-a.supply-air {word} [degC]"].to_numpy() == pytest.approx(18.0)
    # What the meter read, summed by hand, is the true energy within the meter's class.
    read_kwh = frame["utility-meter.power [kW]"].sum() * 300 / 3600
    assert read_kwh == pytest.approx(as_found.amounts.facility_kwh, rel=0.02)


def test_the_histogram_counts_every_rack_group_for_all_the_time(as_found: RunOutcome) -> None:
    table = pd.read_csv(as_found.folder / "inlet_histogram.csv")
    ticks = len(pd.read_parquet(as_found.folder / "trajectory.parquet"))
    assert np.diff(table["inlet from [degC]"]) == pytest.approx(0.1)
    assert table["zone-a [h]"].sum() == pytest.approx(6 * ticks * 300 / 3600)  # six rack groups


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    as_found: RunOutcome, tmp_path: Path
) -> None:
    again = run_scenario(order("solar-grid-day", "fixed", tmp_path))
    assert run_digest(again.folder) == run_digest(as_found.folder)
    other = run_scenario(order("solar-grid-day", "fixed", tmp_path, changes={"seed": 2}))
    assert run_digest(other.folder) != run_digest(as_found.folder)


def test_the_scenario_as_used_can_be_run_again(as_found: RunOutcome) -> None:
    again = load_scenario(str(as_found.folder / "scenario.yaml"))
    assert again.length == timedelta(days=0.02)
    assert again.history.days == 0


def test_the_page_needs_nothing_from_elsewhere(as_found: RunOutcome) -> None:
    page = (as_found.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 7
    assert "http://" not in page
    assert "https://" not in page
    assert "src=" not in page


def test_stale_sensors_send_the_zone_to_fallback_and_the_run_says_so(out: Path) -> None:
    changes: dict[str, object] = {
        "faults": [{"kind": "stale_series", "target": "zone-a.inlet-*", "at": "10m"}],
        "pass": {"alarms": [{"kind": "fallback", "source": "zone-a", "after": "10m", "within": "25m"},
                            {"kind": "fallback", "source": "zone-b", "after": "10m", "within": "25m"}]},
    }  # fmt: skip
    run = run_scenario(order("stale-telemetry", "fixed", out, 0.03, changes))
    assert [f.met for f in run.findings] == [True, False]
    assert not run.passed
    done = CliRunner().invoke(app, ["scenario", "compare", str(run.folder)])
    assert done.exit_code == 1
    assert "FAILED" in done.stdout


def test_compare_of_runs_that_passed_exits_with_zero(as_found: RunOutcome) -> None:
    done = CliRunner().invoke(app, ["scenario", "compare", str(as_found.folder), str(as_found.folder)])
    assert done.exit_code == 0


def test_a_site_file_with_a_plant_of_ones_own_is_replayed_by_its_protocol(out: Path) -> None:
    plain = order("training-load-steps", "trim-and-respond", out)
    run = run_scenario(replace(plain, plant="examples.own_plant:make"))
    assert run.baseline is not None  # a twin of the same factory, by its own meters
    # 60 % of 1120 kW of design, by hand.
    hours = run.amounts.seconds / 3600
    assert run.amounts.it_kwh == pytest.approx(672 * hours)
    # As found: fans at 0.9 take 20 · 0.9³ kW a zone, the plant 0.16 of the heat; 8 % lost on the way.
    assert run.baseline.facility_kwh == pytest.approx((672 * 1.24 + 4 * 20 * 0.9**3) * hours)
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_factory("examples.nowhere:make")
    with pytest.raises(ConfigError, match=r"is not package.module:factory"):
        load_factory("examples.own_plant")


AMOUNTS = Amounts(3600, 100, 80, 15, 50, 30, 9, 27.3, {"zone-a": 4.0, "zone-b": 3.0})


def test_each_criterion_is_judged_by_its_own_figure() -> None:
    event = {"at": (START + timedelta(minutes=20)).isoformat(), "kind": "alarm.raised",
             "what": {"kind": "lever_silent", "source": "zone-b.fan-speed"}}  # fmt: skip
    asked = Criteria(
        max_violation_minutes=7,
        worst_inlet_c=27.2,
        facility_kwh_over_baseline=1.0,
        alarms=(
            AlarmCriterion("lever_silent", "zone-b.*", START, timedelta(minutes=30)),
            AlarmCriterion("lever_silent", "zone-b.*", START, timedelta(minutes=10)),
            AlarmCriterion("lever_silent", "*", START, timedelta(hours=9)),
            AlarmCriterion("stale_data", "*", START, timedelta(minutes=30), ("mpc",)),
        ),
        quiet=("fallback", "lever_silent"),
        least_verified=3,
    )
    end = START + timedelta(hours=1)
    found = judge(asked, AMOUNTS, replace(AMOUNTS, facility_kwh=99.0), [event], {"verified": 3}, end)
    # The third alarm's time lies beyond the run, the fourth is for another policy: they are not asked.
    assert [f.met for f in found] == [True, False, False, True, False, True, False, True]
    planned = judge(asked, AMOUNTS, None, [event], {}, end, "mpc")
    assert [f.met for f in planned if "stale_data" in f.criterion] == [False]
    untold = judge(Criteria(facility_kwh_over_baseline=1.0), AMOUNTS, None, [], {}, end)
    assert [f.met for f in untold] == [None]


@pytest.fixture(scope="module")
def demo() -> Site:
    return build_site(load_scenario("dead-lever"))


class Still:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Command] = []

    def reset(self, start: datetime) -> list[Reading]:
        return [Reading(PointId("zone-a.inlet-1"), start, 20.0, Quality.GOOD)]

    def advance(self, commands: object, seconds: float) -> list[Reading]:
        self.told += list(commands)  # type: ignore[call-overload]
        return self.reset(START)


@pytest.mark.parametrize(
    ("kind", "receipt", "done"),
    [
        ("write_timeout_executed", Unreachable, True),
        ("write_timeout_lost", Unreachable, False),
        ("write_refused", Refused, False),
        ("sensor_dead", Confirmed, True),
    ],
)
async def test_a_write_may_be_done_without_an_answer_and_answered_without_being_done(
    demo: Site, kind: str, receipt: type, done: bool
) -> None:
    plant = Still()
    gateway = InProcessGateway(plant, START, demo.points)
    wire = FaultyWire(gateway, demo, [make_fault(kind, START, START + timedelta(hours=1))])
    command = Command(PointId("crah-1.supply-air.setpoint"), 20.0)
    answer = (await wire.write([command]))[0]
    gateway.advance_to(START + timedelta(minutes=5))
    assert isinstance(answer, receipt)
    assert plant.told == ([command] if done else [])


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (18.2, 48.9), (-3.0, 1250.0), (7.0, 7.0), (0.001, 0.0017)]
)
def test_ticks_are_few_round_and_enclose(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9
    assert 2 <= len(ticks) <= 8
