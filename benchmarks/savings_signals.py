"""What energy costs in the savings benchmark, and how much carbon is in it: flat, or as in a solar grid."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from benchmarks.ceiling_rollout import Array, Money, period_grid
from controller.feeds import open_feeds
from plant.forecast import CarbonKind, CarbonSeries, Nature
from plant.ports import CarbonFeed
from plant.site import Site
from plant.timegrid import TimeGrid
from telemetry.feeds.carbon.synthetic import SyntheticCarbon

_G_PER_TONNE = 1e6


@dataclass(frozen=True)
class FlatCarbon:
    """One intensity at all hours: nothing to gain by timing. Satisfies `CarbonFeed`."""

    g_per_kwh: float

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        """The same in each step."""
        values = np.full(grid.steps, self.g_per_kwh)
        return CarbonSeries(grid, values, CarbonKind.AVERAGE, "flat", True, Nature.TYPICAL)


async def _flat() -> FlatCarbon:
    """As much carbon as the solar grid has over a day, evenly."""
    day = TimeGrid(datetime(2026, 1, 1, tzinfo=UTC), 900, 96)
    return FlatCarbon(float((await SOLAR.intensity(day)).g_per_kwh.mean()))


SOLAR: CarbonFeed = SyntheticCarbon("CAISO")
SIGNALS: Mapping[str, CarbonFeed] = {"flat": asyncio.run(_flat()), "solar": SOLAR}


def money_of(site: Site, start: datetime, periods: int, carbon: CarbonFeed) -> Money:
    """Prices of each period, with carbon inside at the site's carbon price."""
    per_g = site.tariff.carbon_price_per_tonne / _G_PER_TONNE
    grid = period_grid(start, periods)
    price = asyncio.run(open_feeds(site).price.price(grid)).per_kwh
    return Money(price + per_g * carbon_of(carbon, grid), site.tariff.water_price_per_m3)


def carbon_of(carbon: CarbonFeed, grid: TimeGrid) -> Array:
    """Intensity of each period. [g/kWh]"""

    async def asked() -> CarbonSeries:
        return await carbon.intensity(grid)

    return asyncio.run(asked()).g_per_kwh
