"""A business case on the command line: from replays with their spread, or refused; pilots ranked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_plant import EXAMPLE
from typer.testing import CliRunner

from controller.cli import main as command_line
from plant.errors import ConfigError

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
