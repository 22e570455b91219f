"""XLSX, Parquet and PDF: numbers stay numbers, nothing runs, and a missing extra is named."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import LossyHistorian, made_report

from plant.errors import ConfigError
from plant.points import PointId
from reports.balance import meter_balance
from reports.report_record import EnergyReport, Status
from reports.table import cells
from reports.writers.extra import needed
from reports.writers.json import to_json
from reports.writers.parquet import to_parquet
from reports.writers.pdf import to_pdf
from reports.writers.xlsx import to_xlsx

SHEETS = ["Summary", "Monthly", "KPI definitions", "Emission factors", "Assumptions", "Data quality", "Audit"]


@pytest.fixture(scope="module")
def book(report: EnergyReport) -> Any:
    return openpyxl.load_workbook(io.BytesIO(to_xlsx(report)))


def test_the_workbook_has_its_sheets_frozen_headers_and_no_merged_cells(book: Any) -> None:
    assert book.sheetnames == [*SHEETS, "Periods", "Profile"]
    assert all(sheet.freeze_panes == "A2" for sheet in book)
    assert all(not sheet.merged_cells.ranges for sheet in book)


def test_numbers_are_numbers_to_sixteen_digits_and_gaps_are_empty(book: Any, report: EnergyReport) -> None:
    sheet = book["Monthly"]
    header = [c.value for c in sheet[1]]
    assert sheet.max_row == 3  # June and July
    for number, row in enumerate(report.months, start=2):
        for name, expected in cells(report, row).items():
            found = sheet.cell(number, header.index(name) + 1)
            if isinstance(expected, float):
                wanted = None if math.isnan(expected) else pytest.approx(expected, rel=1e-15)
                assert found.value == wanted, name
                assert found.data_type == "n", name


def test_months_of_a_daily_report_are_the_sums_of_their_days(report: EnergyReport) -> None:
    june = sum(p.account.totals.facility_kwh for p in report.parts[:2])
    assert report.months[0].account.totals.facility_kwh == pytest.approx(june)
    assert [m.label for m in report.months] == ["2026-06-29..2026-06-30", "2026-07-01..2026-07-03"]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "http://x.example/"])
def test_no_text_becomes_a_formula_or_a_link(report: EnergyReport, text: str) -> None:
    content = to_xlsx(replace(report, site_name=text))
    book = openpyxl.load_workbook(io.BytesIO(content))
    summary = book["Summary"]
    assert summary["B2"].value == (text if text.startswith("http") else f"'{text}")
    assert all(c.data_type != "f" and c.hyperlink is None for row in summary for c in row)
    sheets = zipfile.ZipFile(io.BytesIO(content))
    assert all(b"<f>" not in sheets.read(n) for n in sheets.namelist() if n.startswith("xl/worksheets/sheet"))


def test_every_factor_in_the_workbook_has_source_year_and_kind(book: Any) -> None:
    rows = list(book["Emission factors"].iter_rows(values_only=True))
    header = rows[0]
    for row in (dict(zip(header, r, strict=True)) for r in rows[1:]):
        if not row["withheld"]:
            assert row["factor_source"]
            assert isinstance(row["factor_year"], int | float)
            assert row["factor_kind"]


def test_parquet_has_the_same_numbers_with_types(report: EnergyReport) -> None:
    frame = pd.read_parquet(io.BytesIO(to_parquet(report)))
    assert len(frame) == len(report.rows)
    assert frame["facility_kwh"].iloc[-1] == report.whole.account.totals.facility_kwh
    assert frame["facility_kwh"].dtype == "float64"
    assert frame["wue_freshwater_l_per_kwh"].isna().all()


def test_json_says_months_balance_profile_and_gases(report: EnergyReport) -> None:
    body = json.loads(to_json(report), parse_constant=pytest.fail)
    assert body["profile"]["fields"]["refrigerants"]["evidence"] == "log.pdf"
    assert body["meter_balance"][0]["name"] == "facility = IT + cooling + losses"
    assert {r["basis"] for r in body["greenhouse_gases"]["rows"]} >= {"scope 2 location-based"}
    assert (body["status"], body["version"], len(body["months"])) == ("draft", 1, 2)


def test_a_pdf_is_made_and_says_draft_only_while_it_is_one(report: EnergyReport, tmp_path: Path) -> None:
    draft, closed = to_pdf(report), to_pdf(replace(report, status=Status.CLOSED))
    assert draft[:5] == closed[:5] == b"%PDF-"
    said = [_text(content, tmp_path) for content in (draft, closed)]
    assert ["draft v1" in text for text in said] == [True, False]
    assert "closed v1" in said[1]
    assert "interim PUE (category 1)" in said[1]
    assert "taken off no total" in said[1]


def _text(pdf: bytes, folder: Path) -> str:
    (folder / "report.pdf").write_bytes(pdf)
    try:
        ran = subprocess.run(
            ["pdftotext", "-layout", str(folder / "report.pdf"), "-"],
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("pdftotext is not installed")
    return ran.stdout


def test_a_site_name_with_typst_marks_is_printed_as_it_is(report: EnergyReport, tmp_path: Path) -> None:
    odd = '#panic("x") *bold* $1+1$ \\ "quoted"'
    assert "#panic(" in _text(to_pdf(replace(report, site_name=odd)), tmp_path)


def test_without_the_extra_the_mend_is_named(monkeypatch: pytest.MonkeyPatch, report: EnergyReport) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigError, match=r"coolwright\[reports\]"):
        to_xlsx(report)
    with pytest.raises(ConfigError, match="report format pdf"):
        needed("no_such_module", "pdf")


def test_a_meter_that_drifts_is_alarmed_and_its_residual_published(made_up: MadeUpPlant) -> None:
    history = made_up.history(48)
    sound = {line.name: line for line in meter_balance(history)}
    assert sound["IT meter = zones"].residual_share == pytest.approx(0, abs=1e-12)
    assert sound["IT meter = zones"].alarm is None
    history.values[PointId("it-meter.power")] *= 0.96
    line = next(line for line in meter_balance(history) if line.name == "IT meter = zones")
    # 1 - 1/0.96 = -4.2 %: more comes out at the racks than went in.
    assert line.residual_share == pytest.approx(-0.0417, abs=1e-4)
    assert line.alarm is not None
    assert "residual -4.2%" in line.alarm


def test_a_balance_counts_only_hours_in_which_every_meter_was_known(made_up: MadeUpPlant) -> None:
    history = made_up.history(48)
    history.values.loc[history.values.index[:40], PointId("zone-b.it-power")] = float("nan")
    line = next(line for line in meter_balance(history) if line.name == "IT meter = zones")
    assert line.hours == 38
    assert line.alarm is None


def test_thinned_samples_are_estimated_not_missing(made_up: MadeUpPlant) -> None:
    thin = made_report(made_up, None, source=LossyHistorian(made_up, thinned=0.25))
    share = next(iter(thin.whole.account.shares.values()))
    assert share.missing == 0
    assert share.estimated == pytest.approx(0.25 * 0.6, abs=0.002)
