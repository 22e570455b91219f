"""A forecast: what the world is expected to do over the horizon, each with a spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from plant.points import OwnerId
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


class CarbonKind(StrEnum):
    """Average and marginal intensity answer different questions and are never mixed."""

    AVERAGE = "average"
    MARGINAL = "marginal"


@dataclass(frozen=True)
class CarbonSeries:
    """Carbon intensity on a grid. NaN is a gap, never zero. [g CO2e/kWh]"""

    grid: TimeGrid
    g_per_kwh: Array
    kind: CarbonKind
    provider: str
    synthetic: bool


@dataclass(frozen=True)
class WeatherSeries:
    """Outdoor air on a grid: means over the steps. NaN is a gap. [°C]

    `provider` says whose it is; `typical` that it is a typical year's, not this year's.
    """

    grid: TimeGrid
    dry_bulb_c: Array
    wet_bulb_c: Array
    provider: str
    typical: bool


@dataclass(frozen=True)
class PriceSeries:
    """Energy price on a grid. [currency/kWh]"""

    grid: TimeGrid
    per_kwh: Array
    currency: str
    provider: str


@dataclass(frozen=True)
class Forecast:
    """Expectations over `grid`, made at `issued_at` from nothing later than that.

    `it_reference_kw` is zone IT power as it would be at a cool (20 °C) inlet: what the users ask
    for, before server fans answer to our air.
    """

    issued_at: datetime
    grid: TimeGrid
    it_reference_kw: Mapping[OwnerId, Band]
    dry_bulb_c: Band
    wet_bulb_c: Band
    carbon: CarbonSeries
    price: PriceSeries
