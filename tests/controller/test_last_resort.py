"""A lever that answers backwards is put back; if the racks stay warm, the plant helps itself."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from supervision_kit import A_FAN, WATER, demo_site, room

from controller.actions import Actions
from controller.alarms import AlarmBook, AlarmKind
from controller.guard import Purpose
from controller.last_resort import WAIT, LastResort
from controller.modes import Mode
from controller.watchdog import Heartbeat
from plant.commands import Command, Confirmed, Refused
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId

OURS = demo_site()
FANS = OURS.lever_by_id[A_FAN].points


class Desk:
    """The last resort over a fake plant; which levers answer backwards, and where to, is told by hand."""

    def __init__(self, lever: LeverId = A_FAN) -> None:
        self.room = room()
        self.heartbeat = Heartbeat(self.room.guard, OURS, self.room.clock)
        self.alarms = AlarmBook(self.room.store, self.room.audit)
        self.back: dict[LeverId, float] = {}
        self.truth = SimpleNamespace(backwards=frozenset({lever}), put_back=lambda _snapshot: self.back)
        authority = SimpleNamespace(
            heartbeat=self.heartbeat,
            modes=self.room.modes,
            alarms=self.alarms,
            audit=self.room.audit,
            truth=self.truth,
            store=self.room.store,
            kept=self.room.holds.levers,
            writer=self.room.guard,
        )
        self.parts = SimpleNamespace(authority=authority, site=OURS, cycle_s=300.0, clock=self.room.clock)
        self.resort = LastResort(self.parts)  # type: ignore[arg-type]

    def look(self, zone: str, inlet_c: float, times: int = 1) -> bool:
        """Looks, a minute apart."""
        self.room.plant.inlet_c[zone] = inlet_c
        for _ in range(times):
            self.resort.look(self.room.snapshot(), self.room.now)
            self.room.clock.forward(60)
        return self.resort.standing

    def put_back(self) -> list[Command]:
        actions = Actions(self.parts)  # type: ignore[arg-type]
        before = len(self.room.plant.writes)
        asyncio.run(actions._put_back(self.room.snapshot(), self.room.now))
        return self.room.plant.writes[before:]


def test_a_zone_that_stays_too_warm_is_left_to_the_plant_s_own_dead_man() -> None:
    desk = Desk()
    assert WAIT.total_seconds() == 180
    assert not desk.look("zone-a", 27.5, times=3), "the other levers have three minutes"
    assert desk.look("zone-a", 27.5)
    assert "zone-a.fan-speed answers backwards" in asyncio.run(desk.heartbeat.beat()).withheld
    assert desk.room.modes.effective(SITE) is Mode.FALLBACK
    assert [a.source for a in desk.alarms.uncleared(AlarmKind.FALLBACK)] == [SITE]


def test_it_lasts_until_the_lever_is_mended_however_cool_the_racks_are() -> None:
    desk = Desk()
    desk.look("zone-a", 27.5, times=4)
    assert desk.look("zone-a", 20.0, times=60), "beating again would hand the zone back to the same lever"
    desk.truth.backwards = frozenset()
    assert not desk.look("zone-a", 20.0)
    assert isinstance(asyncio.run(desk.heartbeat.beat()).receipt, Confirmed)
    assert desk.alarms.uncleared(AlarmKind.FALLBACK) == []


def test_a_zone_that_is_cool_or_another_s_or_gets_cool_in_time_is_no_reason() -> None:
    desk = Desk()
    assert not desk.look("zone-a", 26.5, times=30)
    assert not desk.look("zone-b", 28.0, times=30)
    desk.look("zone-a", 27.5, times=3)
    desk.look("zone-a", 26.9)
    assert not desk.look("zone-a", 27.5, times=3)


def test_a_lever_of_the_plant_concerns_every_zone() -> None:
    assert Desk(WATER).look("zone-d", 27.5, times=4)


@pytest.mark.parametrize("scope", [SITE, OwnerId("zone-a")])
def test_in_shadow_the_heartbeat_is_none_of_its_business(scope: OwnerId) -> None:
    desk = Desk()
    desk.room.modes.demote(scope, Mode.SHADOW, "test", desk.room.now)
    assert not desk.look("zone-a", 30.0, times=30)


def test_the_way_back_is_gone_at_once_and_at_a_rescue_s_pace() -> None:
    """0.3 too fast told, 0.3 too slow got: 0.2 of it comes back in the first period."""
    desk = Desk()
    desk.room.plant.registers.update(dict.fromkeys(FANS, 0.9))
    desk.back = {A_FAN: 0.6}
    assert [(c.point, round(c.value, 3)) for c in desk.put_back()] == [(p, 0.7) for p in FANS]


def test_a_lever_in_a_person_s_hands_is_not_put_back() -> None:
    desk = Desk()
    desk.back = {A_FAN: 0.6}
    now = desk.room.now
    desk.room.holds.place(A_FAN, reason="mending", by="eve", at=now, until=now + 10 * WAIT)
    assert desk.put_back() == []


def test_the_guard_lets_nothing_else_warm_so_fast() -> None:
    desk = Desk()
    faster = [Command(p, 0.7) for p in FANS]
    for purpose in (Purpose.RESCUE, Purpose.FALLBACK, Purpose.ROLLBACK, Purpose.RENEW):
        receipts = asyncio.run(desk.room.guard.write(faster, snapshot=desk.room.snapshot(), purpose=purpose))
        assert all(isinstance(r, Refused) for r in receipts), purpose
    too_fast = [Command(p, 0.65) for p in FANS]
    receipts = asyncio.run(
        desk.room.guard.write(too_fast, snapshot=desk.room.snapshot(), purpose=Purpose.PUT_BACK)
    )
    assert all(isinstance(r, Refused) for r in receipts)
