"""A forecast: what the world is expected to do over the horizon, each with a spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import NormalDist
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from plant.points import OwnerId
from plant.setpoints import LeverId
from plant.timegrid import TimeGrid

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """An expectation and its standard deviation, one value a step. Shapes (steps,)."""

    mean: Array
    std: Array

    def upper(self, sigmas: float) -> Array:
        """The pessimistic edge for things that hurt when high."""
        return self.mean + sigmas * self.std

    def quantile(self, share: float) -> Array:
        """The value the outcome stays below with probability `share` (0 to 1), normal about the mean."""
        return self.mean + NormalDist().inv_cdf(share) * self.std


class CarbonKind(StrEnum):
    """Average and marginal intensity answer different questions and are never mixed."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class Nature(StrEnum):
    """Where the numbers of a series come from in time. A forecast is never taken for a measurement."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    """Worked out afterwards by a model: marginal intensities, hours a provider filled in."""
    FORECAST = "forecast"
    MIXED = "mixed"
    """Part of it known, part of it forecast."""
    TYPICAL = "typical"
    """A mean day or a typical year: of no day in particular."""
    UNSTATED = "unstated"

    @staticmethod
    def of(natures: Iterable[Nature]) -> Nature:
        """The nature of a whole by that of its parts."""
        found = set(natures)
        return found.pop() if len(found) == 1 else Nature.MIXED if found else Nature.UNSTATED


@dataclass(frozen=True)
class CarbonSeries:
    """Carbon intensity on a grid. NaN is a gap, never zero. [g CO2e/kWh]"""

    grid: TimeGrid
    g_per_kwh: Array
    kind: CarbonKind
    provider: str
    synthetic: bool
    nature: Nature = Nature.UNSTATED
    unit: ClassVar[str] = "g CO2e/kWh"

    @property
    def gap_steps(self) -> int:
        """How many steps have no intensity."""
        return int(np.isnan(self.g_per_kwh).sum())


@dataclass(frozen=True)
class WeatherSeries:
    """Outdoor air on a grid: means over the steps. NaN is a gap. [°C]

    `provider` says whose it is; `nature` whether it was measured, is forecast, or is a typical
    year's and not this year's.
    """

    grid: TimeGrid
    dry_bulb_c: Array
    wet_bulb_c: Array
    provider: str
    nature: Nature
    unit: ClassVar[str] = "°C"


@dataclass(frozen=True)
class PriceSeries:
    """Energy price on a grid. [currency/kWh]"""

    grid: TimeGrid
    per_kwh: Array
    currency: str
    provider: str


@dataclass(frozen=True, slots=True)
class WeatherSource:
    """Whose weather a forecast is, of what nature, and in how many of its steps."""

    provider: str
    nature: Nature
    steps: int = 0
    """Steps that are the provider's; the rest is the persistence of the site's own sensors."""


OWN_SENSORS = WeatherSource("the site's own sensors, persistence", Nature.FORECAST)


@dataclass(frozen=True)
class Forecast:
    """Expectations over `grid`, made at `issued_at` from nothing later than that.

    `it_reference_kw` is zone IT power as it would be at a cool (20 °C) inlet: what the users ask
    for, before server fans answer to our air and whatever of it is put off meanwhile.
    """

    issued_at: datetime
    grid: TimeGrid
    it_reference_kw: Mapping[OwnerId, Band]
    dry_bulb_c: Band
    wet_bulb_c: Band
    carbon: CarbonSeries
    price: PriceSeries
    weather: WeatherSource = OWN_SENSORS
    month_peak_kw: float = 0.0
    """Highest quarter hour of facility power this (local) month so far: what is billed already. [kW]"""
    ordinary_peak_kw: float = 0.0
    """Highest quarter hour of an ordinary day: what a month not begun yet will be billed in any case. [kW]"""
    waiting_kwh: Mapping[LeverId, float] = field(default_factory=dict)
    """Work that was put off before `issued_at` and not run yet, by the lever that put it off: it comes on
    top of `it_reference_kw` once its lever lets it."""
