"""Charts of a report as SVG: where the energy went, and what was saved."""

from __future__ import annotations

import io
import math
from typing import Any

from reports.figures import Figure
from reports.report_record import EnergyReport, ReportRow
from reports.writers.extra import needed

_IT, _COOLING, _OTHER, _ACTUAL, _BASELINE = "#4C78A8", "#72B7B2", "#BAB0AC", "#1B5E8C", "#C9C4BF"
_WIDTH_IN, _HEIGHT_IN = 7.0, 2.1
_MANY = 16
"""From this many bars on not every one is named."""


def energy_chart(report: EnergyReport) -> bytes:
    """Stacked bars a part of the period: IT, cooling, everything else. SVG."""
    rows = _rows(report)
    it = [_known(row, Figure.IT) for row in rows]
    cooling = [_known(row, Figure.COOLING) for row in rows]
    total = [_known(row, Figure.FACILITY) for row in rows]
    other = [max(t - i - c, 0.0) for t, i, c in zip(total, it, cooling, strict=True)]
    figure, axes = _axes()
    x = range(len(rows))
    axes.bar(x, it, color=_IT, label="IT")
    axes.bar(x, cooling, bottom=it, color=_COOLING, label="cooling")
    axes.bar(x, other, bottom=[a + b for a, b in zip(it, cooling, strict=True)], color=_OTHER, label="other")
    _named(axes, rows, "energy [MWh]")
    return _svg(figure)


def saving_chart(report: EnergyReport) -> bytes | None:
    """Baseline against actual over the same hours, with the interval of the saving. SVG; None without one."""
    rows = [row for row in _rows(report) if not math.isnan(row.account.saving.facility_kwh)]
    if not rows:
        return None
    figure, axes = _axes()
    baseline = [row.account.baseline.facility_kwh / 1000 for row in rows]
    actual = [row.account.compared.facility_kwh / 1000 for row in rows]
    half = [
        (row.account.interval.high.facility_kwh - row.account.interval.low.facility_kwh) / 2000
        for row in rows
    ]
    left = [i - 0.2 for i in range(len(rows))]
    axes.bar(
        left, baseline, width=0.4, color=_BASELINE, label="as found (baseline, 90 % interval)",
        yerr=[0.0 if math.isnan(h) else h for h in half], ecolor="#555555", capsize=2,
    )  # fmt: skip
    axes.bar([i + 0.2 for i in range(len(rows))], actual, width=0.4, color=_ACTUAL, label="actual")
    _named(axes, rows, "energy [MWh]")
    return _svg(figure)


def _rows(report: EnergyReport) -> tuple[ReportRow, ...]:
    return report.parts or report.months


def _known(row: ReportRow, figure: Figure) -> float:
    value = row.account.totals[figure]
    return 0.0 if math.isnan(value) else value / 1000


def _axes() -> tuple[Any, Any]:
    figure = needed("matplotlib.figure", "pdf").Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#E6E6E6")
    return figure, axes


def _named(axes: Any, rows: tuple[ReportRow, ...] | list[ReportRow], unit: str) -> None:
    every = max(1, math.ceil(len(rows) / _MANY))
    axes.set_xticks(range(0, len(rows), every))
    names = [row.label[5:] if len(row.label) == len("2026-10-01") else row.label for row in rows]
    axes.set_xticklabels([n.replace("..", "\nto ") for n in names[::every]], fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_ylabel(unit, fontsize=8)
    axes.margins(y=0.18)
    axes.legend(fontsize=7, ncols=3, frameon=False, loc="upper left")


def _svg(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    return out.getvalue()
