"""A spreadsheet program opens the workbook: LibreOffice shows every cell as it was written, and runs none."""

from __future__ import annotations

import csv
import io
import math
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from made_up_plant import MadeUpPlant

from benchmarks.savings_coverage import switched
from benchmarks.savings_made_up import World
from reports.report_record import EnergyReport, SwitchbackFinding
from reports.switchback_analysis import analyze
from reports.switchback_record import Applied, RunRecord, Stretch
from reports.writers.json import as_plain
from reports.writers.pdf import to_pdf
from reports.writers.xlsx import to_xlsx

EVIL = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1,1)", '=HYPERLINK("http://x","y")']
# Comma, quote, UTF-8; contents and not what is shown; formulas as formulas; every sheet into its file.
_FILTER = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,true,false,false,-1"


@pytest.fixture(scope="module")
def finding(made_up: MadeUpPlant) -> SwitchbackFinding:
    history, schedule, _ = switched(World(made_up.site, 4), 0.1)
    record = tuple(Stretch(b.start, b.end, Applied(b.arm)) for b in schedule.blocks)
    run = RunRecord("S-1a2b3c4d", "ann and bob", schedule, record)
    return SwitchbackFinding(run, analyze(history, schedule, record=record))


@pytest.fixture(scope="module")
def report(report: EnergyReport, finding: SwitchbackFinding) -> EnergyReport:
    """The full report with text in it that would run, and a switchback."""
    account = replace(report.whole.account, remarks=tuple(EVIL))
    return replace(
        report, site_name=EVIL[0], whole=replace(report.whole, account=account), switchbacks=(finding,)
    )


@pytest.fixture(scope="module")
def shown(report: EnergyReport, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """Every sheet as LibreOffice has it."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "report.xlsx").write_bytes(to_xlsx(report))
    profile = f"-env:UserInstallation=file://{folder}/profile"
    done = subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", _FILTER, "--outdir", str(folder), "report.xlsx"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr + done.stdout
    sheets = {}
    for path in sorted(folder.glob("report-*.csv")):
        text = path.read_text(encoding="utf-8")
        sheets[path.stem.removeprefix("report-")] = list(csv.reader(io.StringIO(text)))
    return sheets


def test_every_cell_is_as_it_was_written(report: EnergyReport, shown: dict[str, list[list[str]]]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(report)))
    assert set(shown) == set(book.sheetnames)
    numbers = texts = 0
    for name in book.sheetnames:
        for r, row in enumerate(book[name].iter_rows(values_only=True)):
            for c, cell in enumerate(row):
                seen = shown[name][r][c] if c < len(shown[name][r]) else ""
                if isinstance(cell, int | float):
                    numbers += 1
                    # LibreOffice writes fifteen digits.
                    assert float(seen) == pytest.approx(cell, rel=1e-14), (name, r, c)
                else:
                    texts += 1
                    assert seen == _text(cell), (name, r, c)
    assert numbers > 300
    assert texts > 300


def test_nothing_that_looks_like_a_formula_is_one(shown: dict[str, list[list[str]]]) -> None:
    said = [cell for sheet in shown.values() for row in sheet for cell in row]
    for text in EVIL:
        assert f"'{text}" in said
    assert not [cell for cell in said if cell[:1] in ("=", "@")]


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def test_a_switchback_is_told_in_every_form(
    report: EnergyReport,
    finding: SwitchbackFinding,
    shown: dict[str, list[list[str]]],
    tmp_path: Path,
) -> None:
    told = as_plain(report)["switchbacks"][0]
    assert (told["run"], told["by"], told["qualified"]) == ("S-1a2b3c4d", "ann and bob", True)
    assert told["saving_kw"] == finding.result.saving_kw
    assert len(told["record"]) == len(told["schedule"]["blocks"])
    header, row = shown["Switchback"]
    cells = dict(zip(header, row, strict=True))
    assert cells["state"] == "final"
    assert float(cells["saving_kw"]) == pytest.approx(finding.result.saving_kw)
    (tmp_path / "report.pdf").write_bytes(to_pdf(report))
    text = subprocess.run(
        ["pdftotext", "-layout", "report.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "Randomized switchback" in text
    assert f"{finding.result.saving_kw:.1f}" in text
    assert not math.isnan(finding.result.saving_kw)


def test_only_switchbacks_of_the_period_are_told(made_up: MadeUpPlant, finding: SwitchbackFinding) -> None:
    import asyncio
    from types import SimpleNamespace

    from controller.feeds import open_feeds
    from controller.reporting import Order, make_report

    first = finding.run.schedule.blocks[0].start
    source = SimpleNamespace(
        history=lambda site, start, end, step_s: made_up.history(
            int((end - start).total_seconds() / 3600), start=start, step_s=3600
        )
    )

    def told(start: date) -> int:
        at = first + timedelta(days=(start - first.date()).days)
        made = asyncio.run(
            make_report(
                made_up.site,
                source,
                open_feeds(made_up.site),
                None,
                Order(at, at + timedelta(days=2)),
                generated_at=at,
                runs=[finding.run],
            )
        )
        return len(made.switchbacks)

    assert told(first.date() + timedelta(days=10)) == 1
    assert told(first.date() + timedelta(days=100)) == 0
