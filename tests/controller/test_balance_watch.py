"""A meter balance that does not close over a day is an alarm, and no data is not good data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from supervision_kit import demo_site

from controller.alarms import AlarmBook, AlarmKind
from controller.audit import AuditLog
from controller.balance_watch import BalanceWatch
from controller.metrics import Metrics
from controller.recall import LastAsked
from controller.store import Store
from plant.history import History
from plant.site import Site

SITE = demo_site()
NOW = datetime(2026, 5, 2, tzinfo=UTC)


@dataclass
class Meters:
    """A day in which the IT meter shows 1000 kW and the four zones `zones_kw` each."""

    zones_kw: float = 245.0
    hours_known: float = 24.0
    asked: int = field(default=0)

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        self.asked += 1
        index = pd.date_range(start, end, freq=f"{step_s}s", inclusive="left")
        known = np.arange(len(index)) * step_s / 3600 < self.hours_known
        values = pd.DataFrame({"it-meter.power": np.where(known, 1000.0, np.nan)}, index=index)
        for zone in site.zones:
            values[f"{zone.id}.it-power"] = self.zones_kw
        return History(site, step_s, values, values.notna().astype(float))


@dataclass
class Desk:
    meters: Meters = field(default_factory=Meters)
    store: Store = field(default_factory=lambda: Store("sqlite://"))

    def __post_init__(self) -> None:
        self.alarms = AlarmBook(self.store, AuditLog(self.store))
        self.metrics = Metrics(SITE)
        self.watch = BalanceWatch(SITE, self.meters, self.alarms, self.metrics.observe_balance)

    def look(self, after_h: float = 0) -> set[str]:
        asyncio.run(self.watch.look(NOW + timedelta(hours=after_h)))
        return {a.source for a in self.alarms.uncleared(AlarmKind.METER_BALANCE)}


def test_a_residual_beyond_its_limit_alarms_and_clears_again() -> None:
    desk = Desk()
    assert desk.look() == set()
    desk.meters.zones_kw = 200.0  # a fifth of what the IT meter shows is seen by no zone
    assert desk.look(1) == {"IT meter = zones"}
    alarm = desk.alarms.uncleared(AlarmKind.METER_BALANCE)[0]
    assert "residual +20.0%" in alarm.detail
    assert "4800 of 24000 kWh in 24 h" in alarm.detail
    assert 'coolwright_meter_residual_ratio{line="IT meter = zones",site="demo"} 0.2' in _page(desk)
    desk.meters.zones_kw = 245.0
    assert desk.look(2) == set()


def test_half_a_day_is_needed_to_alarm_and_to_clear() -> None:
    desk = Desk(Meters(zones_kw=200.0, hours_known=6.0))
    assert desk.look() == set()
    desk.meters.hours_known = 24.0
    assert desk.look(1) == {"IT meter = zones"}
    desk.meters.hours_known = 6.0
    assert desk.look(2) == {"IT meter = zones"}


@pytest.mark.parametrize(("after_h", "looks"), [(0.5, 1), (1.0, 2)])
def test_it_looks_once_an_hour(after_h: float, looks: int) -> None:
    desk = Desk()
    desk.look()
    desk.look(after_h)
    assert desk.meters.asked == looks


def _page(desk: Desk) -> str:
    return desk.metrics.render()[0].decode()


def test_a_day_that_two_watches_look_at_is_read_once_and_the_next_hour_s_anew() -> None:
    meters = Meters()
    source, day = LastAsked(meters), timedelta(days=1)
    first = source.history(SITE, NOW - day, NOW, 300)
    assert source.history(SITE, NOW - day, NOW, 300) is first
    assert meters.asked == 1
    later = NOW + timedelta(hours=1)
    assert source.history(SITE, later - day, later, 300) is not first
    assert source.history(SITE, later - day, later, 900).step_s == 900
    assert meters.asked == 3
