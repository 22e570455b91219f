"""PUE, WUE and CUE of a row of the report, or why one is withheld."""

from __future__ import annotations

import math
from dataclasses import replace

from plant.kpi import Kpi, cue, pue, wue
from reports.account_record import Account
from reports.figures import Figure
from reports.report_record import Ratio


def ratios(of: Account, category: int, min_measured: float) -> tuple[Ratio, ...]:
    """The three ratios of an account, formed on its own sums."""
    sums = of.ratios
    return (
        _ratio(
            "pue",
            pue(sums.pue_facility_kwh, sums.pue_it_kwh, of.period, category),
            of,
            (Figure.FACILITY, Figure.IT),
            min_measured,
        ),
        _ratio("wue", wue(sums.wue_water_l, sums.wue_it_kwh), of, (Figure.WATER, Figure.IT), min_measured),
        _ratio("cue", cue(sums.cue_carbon_kg, sums.cue_it_kwh), of, (Figure.CARBON, Figure.IT), min_measured),
    )


def _ratio(key: str, kpi: Kpi, of: Account, figures: tuple[Figure, Figure], min_measured: float) -> Ratio:
    """The ratio, or what stands in its way. A ratio formed on too little is not shown at all."""
    worst = min(figures, key=lambda f: of.shares[f].measured)
    share = of.shares[worst].measured
    if math.isnan(kpi.value):
        return Ratio(key, kpi, f"{worst} has no common time with the rest")
    if share < min_measured:
        reason = f"only {share:.1%} of {worst} was measured, {min_measured:.0%} is needed"
        return Ratio(key, replace(kpi, value=math.nan), reason)
    return Ratio(key, kpi)
