"""An account: what an interval used, what the baseline would have used, and how sure we are.

Nothing is integrated across a gap. `totals` are sums over the time each figure is covered; a saving
compares only steps where actual and baseline both exist. Accounts of disjoint intervals add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.points import PointId
from reports.account_record import (
    METHOD_VERSION,
    Account,
    BaselinePart,
    CarbonFacts,
    RatioSums,
    SavingInterval,
    combine,
)
from reports.aligned import on_steps
from reports.baseline_model import BaselineModel
from reports.figures import DataShares, EnergyFigures, Figure
from reports.series import SiteSeries, read_series

__all__ = [
    "METHOD_VERSION",
    "Account",
    "BaselinePart",
    "CarbonFacts",
    "RatioSums",
    "SavingInterval",
    "account",
    "combine",
]

Array = NDArray[np.float64]
Rates = Mapping[Figure, Array]


def account(
    history: History, *, baseline: BaselineModel | None, carbon: CarbonSeries, price: PriceSeries
) -> Account:
    """Account for a history's whole span.

    Parameters
    ----------
    history : History
        Any step; each is one mean, NaN is a gap.
    baseline : BaselineModel or None
        Used even when it is not qualified: its reasons come along in `remarks`.
    carbon, price : CarbonSeries, PriceSeries
        On any grids; steps they do not cover are gaps of carbon and cost alone.
    """
    series = read_series(history)
    factors = _factors(history, series, carbon, price)
    actual = factors.rates(series)
    expected, remarks, inside = _baseline_rates(history, baseline, series, factors)
    if factors.water_is_unpriced:
        remarks.append("water is not metered: cost is without water")
    step_h = history.step_s / 3600
    both = {f: ~np.isnan(actual[f]) & ~np.isnan(expected[f]) for f in Figure}
    baseline_sum = EnergyFigures.of(lambda f: _sum(expected[f][both[f]]) * step_h)
    compared_h = EnergyFigures.of(lambda f: float(both[f].sum()) * step_h)
    return Account(
        site_id=history.site.id,
        start=history.start,
        end=history.end + timedelta(seconds=history.step_s),
        currency=price.currency,
        carbon=CarbonFacts(carbon.provider, carbon.kind, carbon.synthetic),
        totals=EnergyFigures.of(lambda f: _sum(actual[f]) * step_h),
        compared=EnergyFigures.of(lambda f: _sum(actual[f][both[f]]) * step_h),
        baseline=baseline_sum,
        covered_h=EnergyFigures.of(lambda f: float((~np.isnan(actual[f])).sum()) * step_h),
        compared_h=compared_h,
        shares=_shares(series, actual),
        ratios=_ratio_sums(actual, step_h),
        meters=_meters(series),
        baseline_parts=() if baseline is None else (_part(baseline, baseline_sum, compared_h),),
        extrapolated_h=float((both[Figure.FACILITY] & ~inside).sum()) * step_h,
        remarks=tuple(remarks),
    )


def _part(model: BaselineModel, amounts: EnergyFigures, hours: EnergyFigures) -> BaselinePart:
    return BaselinePart(model.id, model.qualified, model.reasons, amounts, hours, model.statistics)


class _Powers(Protocol):
    """Rates of a site, metered or modeled: what `SiteSeries` and `BaselineEstimate` both tell."""

    @property
    def powers(self) -> tuple[Array, Array, Array, Array]:
        """Facility, IT and cooling power [kW] and water [L/h]."""
        ...


@dataclass(frozen=True)
class _Factors:
    """What a kWh and a liter stand for, step by step; the same for actual and baseline."""

    intensity_g_per_kwh: Array
    price_per_kwh: Array
    carbon_price_per_kg: float
    water_price_per_l: float
    water_is_unpriced: bool

    def rates(self, source: _Powers) -> Rates:
        """Every figure as a rate per hour; a term without a price cannot make cost missing."""
        facility_kw, it_kw, cooling_kw, water_l_h = source.powers
        carbon_kg_h = facility_kw * self.intensity_g_per_kwh / 1000
        cost = facility_kw * self.price_per_kwh
        if self.carbon_price_per_kg:
            cost = cost + carbon_kg_h * self.carbon_price_per_kg
        if self.water_price_per_l:
            cost = cost + water_l_h * self.water_price_per_l
        return {
            Figure.FACILITY: facility_kw,
            Figure.IT: it_kw,
            Figure.COOLING: cooling_kw,
            Figure.CARBON: carbon_kg_h,
            Figure.COST: cost,
            Figure.WATER: water_l_h,
        }


def _factors(history: History, series: SiteSeries, carbon: CarbonSeries, price: PriceSeries) -> _Factors:
    starts, tariff = pd.DatetimeIndex(history.values.index), history.site.tariff
    metered_water = bool(series.water_l_h.points)
    return _Factors(
        intensity_g_per_kwh=on_steps(carbon.grid, carbon.g_per_kwh, starts, history.step_s),
        price_per_kwh=on_steps(price.grid, price.per_kwh, starts, history.step_s),
        carbon_price_per_kg=tariff.carbon_price_per_tonne / 1000,
        water_price_per_l=tariff.water_price_per_m3 / 1000 if metered_water else 0.0,
        water_is_unpriced=bool(tariff.water_price_per_m3) and not metered_water,
    )


def _baseline_rates(
    history: History, baseline: BaselineModel | None, series: SiteSeries, factors: _Factors
) -> tuple[Rates, list[str], NDArray[np.bool_]]:
    """Baseline rates, remarks, and which steps lie where the baseline was fitted."""
    inside = np.ones(len(history.values), dtype=bool)
    if baseline is None:
        return dict.fromkeys(Figure, np.full(len(inside), np.nan)), ["there is no baseline yet"], inside
    estimate = baseline.estimate(history)
    remarks = [] if baseline.qualified else ["the baseline is not qualified"]
    remarks += [f"baseline: {reason}" for reason in baseline.reasons]
    if baseline.fitted_range is not None:
        inside = baseline.fitted_range.contains(estimate.it_kw, series.wet_bulb_c.values)
    return factors.rates(estimate), remarks, inside


def _sum(values: Array) -> float:
    """Sum of what is there; NaN where nothing is. Exact, so that splitting a period changes nothing."""
    known = values[~np.isnan(values)]
    return math.fsum(known) if known.size else math.nan


def _shares(series: SiteSeries, actual: Rates) -> Mapping[Figure, DataShares]:
    measured = {
        Figure.FACILITY: series.facility_kw.measured_share,
        Figure.IT: series.it_kw.measured_share,
        Figure.COOLING: series.cooling_kw.measured_share,
        Figure.WATER: series.water_l_h.measured_share,
        Figure.CARBON: series.facility_kw.measured_share,
        Figure.COST: series.facility_kw.measured_share,
    }
    found = {}
    for figure, share in measured.items():
        known = ~np.isnan(actual[figure])
        in_full = float(np.where(known, np.clip(share, 0, 1), 0).mean())
        missing = float((~known).mean())
        found[figure] = DataShares(in_full, max(1 - missing - in_full, 0.0), missing)
    return found


def _ratio_sums(actual: Rates, step_h: float) -> RatioSums:
    def common(a: Figure, b: Figure) -> tuple[float, float]:
        both = ~np.isnan(actual[a]) & ~np.isnan(actual[b])
        return _sum(actual[a][both]) * step_h, _sum(actual[b][both]) * step_h

    pue = common(Figure.FACILITY, Figure.IT)
    wue = common(Figure.WATER, Figure.IT)
    cue = common(Figure.CARBON, Figure.IT)
    return RatioSums(*pue, *wue, *cue)


def _meters(series: SiteSeries) -> Mapping[Figure, tuple[PointId, ...]]:
    facility = series.facility_kw.points
    return {
        Figure.FACILITY: facility,
        Figure.IT: series.it_kw.points,
        Figure.COOLING: series.cooling_kw.points,
        Figure.CARBON: facility,
        Figure.COST: facility,
        Figure.WATER: series.water_l_h.points,
    }
