"""A report's rows as one flat table, the unit in each column's name. CSV, XLSX and Parquet share it."""

from __future__ import annotations

import math
from collections.abc import Callable

from reports.carbon import Basis
from reports.figures import EnergyFigures, Figure
from reports.kpis import KpiKey
from reports.report_record import EnergyReport, ReportRow

Cell = str | float | None

RATIO_COLUMNS = {"pue": "pue_ratio", "wue": "wue_l_per_kwh", "cue": "cue_kg_per_kwh"}
KPI_COLUMNS = {
    KpiKey.PPUE: "ppue_cooling_ratio",
    KpiKey.WUE_FRESH: "wue_freshwater_l_per_kwh",
    KpiKey.ERF: "erf_ratio",
    KpiKey.REF: "ref_ratio",
    KpiKey.CER: "cer_ratio",
    KpiKey.KW_PER_TON: "cooling_kw_per_ton",
    KpiKey.RCI_HI: "rci_hi_ratio",
    KpiKey.RCI_LO: "rci_lo_ratio",
    KpiKey.RHI: "rhi_ratio",
}
CARBON_COLUMNS = {
    Basis.LOCATION: "scope_2_location_kg",
    Basis.MARKET: "scope_2_market_kg",
    Basis.FUEL: "scope_1_fuel_kg",
    Basis.AVOIDED_AVERAGE: "avoided_average_kg",
    Basis.AVOIDED_MARGINAL: "avoided_marginal_kg",
}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def cells(report: EnergyReport, row: ReportRow) -> dict[str, Cell]:
    """One row by column name. A number that is missing is NaN."""
    of = row.account
    found: dict[str, Cell] = {
        "period": row.label,
        "period_start": of.start.isoformat(),
        "period_end": of.end.isoformat(),
        "site_id": report.site_id,
        "site_name": report.site_name,
        **_figures("", of.totals, of.currency),
        **{RATIO_COLUMNS[ratio.key]: ratio.kpi.value for ratio in row.ratios},
        **{KPI_COLUMNS[k.definition.key]: k.value for k in row.kpis if k.definition.key in KPI_COLUMNS},
        **{column: row.carbon.total_kg(basis) for basis, column in CARBON_COLUMNS.items()},
        "pue_kind": row.ratios[0].kpi.name,
        "withheld": "; ".join(withheld(row)),
        **_figures("compared_", of.compared, of.currency),
        **_figures("baseline_", of.baseline, of.currency),
        **_figures("saving_", of.saving, of.currency),
        **_figures("saving_low_", of.interval.low, of.currency),
        **_figures("saving_high_", of.interval.high, of.currency),
        "saving_confidence_ratio": of.interval.confidence,
    }
    for figure in Figure:
        found |= _quality(row, figure)
    return found | _provenance(report, row)


def withheld(row: ReportRow) -> tuple[str, ...]:
    """What is not shown and why."""
    return (
        *(f"{k.definition.key}: {k.withheld}" for k in row.kpis if k.withheld),
        *(f"{r.key}: {r.withheld}" for r in row.carbon.rows if r.withheld),
    )


def numbers_only(found: dict[str, Cell]) -> dict[str, Cell]:
    """NaN as None, for formats that have an empty cell."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in found.items()}


def _quality(row: ReportRow, figure: Figure) -> dict[str, Cell]:
    of, stem = row.account, figure.value.rsplit("_", 1)[0]
    shares = of.shares[figure]
    return {
        f"{stem}_covered_h": of.covered_h[figure],
        f"{stem}_measured_share_ratio": shares.measured,
        f"{stem}_estimated_share_ratio": shares.estimated,
        f"{stem}_missing_share_ratio": shares.missing,
        f"{stem}_data_quality": shares.word,
        f"{stem}_meter_ids": " ".join(of.meters[figure]),
    }


def _provenance(report: EnergyReport, row: ReportRow) -> dict[str, Cell]:
    of, made = row.account, report.provenance
    parts = of.baseline_parts
    return {
        "factor_source": of.carbon.provider,
        "factor_year": str(of.start.year),
        "factor_kind": of.carbon.kind.value,
        "factor_synthetic": str(of.carbon.synthetic).lower(),
        "carbon_accounting": "location-based",
        "baseline_id": " ".join(p.model_id for p in parts),
        "baseline_qualified": str(bool(parts) and all(p.qualified for p in parts)).lower(),
        "baseline_extrapolated_h": of.extrapolated_h,
        "notes": "; ".join(of.notes),
        "status": report.status.value,
        "report_version": str(report.version),
        "method_version": made.method_version,
        "config_sha256": made.config_sha256,
        "code_sha256": made.code_sha256,
        "generated_at": report.generated_at.isoformat(),
    }


def _figures(prefix: str, figures: EnergyFigures, currency: str) -> dict[str, Cell]:
    name: Callable[[Figure], str] = lambda f: (  # noqa: E731 - one line read twice is longer
        f"cost_{currency.lower()}" if f is Figure.COST else f.value
    )
    return {f"{prefix}{name(f)}": figures[f] for f in Figure}
