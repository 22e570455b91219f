"""Rates of everything an account sums, step by step: metered, and as the baseline would have been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plant.forecast import CarbonSeries, PriceSeries
from plant.history import History
from reports.aligned import on_steps
from reports.baseline_model import BaselineModel, MeterName
from reports.figures import Figure
from reports.hourly_matching import hourly_pairs
from reports.pairs import PairKey, PairRates, pair_rates
from reports.series import SiteSeries, read_series
from reports.supplied import Supplied

Array = NDArray[np.float64]
Rates = Mapping[Figure, Array]


@dataclass(frozen=True)
class StepRates:
    """What an account is made of, on the history's steps. Arrays have shape (steps,).

    `actual` and `expected` (the baseline's) are rates per hour of each figure; `inside` says which
    steps lie where the baseline was fitted, `sparse` which have weather it saw little of. `cost_stakes`
    is the magnitude of the baseline's cost rate by the meter it rides on.
    """

    history: History
    series: SiteSeries
    factors: Factors
    actual: Rates
    expected: Rates
    inside: NDArray[np.bool_]
    sparse: NDArray[np.bool_]
    remarks: tuple[str, ...]
    pairs: Mapping[PairKey, PairRates]
    cost_stakes: Mapping[MeterName, Array]

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return self.history.step_s / 3600


def step_rates(
    history: History,
    *,
    baseline: BaselineModel | None,
    carbon: CarbonSeries,
    price: PriceSeries,
    supplied: Supplied = Supplied(),  # noqa: B008 - frozen and empty
) -> StepRates:
    """Read a history's meters and put factors, the baseline and hourly contracts on its steps."""
    series = read_series(history)
    factors = _factors(history, series, carbon, price)
    expected, cost_stakes, remarks = _baseline_rates(history, baseline, factors)
    inside, sparse = _where_fitted(baseline, expected, series)
    if factors.water_is_unpriced:
        remarks.append("water is not metered: cost is without water")
    actual, facility = factors.rates(series), series.facility_kw
    carbon_pair = PairRates(actual[Figure.CARBON], facility.values, facility.measured_share)
    pairs = {PairKey.CARBON_PER_FACILITY: carbon_pair, **pair_rates(history, series)}
    pairs |= hourly_pairs(history, facility, supplied)
    return StepRates(
        history, series, factors, actual, expected, inside, sparse, tuple(remarks), pairs, cost_stakes
    )


class _Powers(Protocol):
    """Rates of a site, metered or modeled: what `SiteSeries` and `BaselineEstimate` both tell."""

    @property
    def powers(self) -> tuple[Array, Array, Array, Array]:
        """Facility, IT and cooling power [kW] and water [L/h]."""
        ...


@dataclass(frozen=True)
class Factors:
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
        return {
            Figure.FACILITY: facility_kw,
            Figure.IT: it_kw,
            Figure.COOLING: cooling_kw,
            Figure.CARBON: carbon_kg_h,
            Figure.COST: np.sum([*self.costs(source).values()], axis=0),
            Figure.WATER: water_l_h,
        }

    def costs(self, source: _Powers) -> Mapping[MeterName, Array]:
        """Cost per hour by the meter it rides on; a meter without a price is left out."""
        facility_kw, _, _, water_l_h = source.powers
        energy = facility_kw * self.price_per_kwh
        if self.carbon_price_per_kg:
            energy = energy + facility_kw * self.intensity_g_per_kwh / 1000 * self.carbon_price_per_kg
        if not self.water_price_per_l:
            return {MeterName.FACILITY: energy}
        return {MeterName.FACILITY: energy, MeterName.WATER: water_l_h * self.water_price_per_l}


def _factors(history: History, series: SiteSeries, carbon: CarbonSeries, price: PriceSeries) -> Factors:
    starts, tariff = pd.DatetimeIndex(history.values.index), history.site.tariff
    metered_water = bool(series.water_l_h.points)
    return Factors(
        intensity_g_per_kwh=on_steps(carbon.grid, carbon.g_per_kwh, starts, history.step_s),
        price_per_kwh=on_steps(price.grid, price.per_kwh, starts, history.step_s),
        carbon_price_per_kg=tariff.carbon_price_per_tonne / 1000,
        water_price_per_l=tariff.water_price_per_m3 / 1000 if metered_water else 0.0,
        water_is_unpriced=bool(tariff.water_price_per_m3) and not metered_water,
    )


def _baseline_rates(
    history: History, baseline: BaselineModel | None, factors: Factors
) -> tuple[Rates, Mapping[MeterName, Array], list[str]]:
    """Baseline rates, the magnitudes its cost is made of, and remarks."""
    if baseline is None:
        nothing = np.full(len(history.values), np.nan)
        return dict.fromkeys(Figure, nothing), {}, ["there is no baseline yet"]
    remarks = [] if baseline.qualified else ["the baseline is not qualified"]
    remarks += [f"baseline: {reason}" for reason in baseline.reasons]
    estimate = baseline.estimate(history)
    stakes = {meter: np.abs(cost) for meter, cost in factors.costs(estimate).items()}
    return factors.rates(estimate), stakes, remarks


def _where_fitted(
    baseline: BaselineModel | None, expected: Rates, series: SiteSeries
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which steps lie where the baseline was fitted, and which have weather it saw little of."""
    wet_bulb_c = series.wet_bulb_c.values
    if baseline is None or baseline.fitted_range is None:
        return np.ones(len(wet_bulb_c), dtype=bool), np.zeros(len(wet_bulb_c), dtype=bool)
    fitted = baseline.fitted_range
    return fitted.contains(expected[Figure.IT], wet_bulb_c), fitted.sparse(wet_bulb_c)
