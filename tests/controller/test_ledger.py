"""The ledger: intervals are closed once, add up, and survive a restart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controller.ledger import Ledger
from controller.store import Store
from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.history import History
from plant.site import Site
from plant.site_file import load_site
from plant.timegrid import TimeGrid

START = datetime(2026, 7, 20, tzinfo=UTC)


@dataclass
class SteadyPlant:
    """A facility at 1,200 kW, IT at 900 kW, cooling at 240 kW, whenever it is asked."""

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        index = pd.date_range(start, end, freq=f"{step_s}s", inclusive="left")
        values = pd.DataFrame(np.nan, index=index, columns=[p.id for p in site.points])
        values["utility-meter.power"], values["it-meter.power"] = 1200.0, 900.0
        values["cooling-meter.power"], values["makeup-water.flow"] = 240.0, 0.0005
        return History(site, step_s, values, values.notna().astype(float))


@dataclass
class Feed:
    """Carbon of 500 g/kWh and a price of 0.10."""

    kind: CarbonKind = CarbonKind.AVERAGE

    async def intensity(self, grid: TimeGrid) -> CarbonSeries:
        return CarbonSeries(grid, np.full(grid.steps, 500.0), self.kind, "test", synthetic=True)

    async def price(self, grid: TimeGrid) -> PriceSeries:
        return PriceSeries(grid, np.full(grid.steps, 0.10), "USD", "test")


@pytest.fixture
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")


def ledger(site: Site, store: Store, feed: Feed) -> Ledger:
    return Ledger(site, store, SteadyPlant(), feed, feed, None, START)


async def test_an_hour_in_two_closings_is_an_hour_of_energy(site: Site) -> None:
    book = ledger(site, Store("sqlite://"), Feed())
    assert await book.close_intervals(START + timedelta(minutes=5)) is None, "its samples may still come"
    await book.close_intervals(START + timedelta(minutes=32))
    await book.close_intervals(START + timedelta(minutes=62))
    assert book.total is not None
    # By hand: 1,200 kW for one hour; 0.5 kg/kWh.
    assert book.total.totals.facility_kwh == pytest.approx(1200.0)
    assert book.total.totals.carbon_kg == pytest.approx(600.0)
    assert book.total.end == START + timedelta(hours=1)


async def test_a_restart_tells_the_same_total_and_goes_on(site: Site) -> None:
    store = Store("sqlite://")
    await ledger(site, store, Feed()).close_intervals(START + timedelta(minutes=62))
    again = ledger(site, store, Feed())
    await again.resume(START + timedelta(minutes=70))
    assert again.total is not None
    assert again.total.totals.facility_kwh == pytest.approx(1200.0)
    await again.close_intervals(START + timedelta(minutes=122))
    assert again.total.totals.facility_kwh == pytest.approx(2400.0)
    assert store.ledger_totals()["actual_facility_kwh"] == pytest.approx(2400.0), (
        "each interval is written once"
    )


async def test_average_and_marginal_carbon_are_never_added(site: Site) -> None:
    feed = Feed()
    book = ledger(site, Store("sqlite://"), feed)
    await book.close_intervals(START + timedelta(minutes=62))
    feed.kind = CarbonKind.MARGINAL
    await book.close_intervals(START + timedelta(minutes=122))
    assert book.total is not None
    assert book.total.carbon.kind is CarbonKind.MARGINAL
    assert book.total.totals.carbon_kg == pytest.approx(600.0)
