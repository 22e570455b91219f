"""A report as JSON: the same figures as the CSV, nested, with the definitions beside them."""

from __future__ import annotations

import json
import math
from typing import Any

from reports.account import Account
from reports.energy import EnergyReport, ReportRow
from reports.figures import EnergyFigures


def to_json(report: EnergyReport) -> str:
    """The report as one JSON object, strict (a gap is null, never NaN)."""
    return json.dumps(as_plain(report), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def as_plain(report: EnergyReport) -> dict[str, Any]:
    """The report as plain values, ready for an API."""
    made = report.provenance
    return {
        "site_id": report.site_id,
        "site_name": report.site_name,
        "timezone": report.timezone,
        "generated_at": report.generated_at.isoformat(),
        "method_version": made.method_version,
        "config_sha256": made.config_sha256,
        "step_s": made.step_s,
        "min_measured_share": made.min_measured,
        "baseline_id": made.baseline_id,
        **_row(report.whole),
        "parts": [_row(row) for row in report.parts],
    }


def _row(row: ReportRow) -> dict[str, Any]:
    return {
        **account_as_plain(row.account),
        "ratios": {
            ratio.key: {
                "name": ratio.kpi.name,
                "value": _number(ratio.kpi.value),
                "unit": ratio.kpi.unit,
                "definition": ratio.kpi.definition,
                "withheld": ratio.withheld,
            }
            for ratio in row.ratios
        },
    }


def account_as_plain(of: Account) -> dict[str, Any]:
    """An account as plain values: `totals`, `baseline`, `saving` and what stands behind them."""
    interval = of.interval
    return {
        "period": {"start": of.start.isoformat(), "end": of.end.isoformat()},
        "currency": of.currency,
        "totals": _figures(of.totals),
        "compared": _figures(of.compared),
        "baseline": _figures(of.baseline),
        "saving": _figures(of.saving),
        "saving_interval": {
            "confidence": interval.confidence,
            "low": _figures(interval.low),
            "high": _figures(interval.high),
        },
        "covered_h": _figures(of.covered_h),
        "compared_h": _figures(of.compared_h),
        "shares": {
            figure.value: {
                "measured": share.measured,
                "estimated": share.estimated,
                "missing": share.missing,
                "data_quality": share.word,
            }
            for figure, share in of.shares.items()
        },
        "meters": {figure.value: list(points) for figure, points in of.meters.items()},
        "carbon": {
            "accounting": "location-based",
            "factor_source": of.carbon.provider,
            "factor_kind": of.carbon.kind.value,
            "synthetic": of.carbon.synthetic,
        },
        "baseline_models": [
            {"id": part.model_id, "qualified": part.qualified, "reasons": list(part.reasons)}
            for part in of.baseline_parts
        ],
        "extrapolated_h": of.extrapolated_h,
        "notes": list(of.notes),
    }


def _figures(figures: EnergyFigures) -> dict[str, float | None]:
    return {name: _number(value) for name, value in figures.as_dict().items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
