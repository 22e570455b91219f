"""People who take the plant keep it: nothing is written until it says remote, and everybody is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from supervision_kit import A_AIR, FakePlant, demo_site, draft_of_verdict, room

from controller.alarms import AlarmBook, AlarmKind
from controller.envelope import review
from controller.guard import GuardedWriter, Purpose
from controller.proposals import ProposalStatus
from controller.takeover import Takeover
from controller.watchdog import Heartbeat
from plant.commands import Command, Confirmed, Refused
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.snapshot import Snapshot

SITE = demo_site()
BEAT_S = SITE.safety.heartbeat_s


class Desk:
    """A watch over a plant whose selector is turned by hand, and whose heart beats or does not."""

    def __init__(self, site: Site = SITE) -> None:
        self.room = room(plant=FakePlant(site))
        self.room.guard = GuardedWriter(
            self.room.plant,
            site,
            self.room.clock,
            self.room.store,
            stopped=lambda: False,
            taken=lambda: self.takeover.points,
        )
        self.heartbeat = Heartbeat(self.room.guard, site, self.room.clock)
        self.alarms = AlarmBook(self.room.store, self.room.audit)
        self.takeover = self.watch()
        self.said = dict.fromkeys((p.id for p in site.points_with(Quantity.LOCAL_CONTROL)), 0.0)

    def watch(self) -> Takeover:
        return Takeover(self.room.site, self.alarms, self.room.audit, self.room.desk, self.heartbeat)

    def snapshot(self) -> Snapshot:
        shown = self.room.snapshot()
        said = {p: Reading(p, self.room.now, v, Quality.GOOD) for p, v in self.said.items()}
        return Snapshot(self.room.site, shown.time, {**shown.readings, **said})

    def looks(self, seconds: float = 60.0, *, beating: bool = True, local: float | None = None) -> None:
        """Time passes, looked at as often as the heart beats."""
        if local is not None:
            self.said = dict.fromkeys(self.said, local)
        for _ in range(round(seconds / BEAT_S)):
            self.room.clock.forward(BEAT_S)
            if beating:
                asyncio.run(self.heartbeat.beat())
            self.takeover.look(self.snapshot(), self.room.now)

    def kinds(self) -> list[AlarmKind]:
        return [a.kind for a in self.alarms.standing(self.room.now) if a.cleared_at is None]


def test_what_people_take_while_we_beat_is_theirs_until_it_says_remote() -> None:
    desk = Desk()
    desk.looks(local=0.0)
    offered = desk.room.desk.offer(
        draft_of_verdict(review(SITE, {A_AIR: 18.4}, desk.room.snapshot())), desk.room.now
    )
    desk.looks(local=1.0)
    assert desk.takeover.levers == frozenset(SITE.lever_by_id)
    assert desk.kinds() == [AlarmKind.TAKEN_OVER]
    assert "people have taken it" in desk.takeover.notes[0]
    gone = desk.room.desk.get(offered.id)
    assert gone is not None
    assert gone.status is ProposalStatus.SUPERSEDED
    desk.looks(3600.0)
    desk.looks(local=0.0)
    assert desk.takeover.levers == frozenset()
    assert desk.kinds() == []
    kinds = [r.kind for r in desk.room.audit.since(desk.room.now - timedelta(days=1))]
    assert [k for k in kinds if k.startswith("plant.")] == ["plant.taken", "plant.returned"]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_nothing_is_written_to_what_people_took_whatever_for(purpose: Purpose) -> None:
    desk = Desk()
    desk.looks(local=0.0)
    desk.looks(local=1.0)
    point = SITE.lever_by_id[A_AIR].points[0]
    before = len(desk.room.plant.writes)
    (receipt,) = asyncio.run(
        desk.room.guard.write([Command(point, 17.8)], snapshot=desk.snapshot(), purpose=purpose)
    )
    assert isinstance(receipt, Refused)
    assert "people have taken it" in receipt.reason
    assert len(desk.room.plant.writes) == before
    beat = asyncio.run(desk.heartbeat.beat())
    assert isinstance(beat.receipt, Confirmed), "the heart goes on: they can hand the plant back"


def test_a_dead_man_that_fired_on_our_silence_is_ours_to_end() -> None:
    desk = Desk()
    desk.looks(local=0.0)
    desk.looks(150.0, beating=False)
    desk.looks(local=1.0)
    assert desk.takeover.levers == frozenset()
    assert desk.kinds() == [AlarmKind.LOCAL_CONTROL]
    desk.looks(local=0.0)
    assert desk.kinds() == []


def test_a_silence_of_long_ago_is_no_reason() -> None:
    desk = Desk()
    desk.looks(150.0, beating=False, local=0.0)
    desk.looks(12 * BEAT_S + 60.0)
    desk.looks(local=1.0)
    assert desk.kinds() == [AlarmKind.TAKEN_OVER]


def test_what_people_had_taken_before_a_restart_is_still_theirs() -> None:
    desk = Desk()
    desk.looks(local=0.0)
    desk.looks(local=1.0)
    desk.alarms = AlarmBook(desk.room.store, desk.room.audit)
    desk.takeover = desk.watch()
    assert desk.takeover.levers == frozenset(SITE.lever_by_id)
    desk.looks()
    assert desk.takeover.levers == frozenset(SITE.lever_by_id)
    desk.looks(local=0.0)
    assert desk.takeover.levers == frozenset()


def test_a_plant_that_is_local_when_we_start_had_nobody_beating() -> None:
    desk = Desk()
    desk.looks(local=1.0)
    assert desk.kinds() == [AlarmKind.LOCAL_CONTROL]


def test_without_a_dead_man_local_control_is_always_people_s_doing() -> None:
    mute = tuple(p for p in SITE.points if p.quantity is not Quantity.HEARTBEAT)
    desk = Desk(replace(SITE, points=mute))
    desk.looks(local=1.0)
    assert desk.kinds() == [AlarmKind.TAKEN_OVER]


def test_a_register_that_says_nothing_leaves_things_as_they_were() -> None:
    desk = Desk()
    desk.looks(local=0.0)
    desk.looks(local=1.0)
    desk.said = {}
    desk.looks(300.0)
    assert desk.takeover.levers == frozenset(SITE.lever_by_id)


@pytest.mark.parametrize(("owner", "taken"), [("zone-b", "zone-b"), ("crah-1", "zone-a")])
def test_a_zone_or_unit_taken_by_itself_leaves_the_others_to_us(owner: str, taken: str) -> None:
    whole = SITE.points_with(Quantity.LOCAL_CONTROL)[0]
    moved = tuple(replace(p, owner=OwnerId(owner)) if p is whole else p for p in SITE.points)
    desk = Desk(replace(SITE, points=moved))
    desk.looks(local=0.0)
    desk.looks(local=1.0)
    assert {SITE.lever_by_id[name].owner for name in desk.takeover.levers} == {taken}
