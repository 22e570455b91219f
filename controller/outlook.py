"""The outlook: feeds and the site's own past become the forecast a policy is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from controller.recall import Recall
from plant.forecast import CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.ports import CarbonFeed, PriceFeed
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

    async def look(self, snapshot: Snapshot) -> Forecast:
        """The forecast as of the snapshot."""
        grid = TimeGrid(floor_to(snapshot.time, self.step_s), self.step_s, self.steps)
        carbon = await self.carbon.intensity(grid)
        price = await self.price.price(grid)
        history = self.recall.until(snapshot.time)
        return self.foreteller.forecast(history, snapshot, carbon, price, grid)
