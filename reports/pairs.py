"""Sums behind ratios: both sides over the time both are known, so that sums are divided last.

`Account.pairs` holds one `PairSum` for each ratio the site's points can tell; pairs of disjoint
periods add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from plant.history import History
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.site import Zone
from reports.series import SiteSeries, mean_column

Array = NDArray[np.float64]

A1_ALLOWABLE_MIN_C = 15.0
"""ASHRAE class A1, lower end of the allowable inlet range (a site file has no such limit). [°C]"""
_WATER_KJ_PER_M3_K = 997.0 * 4.186
"""Density times heat capacity of water near 10 to 20 °C; within 0.3 % there."""


class PairKey(StrEnum):
    """Which ratio a pair of sums belongs to: numerator / denominator."""

    CARBON_PER_FACILITY = "carbon_kg/facility_kwh"
    COOLING_PER_IT = "cooling_kwh/it_kwh"
    HEAT_PER_COOLING = "heat_removed_kwh/cooling_kwh"
    ABOVE_RECOMMENDED = "inlet_excess_kh/inlet_band_kh"
    BELOW_RECOMMENDED = "inlet_shortfall_kh/inlet_band_kh"
    RECIRCULATED = "heat_recirculated_kwh/heat_leaving_kwh"
    HOURLY_MATCHED = "hourly_matched_kg/hourly_matched_kwh"
    HOURLY_REST = "hourly_rest_kg/hourly_rest_kwh"


@dataclass(frozen=True, slots=True)
class PairSum:
    """Numerator and denominator over their common time, and how much of the period was measured.

    `measured_h` counts hours by the measured share of the worse side; `period_h` is the whole period.
    """

    numerator: float
    denominator: float
    measured_h: float
    period_h: float

    @property
    def measured_share(self) -> float:
        """Share of the period both sides were measured in. [-]"""
        return self.measured_h / self.period_h if self.period_h > 0 else 0.0

    @property
    def value(self) -> float:
        """Numerator over denominator; NaN where that cannot be formed."""
        return self.numerator / self.denominator if self.denominator > 0 else math.nan

    def plus(self, other: PairSum) -> PairSum:
        """Sum of two disjoint periods."""
        return PairSum(
            _added(self.numerator, other.numerator),
            _added(self.denominator, other.denominator),
            self.measured_h + other.measured_h,
            self.period_h + other.period_h,
        )


@dataclass(frozen=True)
class PairRates:
    """Two rates on the history's steps, and the share of each step's samples that was measured."""

    numerator: Array
    denominator: Array
    measured_share: Array


def _added(a: float, b: float) -> float:
    if math.isnan(a):
        return b
    return a if math.isnan(b) else a + b


def pair_rates(history: History, series: SiteSeries) -> Mapping[PairKey, PairRates]:
    """The rates of every pair the site has the points for."""
    found: dict[PairKey, PairRates] = {}
    cooling, it = series.cooling_kw, series.it_kw
    if cooling.points and it.points:
        share = np.minimum(cooling.measured_share, it.measured_share)
        found[PairKey.COOLING_PER_IT] = PairRates(cooling.values, it.values, share)
    heat = heat_removed_kw(history)
    if heat is not None and cooling.points:
        share = np.minimum(cooling.measured_share, heat[1])
        found[PairKey.HEAT_PER_COOLING] = PairRates(heat[0], cooling.values, share)
    return found | _inlet_rates(history) | _air_rates(history)


def pair_sums(rates: Mapping[PairKey, PairRates], step_h: float) -> Mapping[PairKey, PairSum]:
    """Sum every pair over its common time."""
    return {key: _summed(pair, step_h) for key, pair in rates.items()}


def _summed(pair: PairRates, step_h: float) -> PairSum:
    both = ~np.isnan(pair.numerator) & ~np.isnan(pair.denominator)
    measured = np.where(both, np.clip(pair.measured_share, 0, 1), 0)
    if not both.any():
        return PairSum(math.nan, math.nan, 0.0, len(both) * step_h)
    return PairSum(
        math.fsum(pair.numerator[both]) * step_h,
        math.fsum(pair.denominator[both]) * step_h,
        math.fsum(measured) * step_h,
        len(both) * step_h,
    )


def heat_removed_kw(history: History) -> tuple[Array, Array] | None:
    """Heat the chilled water carries away and its measured share; None where the points are missing.

    ρ·c_p·V̇·(T_return − T_supply), negative values (sensors crossed at no load) kept as they are. [kW]
    """
    needed = (
        Quantity.CHILLED_WATER_FLOW,
        Quantity.CHILLED_WATER_RETURN_TEMPERATURE,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE,
    )
    if not all(history.site.points_of(SITE, quantity) for quantity in needed):
        return None
    columns = [mean_column(history, history.site.points_of(SITE, quantity)) for quantity in needed]
    (flow, flow_share), (back, back_share), (supply, supply_share) = columns
    share = np.min([flow_share, back_share, supply_share], axis=0)
    return _WATER_KJ_PER_M3_K * flow * (back - supply), share


def _inlet_rates(history: History) -> dict[PairKey, PairRates]:
    """Excess and shortfall of every rack inlet sensor against its zone's limits. [K]"""
    over, over_band, under, under_band, share = [], [], [], [], []
    for zone in history.site.zones:
        limits = zone.limits
        for point in history.site.points_of(zone.id, Quantity.INLET_TEMPERATURE):
            inlet, measured = mean_column(history, (point,))
            known = np.where(np.isnan(inlet), np.nan, 1.0)
            over.append(np.maximum(inlet - limits.recommended_max_c, 0))
            over_band.append(known * (limits.allowable_max_c - limits.recommended_max_c))
            under.append(np.maximum(limits.recommended_min_c - inlet, 0))
            under_band.append(known * (limits.recommended_min_c - A1_ALLOWABLE_MIN_C))
            share.append(measured)
    if not over:
        return {}
    measured_share = np.mean(share, axis=0)
    return {
        PairKey.ABOVE_RECOMMENDED: PairRates(_known_sum(over), _known_sum(over_band), measured_share),
        PairKey.BELOW_RECOMMENDED: PairRates(_known_sum(under), _known_sum(under_band), measured_share),
    }


def _air_rates(history: History) -> dict[PairKey, PairRates]:
    """Heat recirculated into inlets against heat leaving the racks, flow taken as proportional to fans."""
    inner, outer, share = [], [], []
    for zone in history.site.zones:
        air = _zone_air(history, zone)
        if air is None:
            return {}
        flow, inlet, supply, back, measured = air
        inner.append(flow * (inlet - supply))
        outer.append(flow * (back - supply))
        share.append(measured)
    return {
        PairKey.RECIRCULATED: PairRates(
            np.sum(inner, axis=0), np.sum(outer, axis=0), np.asarray(np.min(share, axis=0))
        )
    }


def _zone_air(history: History, zone: Zone) -> tuple[Array, Array, Array, Array, Array] | None:
    wanted: list[tuple[OwnerId, Quantity]] = [
        (zone.id, Quantity.FAN_SPEED),
        (zone.id, Quantity.INLET_TEMPERATURE),
        (zone.id, Quantity.SUPPLY_AIR_TEMPERATURE),
        (zone.id, Quantity.RETURN_AIR_TEMPERATURE),
    ]
    columns = []
    for owner, quantity in wanted:
        points = history.site.points_in(owner, quantity)
        if not points:
            return None
        columns.append(mean_column(history, points))
    (fan, a), (inlet, b), (supply, c), (back, d) = columns
    airflow = sum(e.nameplate.airflow_m3_s or 1.0 for e in history.site.equipment if e.zone == zone.id)
    return fan * airflow, inlet, supply, back, np.min([a, b, c, d], axis=0)


def _known_sum(columns: list[Array]) -> Array:
    """Sum over sensors that have a value; NaN where none has."""
    stack = np.vstack(columns)
    known = ~np.isnan(stack)
    return np.where(known.any(axis=0), np.where(known, stack, 0).sum(axis=0), np.nan)
