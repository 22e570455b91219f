"""The ledger: intervals are closed once, add up, and survive a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controller.ledger import Ledger, interval_s
from controller.store import Store, StoreUnavailable
from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.gateways import GatewayKind
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


def ledger(site: Site, store: Store, feed: Feed, interval_s: int = 300) -> Ledger:
    return Ledger(site, store, SteadyPlant(), feed, feed, None, START, interval_s)


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
    before = ledger(site, store, Feed())
    await before.close_intervals(START + timedelta(minutes=62))
    before.write_down(START + timedelta(minutes=62))
    again = ledger(site, store, Feed())
    await again.resume(START + timedelta(minutes=70))
    assert again.total is not None
    assert again.total.totals.facility_kwh == pytest.approx(1200.0)
    await again.close_intervals(START + timedelta(minutes=122))
    assert again.total.totals.facility_kwh == pytest.approx(2400.0)
    again.write_down(START + timedelta(minutes=122))
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


async def test_a_minute_is_told_a_minute_and_a_half_after_it_ended_and_rows_stay_five_minutes_long(
    site: Site,
) -> None:
    store, feed = Store("sqlite://"), Feed()
    book = ledger(site, store, feed, interval_s=60)
    assert await book.close_intervals(START + timedelta(seconds=149)) is None
    first = await book.close_intervals(START + timedelta(seconds=150))
    assert first is not None
    assert first.totals.facility_kwh == pytest.approx(20.0), "1,200 kW for a minute"
    assert book.write_down(START) == 0, "no whole row yet"
    for seconds in range(165, 1000, 15):
        await book.close_intervals(START + timedelta(seconds=seconds))
        book.write_down(START + timedelta(seconds=seconds))
    rows = [row for _, row in store.ledger()]
    spans = [(str(row["start"])[11:16], str(row["end"])[11:16]) for row in rows]
    assert spans == [("00:00", "00:05"), ("00:05", "00:10"), ("00:10", "00:15")]
    assert [row["actual_facility_kwh"] for row in rows] == pytest.approx([100.0] * 3)
    assert {row["carbon_nature"] for row in rows} == {"unstated"}


async def test_a_restart_between_two_rows_loses_and_doubles_nothing(site: Site) -> None:
    store = Store("sqlite://")
    before = ledger(site, store, Feed(), interval_s=60)
    for minutes in (6.5, 9):  # closed until 5 and until 7: one row, and two minutes that wait
        await before.close_intervals(START + timedelta(minutes=minutes))
    assert before.write_down(START) == 1
    again = ledger(site, store, Feed(), interval_s=60)
    await again.resume(START + timedelta(minutes=9))
    await again.close_intervals(START + timedelta(minutes=32))
    again.write_down(START)
    assert again.total is not None
    assert again.total.totals.facility_kwh == pytest.approx(600.0), "half an hour at 1,200 kW"
    assert store.ledger_totals()["actual_facility_kwh"] == pytest.approx(600.0)


async def test_rows_wait_for_a_database_that_cannot_be_reached(site: Site) -> None:
    class Away(Store):
        away = True

        def append_ledger(self, row: Mapping[str, object], at: datetime) -> None:
            if self.away:
                raise StoreUnavailable("locked")
            super().append_ledger(row, at)

    store = Away("sqlite://")
    book = ledger(site, store, Feed(), interval_s=60)
    for minutes in (12, 17):
        closed = await book.close_intervals(START + timedelta(minutes=minutes))
        assert closed is not None, "the figures go on"
        with pytest.raises(StoreUnavailable):
            book.write_down(START)
    store.away = False
    book.write_down(START)
    assert store.ledger_totals()["actual_facility_kwh"] == pytest.approx(300.0), "a quarter hour"


@pytest.mark.parametrize(
    ("poll_s", "kind", "store_s", "speed", "expected"),
    [
        (10, "modbus", 60, 1, 60),
        (10, "modbus", 300, 1, 300),  # a replay that looks every five minutes
        (10, "modbus", 60, 60, 300),  # a fast clock skips polls
        (120, "modbus", 60, 1, 300),
        (10, "prometheus", 60, 1, 300),  # who knows how often that server scrapes
    ],
)
def test_an_interval_is_a_minute_only_where_every_minute_has_readings(
    poll_s: float, kind: str, store_s: float, speed: float, expected: int, site: Site
) -> None:
    one = replace(site.gateways[0], poll_s=poll_s, kind=GatewayKind(kind))
    assert interval_s(replace(site, gateways=(one,)), store_s, speed) == expected
