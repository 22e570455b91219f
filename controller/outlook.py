"""The outlook: feeds and the site's own past become the forecast a policy is asked with.

Weather is the site's own feed, corrected by how far off it was here, or the persistence of the
site's sensors where it names none or the feed has a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from controller import weather
from controller.recall import Recall
from plant.forecast import Array, Band, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.points import SITE
from plant.ports import CarbonFeed, PriceFeed, WeatherFeed
from plant.quantities import Quantity
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid, floor_to


class Foreteller(Protocol):
    """Makes the forecast: the optimizer's forecaster, or a fake in a test."""

    def forecast(
        self, history: History, snapshot: Snapshot, carbon: CarbonSeries, price: PriceSeries, grid: TimeGrid
    ) -> Forecast:
        """Expectations over ``grid`` from nothing later than the snapshot."""
        ...


@dataclass(frozen=True)
class Outlook:
    """Looks `steps` steps of `step_s` ahead."""

    recall: Recall
    foreteller: Foreteller
    carbon: CarbonFeed
    price: PriceFeed
    step_s: int
    steps: int
    weather: WeatherFeed | None = None

    async def look(self, snapshot: Snapshot) -> Forecast:
        """The forecast as of the snapshot."""
        grid = TimeGrid(floor_to(snapshot.time, self.step_s), self.step_s, self.steps)
        carbon = await self.carbon.intensity(grid)
        price = await self.price.price(grid)
        history = self.recall.until(snapshot.time)
        forecast = self.foreteller.forecast(history, snapshot, carbon, price, grid)
        return forecast if self.weather is None else await self._with_weather(forecast, history, snapshot)

    async def _with_weather(self, forecast: Forecast, history: History, snapshot: Snapshot) -> Forecast:
        """The forecast with the feed's weather where it tells any; persistence where it does not."""
        assert self.weather is not None
        horizon = forecast.grid
        series = await self.weather.weather(weather.asked_grid(horizon))
        ahead = (series.dry_bulb_c + series.wet_bulb_c)[-horizon.steps :]
        source = weather.source_of(series, int((ahead == ahead).sum()))
        if source is None:
            return forecast

        def corrected(told: Array, quantity: Quantity, otherwise: Band) -> Band:
            points = [point.id for point in snapshot.site.points_of(SITE, quantity)]
            both = weather.Told(series.grid, told, weather.measured_on(history, points, series.grid))
            return weather.corrected(both, snapshot.mean(SITE, quantity), horizon, otherwise)

        dry = corrected(series.dry_bulb_c, Quantity.OUTDOOR_DRY_BULB, forecast.dry_bulb_c)
        wet = corrected(series.wet_bulb_c, Quantity.OUTDOOR_WET_BULB, forecast.wet_bulb_c)
        wet = Band(np.fmin(wet.mean, dry.mean), wet.std)  # corrected apart, they must not cross
        return replace(forecast, dry_bulb_c=dry, wet_bulb_c=wet, weather=source)
