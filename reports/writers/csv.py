"""A report as CSV: RFC 4180, one row a period, the unit of every column in its name.

Numbers are written in full, without separators; a gap is an empty cell. Text that a spreadsheet
would take for a formula gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
import math

from reports.report_record import EnergyReport
from reports.table import Cell, cells, neutral

__all__ = ["neutral", "to_csv"]


def to_csv(report: EnergyReport) -> str:
    """The report's rows (parts, then the whole) under a header, with CRLF line ends."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    rows = [cells(report, row) for row in report.rows]
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_text(cell) for cell in row.values()])
    return out.getvalue()


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return neutral(cell)
    return "" if cell is None or math.isnan(cell) else repr(float(cell))
