"""Feeds that go away, stand still or lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plant.forecast import CarbonSeries, PriceSeries
from plant.ports import CarbonFeed, PriceFeed
from plant.timegrid import TimeGrid, floor_to
from sim.faults.fault import Fault


@dataclass(frozen=True)
class FaultyCarbon:
    """Carbon intensity with faults, in force by the instant a grid begins. Satisfies `CarbonFeed`."""

    base: CarbonFeed
    faults: Sequence[Fault]

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """What the feed says while faults hold."""
        series = await self.base.intensity(grid)
        for fault in _now(self.faults, grid):
            match fault.kind:
                case "carbon_outage":
                    series = replace(series, g_per_kwh=np.full(grid.steps, np.nan))
                case "carbon_frozen":
                    then = await self.base.intensity(_first_step(fault, grid))
                    series = replace(series, g_per_kwh=np.full(grid.steps, then.g_per_kwh[0]))
                case "carbon_lies":
                    true = series.g_per_kwh
                    series = replace(series, g_per_kwh=np.nanmax(true) + np.nanmin(true) - true)
        return series


@dataclass(frozen=True)
class FaultyPrice:
    """Prices with faults, in force by the instant a grid begins. Satisfies `PriceFeed`."""

    base: PriceFeed
    faults: Sequence[Fault]

    async def price(self, grid: TimeGrid) -> PriceSeries:
        """What the feed says while faults hold."""
        series = await self.base.price(grid)
        for fault in _now(self.faults, grid):
            match fault.kind:
                case "price_frozen":
                    then = await self.base.price(_first_step(fault, grid))
                    series = replace(series, per_kwh=np.full(grid.steps, then.per_kwh[0]))
                case "price_lies":
                    series = replace(series, per_kwh=series.per_kwh * fault.magnitude)
        return series


def _now(faults: Sequence[Fault], grid: TimeGrid) -> list[Fault]:
    return [f for f in faults if f.holds(grid.start)]


def _first_step(fault: Fault, grid: TimeGrid) -> TimeGrid:
    return TimeGrid(floor_to(fault.start, grid.step_s), grid.step_s, 1)
