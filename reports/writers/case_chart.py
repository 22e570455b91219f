"""Charts of a business case as SVG: discounted cash over the years, and where a pilot brings most."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.business_case import BusinessCase, Investment, PilotCandidate, cash_flow
from reports.writers.plot import plain_axes, to_svg

_LINE, _BAND = "#1B5E8C", "#C7DCEB"
_WIDTH_IN, _HEIGHT_IN = 7.0, 3.0


def cash_chart(case: BusinessCase, terms: Investment) -> bytes:
    """Discounted cash added up, year by year, with the band of the saving's range. SVG."""
    years = range(terms.years + 1)
    figure, axes = plain_axes(_WIDTH_IN, _HEIGHT_IN, "svg")
    if not math.isnan(case.money.low):
        low, high = cash_flow(case.money.low, terms), cash_flow(case.money.high, terms)
        axes.fill_between(years, low, high, color=_BAND, label="range")
    axes.plot(years, cash_flow(case.money.mid, terms), color=_LINE, marker="o", label="expected")
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel("years", fontsize=8)
    axes.set_ylabel(f"discounted cash [{case.currency}]", fontsize=8)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(fontsize=7, frameon=False)
    return to_svg(figure)


def pilot_chart(ranked: Sequence[PilotCandidate]) -> bytes:
    """Each candidate's saving for each of its levers, with its range, the best on top. SVG."""
    figure, axes = plain_axes(_WIDTH_IN, 0.7 + 0.4 * len(ranked), "svg")
    for place, candidate in enumerate(ranked):
        saved, count = candidate.saved_kwh, len(candidate.levers)
        half = 0.0 if math.isnan(saved.low) else (saved.high - saved.mid) / count
        axes.barh(place, saved.mid / count, xerr=half, color=_BAND, ecolor=_LINE, capsize=3)
    axes.set_yticks(range(len(ranked)), [c.name for c in ranked], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.set_xlabel("kWh saved for each lever", fontsize=8)
    return to_svg(figure)
