"""A report as XLSX: sheets for people and auditors, numbers as numbers, a frozen header, no merged cells."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from reports.figures import Figure
from reports.kpis import DEFINITIONS
from reports.report_record import EnergyReport, ReportRow
from reports.table import Cell, cells, neutral, withheld
from reports.writers.extra import needed

Row = Sequence[Cell]
Table = tuple[Row, list[Row]]
_WIDEST = 60


def to_xlsx(report: EnergyReport) -> bytes:
    """The workbook.

    Raises
    ------
    ConfigError
        If the extra `reports` is not installed.
    """
    xlsxwriter = needed("xlsxwriter", "xlsx")
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": f"Energy report {report.id}", "created": report.generated_at})
    for name, (header, rows) in sheets(report).items():
        _write(book, name, header, rows)
    book.close()
    return out.getvalue()


def sheets(report: EnergyReport) -> dict[str, Table]:
    """Every sheet by name: header and rows."""
    found = {
        "Summary": _summary(report),
        "Monthly": _rows(report, report.months),
        "KPI definitions": _definitions(report),
        "Emission factors": _factors(report),
        "Assumptions": _assumptions(report),
        "Data quality": _quality(report),
        "Audit": _audit(report),
    }
    if report.parts:
        found["Periods"] = _rows(report, report.parts)
    if report.profile is not None:
        found["Profile"] = _profile(report)
    if report.switchbacks:
        found["Switchback"] = _switchbacks(report)
    return found


def _write(book: Any, name: str, header: Row, rows: list[Row]) -> None:
    sheet = book.add_worksheet(name)
    bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": "General"})
    for column, title in enumerate(header):
        sheet.write_string(0, column, neutral(str(title)), bold)
        longest = max((len(str(row[column])) for row in rows), default=0)
        sheet.set_column(column, column, min(max(longest, len(str(title))) + 2, _WIDEST))
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, neutral(cell))
            elif cell is not None and math.isfinite(cell):
                sheet.write_number(number, column, cell, plain)
    sheet.freeze_panes(1, 0)


def _summary(report: EnergyReport) -> Table:
    row, of = report.whole, report.whole.account
    rows: list[Row] = [
        ["Site", report.site_name, "", ""],
        ["Period", f"{row.label} ({report.timezone})", "", ""],
        ["Status", f"{report.status} version {report.version}", "", ""],
    ]
    for figure in Figure:
        unit = of.currency if figure is Figure.COST else figure.value.rsplit("_", 1)[1]
        name, share = figure.value, of.shares[figure].measured
        rows.append([name, of.totals[figure], unit, share])
        rows.append([f"saving_{name}", of.saving[figure], unit, share])
        rows.append([f"saving_low_{name}", of.interval.low[figure], unit, share])
        rows.append([f"saving_high_{name}", of.interval.high[figure], unit, share])
    rows += [[k.label, k.value, k.definition.unit, k.measured_share] for k in row.kpis]
    rows += [[reason, None, "withheld", None] for reason in withheld(row)]
    return ["figure", "value", "unit", "measured_share"], rows


def _switchbacks(report: EnergyReport) -> Table:
    header = ["run", "from", "to", "state", "saving_kw", "low_kw", "high_kw", "confidence", "saving_kwh"]
    header += ["saving_ratio", "anytime_low_kw", "anytime_high_kw", "as_drawn_saving_kw", "compliance_ratio"]
    header += ["control_blocks", "baseline_blocks", "schedule", "method", "reasons"]
    rows: list[Row] = []
    for found in report.switchbacks:
        r, blocks = found.result, found.run.schedule.blocks
        state = "not qualified" if not r.qualified else "interim" if r.interim else "final"
        rows.append(
            [found.run.id, blocks[0].start.isoformat(), blocks[-1].end.isoformat(), state,
             r.saving_kw, r.low_kw, r.high_kw, r.confidence, r.saving_kwh, r.saving_share,
             r.anytime_low_kw, r.anytime_high_kw, r.as_drawn_saving_kw, r.compliance,
             float(r.control_blocks), float(r.baseline_blocks), r.schedule_id, r.method_version,
             "; ".join(r.reasons)]
        )  # fmt: skip
    return header, rows


def _rows(report: EnergyReport, of: Iterable[ReportRow]) -> Table:
    tables = [cells(report, row) for row in of]
    return list(tables[0]), [list(table.values()) for table in tables]


def _definitions(report: EnergyReport) -> Table:
    header = ["key", "version", "name", "formula", "unit", "source", "boundary"]
    rows: list[Row] = [
        [d.key.value, d.version, d.name, d.formula, d.unit, d.source, d.boundary]
        for d in DEFINITIONS.values()
    ]
    return header, rows


def _factors(report: EnergyReport) -> Table:
    header = ["row", "basis", "what", "energy_kwh", "co2e_kg", "factor_g_per_kwh", "factor_source"]
    header += ["factor_year", "factor_kind", "synthetic", "evidence", "withheld"]
    rows: list[Row] = []
    for r in report.whole.carbon.rows:
        f = r.factor
        facts: list[Cell] = [f.g_per_kwh, f.source, float(f.year), f.kind] if f else [None, "", None, ""]
        synthetic = str(r.synthetic).lower()
        rows.append(
            [r.key, r.basis.value, r.what, r.kwh, r.kg, *facts, synthetic, r.evidence, r.withheld or ""]
        )
    return header, rows


def _assumptions(report: EnergyReport) -> Table:
    said = [*report.whole.carbon.assumptions, *report.whole.account.notes]
    said.append(f"a figure is withheld where under {report.provenance.min_measured:.0%} was measured")
    said.append("avoided emissions are taken off no total")
    return ["assumption"], [[text] for text in said]


def _quality(report: EnergyReport) -> Table:
    header = ["what", "measured_ratio", "estimated_ratio", "missing_ratio", "quality", "meters"]
    of = report.whole.account
    rows: list[Row] = [
        [f.value, s.measured, s.estimated, s.missing, s.word, " ".join(of.meters[f])]
        for f, s in of.shares.items()
    ]
    for line in report.balance:
        said = line.alarm or "within limits"
        residual = f"residual {line.residual_kwh:.1f} kWh of {line.upper_kwh:.1f} kWh"
        meters = f"{' '.join(line.upper)} | {' '.join(line.lower)}"
        rows.append([f"balance: {line.name}", line.residual_share, None, None, f"{residual}: {said}", meters])
    return header, rows


def _audit(report: EnergyReport) -> Table:
    made = report.provenance
    rows: list[Row] = [
        ["report", report.id],
        ["status", report.status.value],
        ["generated_at", report.generated_at.isoformat()],
        ["method_version", made.method_version],
        ["config_sha256", made.config_sha256],
        ["code_sha256", made.code_sha256],
        ["supplied_sha256", made.supplied_sha256 or ""],
        ["baseline_id", made.baseline_id or ""],
        ["step_s", float(made.step_s)],
    ]
    return ["item", "value"], rows


def _profile(report: EnergyReport) -> Table:
    header = ["field", "code", "label", "value", "unit", "filled_by", "source", "evidence", "note"]
    assert report.profile is not None
    version = report.profile.profile.version
    rows: list[Row] = [
        [
            v.field.key,
            v.field.code or v.field.codes.get(version, ""),
            v.field.label,
            v.value,
            v.field.unit,
            v.filled.value,
            v.source,
            v.evidence,
            v.note,
        ]
        for v in report.profile.values
    ]
    return header, rows
