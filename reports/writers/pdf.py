"""A report as PDF, set with Typst from `report.typ`: what a manager prints and an auditor files."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from reports.figures import Figure
from reports.report_record import EnergyReport, Status, SwitchbackFinding
from reports.writers.charts import energy_chart, saving_chart
from reports.writers.extra import needed

_TEMPLATE = Path(__file__).parent / "report.typ"
_NAMES = {
    Figure.FACILITY: "Facility energy",
    Figure.IT: "IT energy",
    Figure.COOLING: "Cooling energy",
    Figure.CARBON: "CO2e, location-based",
    Figure.COST: "Cost of energy, carbon and water",
    Figure.WATER: "Water",
}
_KWH_BELOW = 100_000.0
"""Energy of a smaller facility, or of a short period, is printed in kWh: a day saves tens of them."""


def to_pdf(report: EnergyReport) -> bytes:
    """The printed report.

    Raises
    ------
    ConfigError
        If the extra `reports` is not installed.
    """
    typst = needed("typst", "pdf")
    with tempfile.TemporaryDirectory(prefix="coolwright-report-") as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(_TEMPLATE.read_bytes())
        (root / "energy.svg").write_bytes(energy_chart(report))
        saved = saving_chart(report)
        if saved is not None:
            (root / "saving.svg").write_bytes(saved)
        content = {**_content(report), "has_saving_chart": saved is not None}
        (root / "report.json").write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
        return bytes(typst.compile(str(root / "report.typ"), root=folder, format="pdf"))


def _content(report: EnergyReport) -> dict[str, Any]:
    """Everything the template shows, as text that is already rounded for print."""
    row, of = report.whole, report.whole.account
    made = report.provenance
    return {
        "title": report.site_name,
        "period": row.label,
        "span": f"{of.start:%Y-%m-%d %H:%M} to {of.end:%Y-%m-%d %H:%M} UTC ({report.timezone})",
        "status": f"{report.status.value} v{report.version}",
        "draft": report.status is Status.DRAFT,
        "generated_at": report.generated_at.isoformat(timespec="seconds"),
        "figures": [_figure(report, f) for f in Figure],
        "kpis": [
            [
                k.label,
                _plain(k.value, 3),
                "" if k.definition.unit == "1" else k.definition.unit,
                f"{k.measured_share:.0%}",
                k.withheld or k.definition.formula,
            ]
            for k in row.kpis
        ],
        "carbon": [
            [
                r.basis.value,
                r.withheld or r.what,
                _plain(r.kwh / 1000, 1),
                _plain(r.kg / 1000, 2),
                _plain(r.factor.g_per_kwh, 0) if r.factor else "–",
                f"{r.factor.source}, {r.factor.year}, {r.factor.kind}" if r.factor else "",
            ]
            for r in row.carbon.rows
        ],
        "balance": [
            [b.name, _plain(b.upper_kwh / 1000, 1), _plain(b.lower_kwh / 1000, 1),
             _percent(b.residual_share), b.alarm or "within limits"]
            for b in report.balance
        ],
        "profile": _profile(report),
        "switchbacks": [_switchback(found) for found in report.switchbacks],
        "notes": [*of.notes, *row.carbon.assumptions],
        "provenance": [
            ["report", report.id],
            ["method", made.method_version],
            ["configuration SHA-256", made.config_sha256],
            ["code SHA-256", made.code_sha256],
            ["supplied SHA-256", made.supplied_sha256 or "nothing supplied"],
            ["baseline", made.baseline_id or "none"],
        ],
    }  # fmt: skip


def _switchback(found: SwitchbackFinding) -> list[str]:
    r, blocks = found.result, found.run.schedule.blocks
    span = f"{blocks[0].start:%Y-%m-%d} to {blocks[-1].end:%Y-%m-%d}"
    counts = f"{r.control_blocks} + {r.baseline_blocks}"
    if not r.qualified:
        return [span, counts, "–", "–", "–", "; ".join(r.reasons)]
    low, high = (r.anytime_low_kw, r.anytime_high_kw) if r.interim else (r.low_kw, r.high_kw)
    said = "interim: interval holds at every look" if r.interim else "final"
    return [
        span,
        counts,
        _plain(r.saving_kw, 1),
        f"{_plain(low, 1)} to {_plain(high, 1)}",
        f"{r.saving_share:.1%}",
        f"{said}; {r.compliance:.0%} run as drawn",
    ]


def _figure(report: EnergyReport, figure: Figure) -> list[str]:
    of = report.whole.account
    scale, unit, digits = _printed(figure, of.currency, of.totals.facility_kwh)
    low, high = of.interval.low[figure] * scale, of.interval.high[figure] * scale
    band = "–" if math.isnan(low) else f"{_plain(low, digits)} to {_plain(high, digits)}"
    shares = of.shares[figure]
    return [
        _NAMES[figure],
        _plain(of.totals[figure] * scale, digits),
        unit,
        _plain(of.saving[figure] * scale, digits),
        band,
        f"{shares.measured:.0%} / {shares.estimated:.0%} / {shares.missing:.0%}",
    ]


def _printed(figure: Figure, currency: str, facility_kwh: float) -> tuple[float, str, int]:
    """Factor, unit and digits a figure is printed with: fine enough for what a short period saves."""
    match figure:
        case Figure.CARBON:
            return 1e-3, "t", 2
        case Figure.COST:
            return 1.0, currency, 0
        case Figure.WATER:
            return 1e-3, "m3", 1
        case _ if facility_kwh < _KWH_BELOW:
            return 1.0, "kWh", 0
        case _:
            return 1e-3, "MWh", 1


def _profile(report: EnergyReport) -> dict[str, Any] | None:
    filled = report.profile
    if filled is None:
        return None
    version = filled.profile.version
    return {
        "title": filled.profile.title,
        "source": filled.profile.source,
        "open": len(filled.open_fields),
        "period_note": "" if filled.period_note is None else f" · {filled.period_note}",
        "rows": [
            [
                v.field.code or v.field.codes.get(version, ""),
                v.field.label,
                _plain(v.value, 3 if abs(v.value) < 100 else 1)
                if isinstance(v.value, float)
                else (v.value or "–"),
                "" if v.field.unit == "1" else v.field.unit,
                v.filled.value,
                "; ".join(dict.fromkeys(filter(None, (v.source, v.note, v.evidence)))),
            ]
            for v in filled.values
        ],
    }


def _plain(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    rounded = round(value, digits) + 0.0  # a rounded loss of nothing is nothing: no minus sign
    return f"{rounded:,.{digits}f}".replace(",", "\u2009")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.1%}"
