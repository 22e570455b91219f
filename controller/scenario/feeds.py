"""The prices of a scenario: as the world has them, and as the controller hears of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller.feeds import Feeds
from plant.forecast import PriceSeries
from plant.ports import PriceFeed
from plant.site import Site
from plant.timegrid import TimeGrid
from sim.faults import Place
from sim.faults.feeds import FaultyCarbon, FaultyPrice
from sim.scenario import PriceEvent, Scenario
from telemetry.feeds import open_carbon_feed, open_price_feed


@dataclass(frozen=True)
class EventPrice:
    """A price with demand-response calls on top. Satisfies `PriceFeed`."""

    base: PriceFeed
    events: Sequence[PriceEvent]

    async def price(self, grid: TimeGrid) -> PriceSeries:
        """Price in each step; a step counts as in an event by its begin."""
        series = await self.base.price(grid)
        times = np.array(
            [
                np.prod([e.times for e in self.events if e.start <= at < e.end])  # 1 where there is none
                for at in grid.times()
            ]
        )
        return replace(series, per_kwh=series.per_kwh * times)


def true_feeds(scenario: Scenario, site: Site) -> Feeds:
    """What carbon and energy really cost in the scenario: accounts are made with these."""
    price = open_price_feed(site, scenario.price.day_ahead)
    if scenario.price.events:
        price = EventPrice(price, scenario.price.events)
    return Feeds(open_carbon_feed(site.carbon), price)


def heard_feeds(scenario: Scenario, true: Feeds) -> Feeds:
    """What the controller is told: the same, with the feeds' faults."""
    faults = [f for f in scenario.faults if f.place is Place.FEED]
    return Feeds(FaultyCarbon(true.carbon, faults), FaultyPrice(true.price, faults)) if faults else true
