"""Alarms come when they should and not before."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from supervision_kit import A_AIR, Room, demo_site, room

from controller.alarms import AlarmBook, AlarmKind
from controller.sentinel import Sentinel
from controller.watchdog import DataState
from plant.points import OwnerId, PointId
from plant.quantities import Quantity

SITE = demo_site()


@dataclass
class Watch:
    room: Room
    book: AlarmBook
    sentinel: Sentinel

    def see(self, inlet_c: float, seconds: float = 30, **kwargs: bool) -> list[AlarmKind]:
        self.room.plant.inlet_c["zone-a"] = inlet_c
        self.sentinel.plant(self.room.snapshot(), self.room.now, **kwargs)
        self.room.clock.forward(seconds)
        return [a.kind for a in self.book.standing(self.room.now) if a.cleared_at is None]


@pytest.fixture
def w() -> Watch:
    r = room()
    book = AlarmBook(r.store, r.audit)
    return Watch(r, book, Sentinel(book, r.site))


def test_a_short_excursion_is_no_alarm_a_minute_is(w: Watch) -> None:
    assert w.see(27.2) == []
    assert w.see(26.9) == []
    assert [w.see(27.2), w.see(27.2), w.see(27.2)] == [[], [], [AlarmKind.INLET_RECOMMENDED]]


def test_it_clears_only_clearly_below_the_limit(w: Watch) -> None:
    for _ in range(3):
        w.see(27.2)
    assert w.see(26.9) == [AlarmKind.INLET_RECOMMENDED], "26.9 is within the deadband of 0.3 K"
    assert w.see(26.6) == []


def test_a_zone_that_is_not_seen_keeps_its_alarm(w: Watch) -> None:
    for _ in range(3):
        w.see(33.0)
    w.room.plant.blind = {p.id for p in SITE.points_of(OwnerId("zone-a"), Quantity.INLET_TEMPERATURE)}
    assert set(w.see(20.0)) == {AlarmKind.INLET_RECOMMENDED, AlarmKind.INLET_ALLOWABLE}


def test_a_lost_echo_a_stop_and_blind_zones_are_alarms(w: Watch) -> None:
    assert w.see(22.0, echoed=False) == [AlarmKind.HEARTBEAT_LOST]
    assert w.see(22.0, echoed=True) == []
    w.room.modes.stop(by="eve", reason="smoke", at=w.room.now)
    w.sentinel.data({OwnerId("zone-b"): DataState.HOLD}, w.room.modes, w.room.now)
    assert set(w.see(22.0)) == {AlarmKind.STALE_DATA, AlarmKind.STOPPED}


async def test_a_change_that_could_not_be_undone_is_an_alarm(w: Watch) -> None:
    r = w.room
    p = r.approved({A_AIR: 18.4})
    r.plant.dead = {PointId("crah-1.supply-air.setpoint")}
    done = await r.carry_out(p)
    w.sentinel.executed(done, r.now)
    (alarm,) = w.book.standing(r.now)
    assert alarm.kind is AlarmKind.ROLLBACK_FAILED
    assert "crah-1.supply-air.setpoint" in alarm.detail
