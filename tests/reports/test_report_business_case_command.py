"""A business case on the command line: from replays with their spread, or refused; pilots ranked."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from made_up_plant import EXAMPLE, MadeUpPlant
from typer.testing import CliRunner

from controller.cli import main as command_line
from plant.errors import ConfigError
from plant.history import History
from reports.periods import named_period
from telemetry.historian import Historian

JUDGED = ["--hours", "1000", "--spread", "0", "--says", "summer hours of 2025, facility manager"]


def run_folder(folder: Path, name: str, saved_kwh: float, hours: float = 10.0) -> str:
    """What `scenario run` leaves, as far as a business case reads it: 0.1 USD and 0.4 kg a kWh."""
    at = folder / name
    at.mkdir()
    used = {"hours": hours, "facility_kwh": 1000.0, "cost": 100.0, "carbon_kg": 400.0}
    found = {k: v + saved_kwh * {"facility_kwh": 1, "cost": 0.1, "carbon_kg": 0.4}[k]
             for k, v in used.items() if k != "hours"}  # fmt: skip
    kpis = {"currency": "USD", "amounts": used, "as_found": found}
    (at / "kpis.json").write_text(json.dumps(kpis))
    (at / "manifest.json").write_text(json.dumps({"scenario": name, "policy": "mpc", "seed": 1}))
    return str(at)


def told(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(
        command_line.app, ["business-case", *arguments, "--format", "json"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_two_runs_tell_their_spread(tmp_path: Path) -> None:
    """100 and 140 kWh in ten hours each: 12 ± 6.3138 · 2.8284 / √2 kWh an hour, by Student's t(1) of 90 %."""
    runs = [run_folder(tmp_path, "one", 100.0), run_folder(tmp_path, "two", 140.0)]
    case = told(*runs, *JUDGED, "--once", "3000", "--years", "5", "--discount", "0.1")
    assert case["kwh"] == pytest.approx({"low": -627.5, "mid": 12_000.0, "high": 24_627.5}, abs=0.6)
    assert case["money"]["mid"] == pytest.approx(1200.0)  # type: ignore[index]
    assert case["co2e_t"]["mid"] == pytest.approx(4.8)  # type: ignore[index]
    assert case["payback_years"]["mid"] == pytest.approx(2.5)  # type: ignore[index]
    assert case["payback_years"]["high"] is None, "at the low end it is never earned back"  # type: ignore[index]
    # 1200 at the end of five years at 10 %: annuity factor 3.79079.
    assert case["net_present_value"]["mid"] == pytest.approx(1200 * 3.79079 - 3000, abs=0.1)  # type: ignore[index]
    assert case["assumptions"][0].startswith("replayed, not measured: 2 runs")  # type: ignore[index]


def test_one_run_has_no_range_unless_somebody_states_one(tmp_path: Path) -> None:
    run = run_folder(tmp_path, "one", 100.0)
    assert told(run, *JUDGED)["kwh"] == {"low": None, "mid": 10_000.0, "high": None}
    wider = told(run, *JUDGED[:3], "0.3", *JUDGED[4:])
    assert wider["kwh"] == pytest.approx({"low": 7000.0, "mid": 10_000.0, "high": 13_000.0})


def test_pilots_are_ranked_by_what_a_lever_surely_brings(tmp_path: Path) -> None:
    a = [run_folder(tmp_path, f"a{i}", kwh) for i, kwh in enumerate((100.0, 104.0))]
    b = [run_folder(tmp_path, f"b{i}", kwh) for i, kwh in enumerate((60.0, 61.0))]
    both, air = "zone-a.supply-air,zone-a.fan-speed", "zone-b.supply-air"
    picture, cash = tmp_path / "pilots.svg", tmp_path / "cash.svg"
    case = told(
        *a, *JUDGED, "--site", str(EXAMPLE), "--pilot", f"zone A:{both}={','.join(a)}",
        "--pilot", f"zone B:{air}={','.join(b)}", "--pilot-plot", str(picture), "--plot", str(cash),
    )  # fmt: skip
    # Zone A brings more, but with two levers: 102/2 an average lever against 60.5.
    assert [c["name"] for c in case["pilots"]] == ["zone B", "zone A"]  # type: ignore[attr-defined]
    for drawn, words in ((picture, "kWh saved for each lever"), (cash, "discounted cash")):
        assert drawn.read_text().lstrip().startswith("<?xml")
        assert words.replace(" ", "") in drawn.read_text().replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "has nothing to go by"),
        (["--hours", "1000"], "is nobody's judgment"),
        (["RUN"], "a replay is not a year"),
        (["RUN", *JUDGED, "--years", "0"], "make no sense"),
        (["RUN", *JUDGED, "--pilot", "zone A"], "need the site's levers"),
    ],
)
def test_a_case_without_a_ground_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    given = [run_folder(tmp_path, "one", 1.0) if a == "RUN" else a for a in arguments]
    with pytest.raises(ConfigError, match=words):
        CliRunner().invoke(command_line.app, ["business-case", *given], catch_exceptions=False)


@pytest.fixture(scope="module")
def measured(made_up: MadeUpPlant, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], float]:
    """Five days as found, then two at three tenths less cooling: where they are, and what was truly saved."""
    folder = tmp_path_factory.mktemp("measured")
    first, last = "2026-07-11", "2026-07-12"
    span = named_period(f"{first}..{last}", made_up.site.timezone)
    steps = {"step_s": 300, "noise": 0.01}
    before = made_up.history(120, start=span.start - timedelta(days=5), **steps)
    after = made_up.history(48, start=span.start, cooling_saving=0.3, as_found=False, **steps)
    untouched = made_up.history(48, start=span.start, **steps)
    pd.concat([_long(before), _long(after)]).to_parquet(folder / "trends.parquet")
    url = f"sqlite:///{folder / 'history.sqlite'}"
    store = Historian(url)
    store.import_file(folder / "trends.parquet")
    store.close()
    meter = "utility-meter.power"
    saved = float((untouched.values[meter] - after.values[meter]).sum()) * 300 / 3600
    return ["--site", str(EXAMPLE), "--period", f"{first}..{last}", "--historian", url], saved


def _long(history: History) -> pd.DataFrame:
    needed = ("meter.power", "makeup-water.flow", "wet-bulb", ".utilization", "setpoint")
    named = [c for c in history.values.columns if c.endswith(needed)]
    wide = history.values[named].rename_axis("time").reset_index()
    return wide.melt("time", var_name="point").assign(quality="good")


def test_a_measured_saving_becomes_a_year_with_its_interval(measured: tuple[list[str], float]) -> None:
    given, saved_kwh = measured
    hours = ["--hours", "1200", "--spread", "0.2", "--says", "hot hours of 2025, facility manager"]
    case = told(*given, *hours, "--once", "20000", "--years", "4", "--discount", "0")
    # Two days are 48 hours; 1200 hours of a year are like them: 25 times as much.
    true_kwh = saved_kwh * 1200 / 48
    kwh, money, t = case["kwh"], case["money"], case["co2e_t"]
    assert kwh["mid"] == pytest.approx(true_kwh, rel=0.02)  # type: ignore[index]
    assert kwh["low"] < true_kwh < kwh["high"]  # type: ignore[index]
    # The judgment's ±20 % and the measurement's own interval, in quadrature: wider than the judgment alone.
    assert kwh["high"] - kwh["mid"] > 0.2 * kwh["mid"]  # type: ignore[index]
    assert 0.05 < money["mid"] / kwh["mid"] < 0.5, "USD a kWh"  # type: ignore[index]
    assert 0.1 < t["mid"] * 1000 / kwh["mid"] < 1.0, "kg a kWh"  # type: ignore[index]
    assert case["payback_years"]["mid"] == pytest.approx(20000 / money["mid"])  # type: ignore[index]
    assert case["net_present_value"]["mid"] == pytest.approx(4 * money["mid"] - 20000)  # type: ignore[index]
    first = case["assumptions"][0]  # type: ignore[index]
    assert first.startswith("carried over from 48 measured hours to 1200 hours of a year")
    assert first.endswith("hot hours of 2025, facility manager")


def test_two_measured_days_are_no_year_unless_somebody_says_so(measured: tuple[list[str], float]) -> None:
    with pytest.raises(ConfigError, match="2 days are not a year"):
        told(*measured[0])


def test_a_measured_case_is_told_in_words_with_its_ranges(measured: tuple[list[str], float]) -> None:
    done = CliRunner().invoke(
        command_line.app, ["business-case", *measured[0], *JUDGED], catch_exceptions=False
    )
    lines = done.stdout.splitlines()
    names = ["energy saved", "money saved", "emissions avoided", "payback", "net present value"]
    assert [line[:18].strip() for line in lines[:5]] == names
    assert all(" to " in line for line in lines[:5])
