"""An account: what an interval used, what the baseline would have used, and how sure we are.

Nothing is integrated across a gap. `totals` are sums over the time each figure is covered; a saving
compares only steps where actual and baseline both exist. Accounts of disjoint intervals add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from plant.points import PointId
from reports.account_record import Account, CarbonFacts, RatioSums
from reports.baseline_model import BaselineModel
from reports.baseline_part import BaselinePart, Stake
from reports.figures import DataShares, EnergyFigures, Figure
from reports.pairs import pair_sums
from reports.rates import Rates, StepRates, step_rates
from reports.series import SiteSeries

Array = NDArray[np.float64]


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
    return account_of(
        step_rates(history, baseline=baseline, carbon=carbon, price=price), baseline, carbon, price
    )


def account_of(
    steps: StepRates, baseline: BaselineModel | None, carbon: CarbonSeries, price: PriceSeries
) -> Account:
    """Sum what `step_rates` made; the arguments are the ones it was made of."""
    history, series, actual, expected = steps.history, steps.series, steps.actual, steps.expected
    step_h = steps.step_h
    both = {f: ~np.isnan(actual[f]) & ~np.isnan(expected[f]) for f in Figure}
    return Account(
        site_id=history.site.id,
        start=history.start,
        end=history.end + timedelta(seconds=history.step_s),
        currency=price.currency,
        carbon=CarbonFacts(carbon.provider, carbon.kind, carbon.synthetic),
        totals=EnergyFigures.of(lambda f: _sum(actual[f]) * step_h),
        compared=EnergyFigures.of(lambda f: _sum(actual[f][both[f]]) * step_h),
        baseline=EnergyFigures.of(lambda f: _sum(expected[f][both[f]]) * step_h),
        covered_h=EnergyFigures.of(lambda f: float((~np.isnan(actual[f])).sum()) * step_h),
        compared_h=EnergyFigures.of(lambda f: float(both[f].sum()) * step_h),
        shares=_shares(series, actual),
        ratios=_ratio_sums(actual, step_h),
        meters=_meters(series),
        baseline_parts=() if baseline is None else (_part(steps, baseline, both),),
        extrapolated_h=float((both[Figure.FACILITY] & ~steps.inside).sum()) * step_h,
        remarks=steps.remarks,
        pairs=pair_sums(steps.pairs, step_h),
    )


def _part(steps: StepRates, model: BaselineModel, both: Mapping[Figure, NDArray[np.bool_]]) -> BaselinePart:
    """What the model contributed, over the steps in which both sides of a figure are known."""

    def amount(rate: Array, figure: Figure) -> float:
        return _sum(rate[both[figure]]) * steps.step_h

    def sparse(rate: Array, figure: Figure) -> float:
        return amount(np.where(steps.sparse, rate, 0.0), figure)

    return BaselinePart(
        model.id,
        model.qualified,
        model.reasons,
        EnergyFigures.of(lambda f: amount(steps.expected[f], f)),
        EnergyFigures.of(lambda f: sparse(steps.expected[f], f)),
        EnergyFigures.of(lambda f: float(both[f].sum()) * steps.step_h),
        model.statistics,
        tuple(
            Stake(meter, amount(rate, Figure.COST), sparse(rate, Figure.COST))
            for meter, rate in steps.cost_stakes.items()
        ),
    )


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
