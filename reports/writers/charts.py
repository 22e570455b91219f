"""Charts of a report as SVG: where the energy went, and what was saved.

One bar a row of the report; a report of one row is shown by its hours or days instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.figures import EnergyFigures, Figure
from reports.report_record import EnergyReport
from reports.writers.plot import plain_axes, to_svg

_IT, _COOLING, _OTHER, _ACTUAL, _BASELINE = "#4C78A8", "#72B7B2", "#BAB0AC", "#1B5E8C", "#C9C4BF"
_WIDTH_IN, _HEIGHT_IN = 7.0, 2.1
_FEWEST_PLACES = 8
"""A chart is as wide as so many bars: two bars stand in its middle and do not fill it."""
_MOST_NAMES = 16
_KWH_UP_TO = 2000.0
"""Bars are drawn in kWh while the highest is no higher."""
_UNKNOWN_FROM = 0.05
"""A bar of which so much of the time is not known is hatched: it is too low."""


@dataclass(frozen=True)
class _Bar:
    """One place on the axis. `half_kwh` is half the saving's interval, NaN where none is told."""

    label: str
    unknown_share: float
    totals: EnergyFigures
    compared: EnergyFigures
    baseline: EnergyFigures
    half_kwh: float = math.nan


def energy_chart(report: EnergyReport) -> bytes:
    """Stacked bars: IT, cooling, everything else. SVG."""
    bars = _bars(report)
    unit, scale = _unit([bar.totals.facility_kwh for bar in bars])
    it = [_known(bar.totals.it_kwh) * scale for bar in bars]
    cooling = [_known(bar.totals.cooling_kwh) * scale for bar in bars]
    total = [_known(bar.totals.facility_kwh) * scale for bar in bars]
    other = [max(t - i - c, 0.0) for t, i, c in zip(total, it, cooling, strict=True)]
    figure, axes = _axes()
    x = range(len(bars))
    axes.bar(x, it, color=_IT, label="IT")
    axes.bar(x, cooling, bottom=it, color=_COOLING, label="cooling")
    axes.bar(x, other, bottom=[a + b for a, b in zip(it, cooling, strict=True)], color=_OTHER, label="other")
    gappy = [i for i, bar in enumerate(bars) if bar.unknown_share >= _UNKNOWN_FROM]
    if gappy:
        axes.bar(
            gappy, [total[i] for i in gappy], fill=False, edgecolor="#444444", linewidth=0,
            hatch="//////", label="partly unknown: too low",
        )  # fmt: skip
    _named(axes, bars, unit)
    return to_svg(figure, transparent=True)


def saving_chart(report: EnergyReport) -> bytes | None:
    """Baseline against actual over the same hours, with the interval where bars are rows. SVG, or None."""
    bars = [bar for bar in _bars(report) if not math.isnan(bar.baseline.facility_kwh)]
    if not bars:
        return None
    unit, scale = _unit([bar.baseline.facility_kwh for bar in bars])
    told = any(not math.isnan(bar.half_kwh) for bar in bars)
    name = "as found (baseline, 90 % interval)" if told else "as found (baseline)"
    figure, axes = _axes()
    axes.bar(
        [i - 0.2 for i in range(len(bars))], [bar.baseline.facility_kwh * scale for bar in bars],
        width=0.4, color=_BASELINE, label=name,
        yerr=[_known(bar.half_kwh) * scale for bar in bars] if told else None, ecolor="#555555", capsize=2,
    )  # fmt: skip
    axes.bar(
        [i + 0.2 for i in range(len(bars))], [bar.compared.facility_kwh * scale for bar in bars],
        width=0.4, color=_ACTUAL, label="actual",
    )  # fmt: skip
    _named(axes, bars, unit)
    return to_svg(figure, transparent=True)


def _bars(report: EnergyReport) -> list[_Bar]:
    rows = report.parts or report.months
    if len(rows) == 1 and report.course:
        return [_Bar(p.label, p.unknown_share, p.totals, p.compared, p.baseline) for p in report.course]
    found = []
    for row in rows:
        of = row.account
        half = (of.interval.high.facility_kwh - of.interval.low.facility_kwh) / 2
        unknown = of.shares[Figure.FACILITY].missing
        found.append(_Bar(row.label, unknown, of.totals, of.compared, of.baseline, half))
    return found


def _unit(kwh: Sequence[float]) -> tuple[str, float]:
    return ("kWh", 1.0) if max(map(_known, kwh)) <= _KWH_UP_TO else ("MWh", 1e-3)


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _axes() -> tuple[Any, Any]:
    figure, axes = plain_axes(_WIDTH_IN, _HEIGHT_IN, "pdf")
    axes.grid(axis="y", color="#E6E6E6")
    return figure, axes


def _named(axes: Any, bars: Sequence[_Bar], unit: str) -> None:
    every = _every(len(bars))
    axes.set_xticks(range(0, len(bars), every), [_short(bar.label) for bar in bars[::every]])
    middle, half = (len(bars) - 1) / 2, max(len(bars), _FEWEST_PLACES) / 2
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylabel(f"energy [{unit}]", fontsize=8)
    axes.margins(y=0.18)
    axes.legend(fontsize=7, ncols=4, frameon=False, loc="upper left")


def _every(count: int) -> int:
    """Every how many bars one is named: hours by threes and sixes, days by the week."""
    return next((e for e in (1, 3, 6, 7) if count <= e * _MOST_NAMES), math.ceil(count / _MOST_NAMES))


def _short(label: str) -> str:
    """A name that fits under a bar: a day without its year, an hour under its day only at midnight."""
    day, _, hour = label.partition(" ")
    if hour:
        return f"{hour}\n{day}" if hour == "00:00" else hour
    if len(day) == len("2026-10-01"):
        return day[5:]
    return day.replace("..", "\nto ")
