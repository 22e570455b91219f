"""Reports from the command line and over HTTP, on a real historian."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from made_up_plant import EXAMPLE, MadeUpPlant
from made_up_reports import supplied_file
from typer.testing import CliRunner

from controller.api.problems import add_handlers
from controller.api.security import Reader
from controller.cli import main as command_line
from controller.clock import WallClock
from controller.feeds import open_feeds
from controller.report_routes import report_routes
from controller.settings import Settings
from controller.store import Store
from plant.errors import ConfigError
from reports.periods import named_period
from telemetry.historian import Historian

DAY = "2026-07-02"


@pytest.fixture(scope="module")
def historian(made_up: MadeUpPlant, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A day of samples, a tenth of them lost at the IT meter: too little history for a baseline."""
    folder = tmp_path_factory.mktemp("historian")
    day = named_period(DAY, made_up.site.timezone)
    made = made_up.history(24, step_s=300, start=day.start)
    long = made.values.rename_axis("time").reset_index().melt("time", var_name="point").assign(quality="good")
    lost = (long["point"] == "it-meter.power") & (long["time"] < day.start + pd.Timedelta(hours=1))
    long[~lost].to_parquet(folder / "trends.parquet")
    url = f"sqlite:///{folder / 'history.sqlite'}"
    store = Historian(url)
    store.import_file(folder / "trends.parquet")
    store.close()
    return url


def coolwright(*arguments: str) -> str:
    done = CliRunner().invoke(command_line.app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_day_is_reported_closed_and_explained(historian: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    file = tmp_path / "report.xlsx"
    said = coolwright(
        "report", str(EXAMPLE), "--period", DAY, "--format", "xlsx", "-o", str(file), "--close",
        "--archive", str(archive), "--historian", historian, "--supplied", str(supplied_file(tmp_path)),
    )  # fmt: skip
    assert "closed as demo-2026-07-02-v1" in said
    audit = {row[0]: row[1] for row in openpyxl.load_workbook(file)["Audit"].iter_rows(values_only=True)}
    assert (audit["report"], audit["status"]) == ("demo-2026-07-02-v1", "closed")
    text = coolwright("explain", "demo-2026-07-02-v1#it_kwh", "--archive", str(archive))
    assert "gap: 2026-07-02T04:00:00+00:00 to 2026-07-02T05:00:00+00:00 (it_kw)" in text
    told = json.loads(
        coolwright(
            "explain", "demo-2026-07-02-v1#total/it_kwh", "--format", "json", "--archive", str(archive)
        )
    )
    samples = [v for v in told["samples"]["sample it-meter.power"] if v is not None]
    assert len(samples) == 276
    assert told["value"] == pytest.approx(sum(samples) / 12)


def test_a_profile_is_filled_from_the_command_line(historian: str) -> None:
    body = json.loads(
        coolwright(
            "report", str(EXAMPLE), "--period", DAY, "--profile", "ghg-scope-2", "--historian", historian
        )
    )
    assert body["profile"]["fields"]["electricity"]["filled"] == "metered"
    assert "market_based" in body["profile"]["open_fields"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--period", "2026-14"], "is not a day, month, quarter or year"),
        (["--period", DAY, "--from", DAY], "is not named in one way"),
        ([], "is not named in one way"),
        (["--period", "2020..2026"], "is longer than 732 days"),
        (["--period", DAY, "--format", "pdf"], "name a file with --output"),
        (["--period", DAY, "--format", "doc"], "use csv, json, xlsx, parquet, pdf"),
        (["--period", DAY, "--reason", "late"], "is only for closing"),
    ],
)
def test_a_mistake_is_one_line(historian: str, arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        coolwright("report", str(EXAMPLE), "--historian", historian, *arguments)


async def test_the_api_gives_every_format_of_a_named_period(historian: str, made_up: MadeUpPlant) -> None:
    app = FastAPI()
    add_handlers(app)
    # Who may read is tested with the API; here everybody may.
    app.dependency_overrides[Reader.__metadata__[0].dependency] = lambda: None  # type: ignore[attr-defined]
    store = Historian(historian)
    authority = SimpleNamespace(store=Store("sqlite://"))
    parts = SimpleNamespace(site=made_up.site, clock=WallClock(), authority=authority)
    controller = SimpleNamespace(
        parts=parts,
        historian=store,
        knowledge=SimpleNamespace(baseline=None),
        feeds=open_feeds(made_up.site),
        settings=Settings(),
    )
    app.include_router(report_routes(controller))  # type: ignore[arg-type]
    async with AsyncClient(transport=ASGITransport(app), base_url="http://plant") as client:
        for form, start in {
            "json": b"{",
            "csv": b"period",
            "xlsx": b"PK",
            "parquet": b"PAR1",
            "pdf": b"%PDF",
        }.items():
            answer = await client.get("/api/v1/reports/energy", params={"period": DAY, "format": form})
            assert answer.status_code == 200, answer.text
            assert answer.content.startswith(start)
            assert f'filename="demo-{DAY}-v1.{form}"' in answer.headers["content-disposition"]
        profiled = await client.get(
            "/api/v1/reports/energy", params={"period": DAY, "profile": "eu-2024-1364"}
        )
        assert profiled.json()["profile"]["fields"]["it_energy"]["filled"] == "metered"
        for wrong in ({"period": "2026-13"}, {"period": DAY, "profile": "nobody"}, {}, {"from": DAY}):
            refused = await client.get("/api/v1/reports/energy", params=wrong)
            assert refused.status_code == 422, refused.text
    store.close()


def test_a_missing_extra_is_told_to_the_caller(
    historian: str, made_up: MadeUpPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigError, match=r"coolwright\[reports\]"):
        coolwright(
            "report",
            str(EXAMPLE),
            "--period",
            DAY,
            "--format",
            "xlsx",
            "-o",
            "never.xlsx",
            "--historian",
            historian,
        )
    assert not Path("never.xlsx").exists()


def test_a_switchback_is_drawn_and_asked_for_its_result(historian: str, tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    said = coolwright(
        "switchback", "draw", str(EXAMPLE), "--from", DAY, "--days", "14", "--seed", "7", "-o", str(file)
    )
    assert said.startswith("schedule ")
    assert "14 blocks" in said
    found = json.loads(coolwright("switchback", "analyze", str(EXAMPLE), str(file), "--historian", historian))
    assert found["qualified"] is False
    assert found["saving_kw"] is None
    assert any("blocks have data, 6 are needed" in reason for reason in found["reasons"])


def test_a_span_without_pairs_is_one_line_and_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "schedule.json"
    words = ["switchback", "draw", str(EXAMPLE), "--from", "2026-07-06", "--days", "1", "--seed", "7"]
    monkeypatch.setattr(
        "sys.argv", ["coolwright", *words, "--block", "2", "--washout", "0.5", "-o", str(file)]
    )
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("coolwright: switchback schedule: of 1 d from 2026-07-06 has no pair of blocks")
    assert told.endswith("; use 2 days or more\n")
    assert not file.exists()


def test_a_file_that_is_no_schedule_is_one_line(historian: str, tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        coolwright("switchback", "analyze", str(EXAMPLE), str(file), "--historian", historian)
