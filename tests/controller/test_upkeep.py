"""The program's own senses and memory become metrics and alarms; its history is tidied once a day."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError
from supervision_kit import Room, room

from controller.alarms import AlarmBook, AlarmKind
from controller.metrics import Metrics
from controller.upkeep import LASTING, Upkeep, feed_faults
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.snapshot import Snapshot
from telemetry.feeds.carbon.synthetic import SyntheticCarbon
from telemetry.feeds.gaps import Gaps
from telemetry.health import DeviceHealth
from telemetry.historian.writer import StoreState
from telemetry.poller import PollStats

WELL = DeviceHealth("bms#1", True, 0, "")
SILENT = DeviceHealth("bms#1", False, 4, "no answer")


@dataclass
class Tidied:
    """A historian that can be told how it is."""

    state: StoreState = field(default_factory=lambda: StoreState("", 0, 0))
    forgotten: list[datetime] = field(default_factory=list)
    broken: bool = False

    def forget(self, now: datetime) -> None:
        if self.broken:
            raise OperationalError("DELETE", {}, Exception("database is locked"))
        self.forgotten.append(now)


@dataclass
class House:
    """A controller as far as its upkeep is concerned."""

    room: Room
    upkeep: Upkeep
    controller: SimpleNamespace
    alarms: AlarmBook
    metrics: Metrics
    historian: Tidied

    def look(self, **after: float) -> None:
        self.upkeep.look(self.room.now + timedelta(**after))

    def standing(self) -> set[AlarmKind]:
        return {kind for kind in AlarmKind if self.alarms.uncleared(kind)}

    def shown(self, text: str) -> bool:
        return text in self.metrics.render()[0].decode()


@pytest.fixture
def house() -> House:
    r = room()
    alarms, metrics, historian = AlarmBook(r.store, r.audit), Metrics(r.site), Tidied()
    controller = SimpleNamespace(
        parts=SimpleNamespace(
            site=r.site,
            clock=r.clock,
            snapshot=r.snapshot,
            metrics=metrics,
            authority=SimpleNamespace(alarms=alarms, store=r.store),
        ),
        field=SimpleNamespace(health=(WELL,)),
        poller=SimpleNamespace(stats=PollStats(5, 1, 0.2, 0.1)),
        historian=historian,
        feeds=SimpleNamespace(carbon=SyntheticCarbon("CAISO"), weather=None),
    )
    return House(r, Upkeep(controller), controller, alarms, metrics, historian)  # type: ignore[arg-type]


def test_a_device_that_is_silent_for_a_moment_is_no_alarm_and_for_a_minute_is(house: House) -> None:
    house.controller.field.health = (SILENT,)
    house.look()
    house.look(seconds=59)
    assert AlarmKind.DEVICE_SILENT not in house.standing()
    assert house.shown('coolwright_device_answering{device="bms#1",site="demo"} 0.0')
    house.look(seconds=60)
    (alarm,) = house.alarms.uncleared(AlarmKind.DEVICE_SILENT)
    assert "no answer (4 times in a row)" in alarm.detail
    house.controller.field.health = (WELL,)
    house.look(seconds=61)
    assert AlarmKind.DEVICE_SILENT not in house.standing()


def test_a_device_that_answers_in_between_begins_anew(house: House) -> None:
    for seconds, health in ((0, SILENT), (50, WELL), (60, SILENT), (110, SILENT)):
        house.controller.field.health = (health,)
        house.look(seconds=seconds)
    assert AlarmKind.DEVICE_SILENT not in house.standing()


def test_a_history_that_cannot_be_written_is_an_alarm_and_a_metric(house: House) -> None:
    house.historian.state = StoreState("database is locked", 120, 0)
    house.look()
    house.look(seconds=60)
    assert house.standing() & {AlarmKind.HISTORY_WAITING, AlarmKind.HISTORY_LOST} == {
        AlarmKind.HISTORY_WAITING
    }
    assert house.shown('coolwright_history_buffered_readings{site="demo"} 120.0')
    house.historian.state = StoreState("database is locked", 500_000, 7)
    house.look(seconds=62)
    assert AlarmKind.HISTORY_LOST in house.standing()
    assert house.shown('coolwright_history_dropped_readings_total{site="demo"} 7.0')
    house.historian.state = StoreState("", 0, 7)
    house.look(seconds=64)
    assert not house.standing() & {AlarmKind.HISTORY_WAITING, AlarmKind.HISTORY_LOST}
    assert house.shown('coolwright_history_dropped_readings_total{site="demo"} 7.0'), "counted once"


def test_polls_that_begin_late_are_an_alarm(house: House) -> None:
    house.controller.poller.stats = PollStats(5, 1, 200.0, 91.0)  # half of the demo site's 180 s is 90
    house.look()
    house.look(minutes=5)
    assert AlarmKind.POLLING_LATE in house.standing()


def disagreeing(snapshot: Snapshot, quality: Quality = Quality.GOOD) -> Snapshot:
    """The facility meter far below its parts: 100 kW against 500 + 100."""
    kw = {Quantity.FACILITY_POWER: 100.0, Quantity.IT_POWER: 500.0, Quantity.COOLING_POWER: 100.0}
    changed = dict(snapshot.readings)
    for quantity, value in kw.items():
        for point in snapshot.site.points_of("site", quantity):
            changed[point.id] = Reading(point.id, snapshot.time, value, quality)
    return replace(snapshot, readings=changed)


def test_meters_that_contradict_each_other_for_half_an_hour_are_an_alarm(house: House) -> None:
    seen = disagreeing(house.room.snapshot())
    house.controller.parts.snapshot = lambda: seen
    house.look()
    assert house.shown('coolwright_cross_check_holds{check="facility meter",site="demo"} 0.0')
    house.look(minutes=29)
    assert AlarmKind.METERS_DISAGREE not in house.standing()
    house.look(minutes=30)
    assert "facility meter" in {a.source for a in house.alarms.uncleared(AlarmKind.METERS_DISAGREE)}


def test_nothing_is_concluded_from_readings_that_only_stand_in(house: House) -> None:
    seen = disagreeing(house.room.snapshot(), Quality.SUBSTITUTED)
    house.controller.parts.snapshot = lambda: seen
    house.look()
    assert not house.shown('check="facility meter"')


@pytest.mark.parametrize(("feed", "provider"), [("carbon", "watttime"), ("weather", "open_meteo")])
def test_a_feed_with_gaps_is_an_alarm(feed: str, provider: str, house: House) -> None:
    house.look()
    assert house.shown('coolwright_feed_complete{feed="synthetic",site="demo"} 1.0')
    gaps = Gaps(provider, feed)
    gaps.say(["forecast: 503"])
    setattr(house.controller.feeds, feed, SimpleNamespace(gaps=gaps))
    house.look()
    assert house.shown(f'coolwright_feed_complete{{feed="{provider}",site="demo"}} 0.0')
    house.look(minutes=15)
    (alarm,) = house.alarms.uncleared(AlarmKind.FEED_GAP)
    assert (alarm.source, alarm.detail) == (provider, "forecast: 503")
    gaps.say([])
    house.look(minutes=16)
    assert AlarmKind.FEED_GAP not in house.standing()


async def test_history_is_tidied_once_a_day_and_a_locked_database_stops_nothing(house: House) -> None:
    now = house.room.now
    assert await house.upkeep.tidy(now)
    assert not await house.upkeep.tidy(now + timedelta(hours=23))
    assert await house.upkeep.tidy(now + timedelta(hours=24))
    assert house.historian.forgotten == [now, now + timedelta(hours=24)]
    house.historian.broken = True
    assert not await house.upkeep.tidy(now + timedelta(hours=48))


def test_alarms_that_stand_are_counted_by_priority(house: House) -> None:
    house.historian.state = StoreState("disk full", 3, 1)
    house.look()
    assert house.shown('coolwright_alarms_standing{priority="high",site="demo"} 1.0')
    assert house.shown('coolwright_alarms_standing{priority="low",site="demo"} 0.0')


def test_every_condition_has_a_time_it_must_last_and_a_response_written_beforehand() -> None:
    assert all(kind in AlarmKind for kind in LASTING)
    assert feed_faults(SimpleNamespace()) == {}  # type: ignore[arg-type]
