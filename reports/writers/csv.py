"""A report as CSV: RFC 4180, one row a period, the unit of every column in its name.

Numbers are written in full, without separators; a gap is an empty cell. Text that a spreadsheet
would take for a formula gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
import math

from reports.energy import EnergyReport, ReportRow
from reports.figures import EnergyFigures, Figure

Cell = str | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(report: EnergyReport) -> str:
    """The report's rows (parts, then the whole) under a header, with CRLF line ends."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    rows = [_cells(report, row) for row in report.rows]
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_text(cell) for cell in row.values()])
    return out.getvalue()


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return neutral(cell)
    return "" if cell is None or math.isnan(cell) else repr(float(cell))


def _cells(report: EnergyReport, row: ReportRow) -> dict[str, Cell]:
    of = row.account
    interval = of.interval
    cells: dict[str, Cell] = {
        "period_start": of.start.isoformat(),
        "period_end": of.end.isoformat(),
        "site_id": report.site_id,
        "site_name": report.site_name,
        **_figures("", of.totals, of.currency),
    }
    for ratio in row.ratios:
        cells[_RATIO_COLUMNS[ratio.key]] = ratio.kpi.value
    cells["pue_kind"] = row.ratios[0].kpi.name
    cells["withheld"] = "; ".join(f"{r.key}: {r.withheld}" for r in row.ratios if r.withheld)
    cells |= _figures("compared_", of.compared, of.currency)
    cells |= _figures("baseline_", of.baseline, of.currency)
    cells |= _figures("saving_", of.saving, of.currency)
    cells |= _figures("saving_low_", interval.low, of.currency)
    cells |= _figures("saving_high_", interval.high, of.currency)
    cells["saving_confidence_ratio"] = interval.confidence
    for figure in Figure:
        shares, stem = of.shares[figure], _stem(figure)
        cells[f"{stem}_covered_h"] = of.covered_h[figure]
        cells[f"{stem}_measured_share_ratio"] = shares.measured
        cells[f"{stem}_estimated_share_ratio"] = shares.estimated
        cells[f"{stem}_missing_share_ratio"] = shares.missing
        cells[f"{stem}_data_quality"] = shares.word
        cells[f"{stem}_meter_ids"] = " ".join(of.meters[figure])
    return cells | _provenance(report, row)


_RATIO_COLUMNS = {"pue": "pue_ratio", "wue": "wue_l_per_kwh", "cue": "cue_kg_per_kwh"}


def _provenance(report: EnergyReport, row: ReportRow) -> dict[str, Cell]:
    of, made = row.account, report.provenance
    parts = of.baseline_parts
    return {
        "factor_source": of.carbon.provider,
        "factor_kind": of.carbon.kind.value,
        "factor_synthetic": str(of.carbon.synthetic).lower(),
        "carbon_accounting": "location-based",
        "baseline_id": " ".join(p.model_id for p in parts),
        "baseline_qualified": str(bool(parts) and all(p.qualified for p in parts)).lower(),
        "baseline_extrapolated_h": of.extrapolated_h,
        "notes": "; ".join(of.notes),
        "method_version": made.method_version,
        "config_sha256": made.config_sha256,
        "generated_at": report.generated_at.isoformat(),
    }


def _figures(prefix: str, figures: EnergyFigures, currency: str) -> dict[str, Cell]:
    return {f"{prefix}{_column(f, currency)}": figures[f] for f in Figure}


def _column(figure: Figure, currency: str) -> str:
    return f"cost_{currency.lower()}" if figure is Figure.COST else figure.value


def _stem(figure: Figure) -> str:
    return figure.value.rsplit("_", 1)[0]
