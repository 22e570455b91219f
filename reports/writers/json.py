"""A report as JSON: the same figures as the CSV, nested, with the definitions beside them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from reports.account_record import Account
from reports.balance import BalanceLine
from reports.carbon import CarbonRow
from reports.figures import EnergyFigures
from reports.kpis import KpiValue
from reports.profile import FilledProfile
from reports.report_record import EnergyReport, ReportRow, SwitchbackFinding


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
        "report_id": report.id,
        "status": report.status.value,
        "version": report.version,
        "code_sha256": made.code_sha256,
        "supplied_sha256": made.supplied_sha256,
        **_row(report.whole),
        "parts": [_row(row) for row in report.parts],
        "months": [_row(row) for row in report.months],
        "meter_balance": [_line(line) for line in report.balance],
        "profile": _profile(report.profile) if report.profile else None,
        "switchbacks": [_switchback(found) for found in report.switchbacks],
    }


def _line(line: BalanceLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "upper": list(line.upper),
        "lower": list(line.lower),
        "upper_kwh": line.upper_kwh,
        "lower_kwh": line.lower_kwh,
        "residual_kwh": line.residual_kwh,
        "residual_share": _number(line.residual_share),
        "hours": line.hours,
        "alarm": line.alarm,
    }


def _profile(filled: FilledProfile) -> dict[str, Any]:
    return {
        "id": filled.profile.id,
        "version": filled.profile.version,
        "source": filled.profile.source,
        "fields": {
            v.field.key: {
                "code": v.field.code or v.field.codes,
                "label": v.field.label,
                "value": v.value,
                "unit": v.field.unit,
                "filled": v.filled.value,
                "source": v.source,
                "evidence": v.evidence,
                "measured_share": v.measured_share,
                "note": v.note,
                "symbol_verified": v.field.verified,
            }
            for v in filled.values
        },
        "period_note": filled.period_note,
        "open_fields": [v.field.key for v in filled.open_fields],
    }


def _switchback(found: SwitchbackFinding) -> dict[str, Any]:
    """With its schedule and the record of its running: enough to analyze it again."""
    result = asdict(found.result)
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in result.items()}
    return {
        "run": found.run.id,
        "by": found.run.by,
        **known,
        "reasons": list(found.result.reasons),
        "saving_kwh": _number(found.result.saving_kwh),
        "saving_share": _number(found.result.saving_share),
        "schedule": json.loads(found.run.schedule.to_json()),
        "record": [
            {"since": s.since.isoformat(), "until": s.until.isoformat(), "applied": s.applied.value,
             "detail": s.detail}
            for s in found.run.record
        ],
    }  # fmt: skip


def _kpi(kpi: KpiValue) -> dict[str, Any]:
    return {
        "label": kpi.label,
        "value": _number(kpi.value),
        "unit": kpi.definition.unit,
        "formula": kpi.definition.formula,
        "version": kpi.definition.version,
        "source": kpi.definition.source,
        "numerator": _number(kpi.numerator),
        "denominator": _number(kpi.denominator),
        "measured_share": kpi.measured_share,
        "withheld": kpi.withheld,
    }


def _carbon(row: CarbonRow) -> dict[str, Any]:
    factor = row.factor
    return {
        "key": row.key,
        "basis": row.basis.value,
        "what": row.what,
        "kwh": _number(row.kwh),
        "kg": _number(row.kg),
        "factor_g_per_kwh": _number(factor.g_per_kwh) if factor else None,
        "factor_source": factor.source if factor else None,
        "factor_year": factor.year if factor else None,
        "factor_kind": factor.kind if factor else None,
        "synthetic": row.synthetic,
        "evidence": row.evidence,
        "withheld": row.withheld,
    }


def _row(row: ReportRow) -> dict[str, Any]:
    return {
        "label": row.label,
        **account_as_plain(row.account),
        "kpis": {kpi.definition.key.value: _kpi(kpi) for kpi in row.kpis},
        "greenhouse_gases": {
            "rows": [_carbon(r) for r in row.carbon.rows],
            "assumptions": list(row.carbon.assumptions),
        },
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
