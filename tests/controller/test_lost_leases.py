"""What we hold and cannot renew for a whole lease is given up: its zone falls back until the wire answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from supervision_kit import A_AIR, Room, room

from controller.alarms import AlarmBook, AlarmKind
from controller.leases import leases
from controller.lost_leases import CAUSE, LostLeases
from controller.modes import Mode
from plant.points import SITE, OwnerId

A = OwnerId("zone-a")


class Desk:
    """Zone-a's supply air is ours since the beginning, and nobody renews it."""

    def __init__(self) -> None:
        self.room: Room = room()
        r = self.room
        asyncio.run(r.carry_out(r.approved({A_AIR: 18.4})))
        self.alarms = AlarmBook(r.store, r.audit)
        self.points = r.site.lever_by_id[A_AIR].points
        self.barred = frozenset[object]()
        authority = SimpleNamespace(
            modes=r.modes,
            alarms=self.alarms,
            store=r.store,
            writer=r.guard,
            barred=lambda _: self.barred,
            limits=SimpleNamespace(closed_levers=frozenset),
        )
        self.lost = LostLeases(
            SimpleNamespace(authority=authority, site=r.site, cycle_s=300.0)  # type: ignore[arg-type]
        )

    def look(self, after_s: float = 1.0) -> Mode:
        self.room.clock.forward(after_s)
        asyncio.run(self.lost.look(self.room.snapshot(), self.room.now))
        return self.room.modes.effective(A)

    @property
    def lease_s(self) -> float:
        return self.room.site.safety.lease_s


def test_within_its_lease_nothing_happens() -> None:
    desk = Desk()
    assert desk.look(desk.lease_s) is Mode.ADVISORY


def test_a_lease_that_ran_out_on_a_dead_wire_is_fallback_of_its_zone_and_an_alarm() -> None:
    desk = Desk()
    desk.room.plant.dead = set(desk.points)
    assert desk.look(desk.lease_s + 1) is Mode.FALLBACK
    assert desk.room.modes.effective(OwnerId("zone-b")) is Mode.ADVISORY
    (alarm,) = desk.alarms.uncleared(AlarmKind.FALLBACK)
    assert alarm.source == "zone-a"
    assert "could not be renewed" in alarm.detail
    assert desk.look(3600.0) is Mode.FALLBACK, "the wire is tried, and does not answer"


def test_it_ends_when_the_register_answers_and_the_register_is_left_where_it_stands() -> None:
    desk = Desk()
    desk.room.plant.dead = set(desk.points)
    desk.look(desk.lease_s + 1)
    desk.room.plant.dead = set()
    desk.look(301.0)
    assert set(leases(desk.room.store)) & set(desk.points) == set()
    assert {c.value for c in desk.room.plant.writes[-2:]} == {18.4}
    assert desk.look() is Mode.ADVISORY
    assert desk.alarms.uncleared(AlarmKind.FALLBACK) == []


@pytest.mark.parametrize("why", ["held", "moved by somebody", "shadow", "stopped", "another cause"])
def test_what_nobody_tried_to_renew_was_not_lost(why: str) -> None:
    desk = Desk()
    match why:
        case "held":
            desk.barred = frozenset({A_AIR})
        case "moved by somebody":
            desk.room.plant.registers.update(dict.fromkeys(desk.points, 19.5))
        case "shadow":
            desk.room.modes.demote(A, Mode.SHADOW, "test", desk.room.now)
        case "stopped":
            desk.room.modes.stop(by="eve", reason="smoke", at=desk.room.now)
        case _:
            desk.room.modes.enter_fallback("stale data", "test", desk.room.now, SITE)
    desk.look(desk.lease_s + 1)
    assert all(cause != CAUSE for _, cause in desk.room.modes.fallback_causes)


def test_a_register_that_cannot_be_read_is_lost_too_and_nothing_is_guessed_for_it() -> None:
    desk = Desk()
    desk.room.plant.blind = set(desk.points)
    before = len(desk.room.plant.writes)
    assert desk.look(desk.lease_s + 1) is Mode.FALLBACK
    assert len(desk.room.plant.writes) == before
