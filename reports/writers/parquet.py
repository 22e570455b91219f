"""A report as Parquet: the CSV's columns with types, who made it and how in the file's metadata."""

from __future__ import annotations

import io
import json
from importlib import import_module

from reports.report_record import EnergyReport
from reports.table import cells, numbers_only


def to_parquet(report: EnergyReport) -> bytes:
    """The report's rows (parts, then the whole). A gap is null; text is as it is, nothing runs it."""
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # heavy, and without types
    rows = [numbers_only(cells(report, row)) for row in report.rows]
    kinds = {
        name: pa.string() if any(isinstance(row[name], str) for row in rows) else pa.float64()
        for name in rows[0]
    }
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
    about = {
        "report_id": report.id,
        "status": report.status.value,
        "method_version": report.provenance.method_version,
        "config_sha256": report.provenance.config_sha256,
        "definitions": json.dumps({k.definition.key: k.definition.formula for k in report.whole.kpis}),
    }
    table = table.replace_schema_metadata({k.encode(): v.encode() for k, v in about.items()})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
