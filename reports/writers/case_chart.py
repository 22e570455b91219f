"""Charts of a business case as SVG: discounted cash over the years, and where a pilot brings most."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from reports.business_case import BusinessCase, Investment, PilotCandidate, cash_flow
from reports.writers.extra import needed

_LINE, _BAND = "#1B5E8C", "#C7DCEB"


def cash_chart(case: BusinessCase, terms: Investment) -> bytes:
    """Discounted cash added up, year by year, with the band of the saving's range. SVG."""
    years = range(terms.years + 1)
    figure, axes = _axes()
    if not math.isnan(case.money.low):
        low, high = cash_flow(case.money.low, terms), cash_flow(case.money.high, terms)
        axes.fill_between(years, low, high, color=_BAND, label="range")
    axes.plot(years, cash_flow(case.money.mid, terms), color=_LINE, marker="o", label="expected")
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel("years", fontsize=8)
    axes.set_ylabel(f"discounted cash [{case.currency}]", fontsize=8)
    axes.legend(fontsize=7, frameon=False)
    return _svg(figure)


def pilot_chart(ranked: Sequence[PilotCandidate]) -> bytes:
    """Each candidate's saving for each of its levers, with its range, the best on top. SVG."""
    figure, axes = _axes()
    for place, candidate in enumerate(ranked):
        saved, count = candidate.saved_kwh, len(candidate.levers)
        half = 0.0 if math.isnan(saved.low) else (saved.high - saved.mid) / count
        axes.barh(place, saved.mid / count, xerr=half, color=_BAND, ecolor=_LINE, capsize=3)
    axes.set_yticks(range(len(ranked)), [c.name for c in ranked], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel("kWh saved for each lever", fontsize=8)
    return _svg(figure)


def _axes() -> tuple[Any, Any]:
    figure = needed("matplotlib.figure", "svg").Figure(figsize=(7.0, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7)
    return figure, axes


def _svg(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
