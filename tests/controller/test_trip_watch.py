"""A zone that stands without room for a trip is an alarm and is shown, though nobody proposes anything."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from supervision_kit import demo_site
from whole_machine import Machine

from controller.alarms import CATALOG, AlarmKind
from controller.sentinel import DELAY_S
from controller.spare_room import UNTOLD
from controller.trip_watch import EVERY, TripWatch
from plant.points import OwnerId
from plant.quantities import Quantity

SITE = demo_site()
LOAD_B = SITE.points_of(OwnerId("zone-b"), Quantity.IT_POWER)[0].id
FAN_1 = SITE.points_of(OwnerId("crah-1"), Quantity.FAN_SPEED)[0].id


@dataclass
class Hall:
    machine: Machine
    watch: TripWatch

    async def look(self) -> list[tuple[AlarmKind, str]]:
        """A minute later: what is alarmed of spare room."""
        self.machine.clock.forward(EVERY.total_seconds())
        await self.watch.look()
        book = self.machine.authority.alarms
        return [(a.kind, a.source) for a in book.uncleared(AlarmKind.NO_SPARE)]


@pytest.fixture
def hall() -> Hall:
    m = Machine()
    m.parts.site = SITE
    told = m.parts.snapshot
    m.parts.snapshot = lambda: replace(told(), site=SITE)
    return Hall(m, TripWatch(m.parts))


async def test_load_that_grows_into_the_room_is_an_alarm_though_nobody_proposes_anything(hall: Hall) -> None:
    # 38.6 kW/K rated (32 m3/s); one of two units left at full speed: 400 kW gain 20.7 K, of which a tenth and
    # all beyond 9 K come back, 1.6 times to the worst rack: 22 K above 18 °C air. 150 kW gain 7.8 K: 1.2 K.
    assert await hall.look() == []
    assert hall.watch.notes == ()
    hall.machine.plant.lies[LOAD_B] = 400.0
    assert await hall.look() == [], "a minute is no alarm"
    assert await hall.look() == [(AlarmKind.NO_SPARE, "zone-b")]
    (note,) = hall.watch.notes
    assert note.startswith("zone-b has no spare: if crah-3 trips, zone-b passes 32 °C after")
    assert {o.zone for o in hall.watch.outcomes if o.margin_k < 0} == {"zone-b"}
    assert hall.machine.plant.notes == [], "seen, said and alarmed; moved is what a plan moves"
    del hall.machine.plant.lies[LOAD_B]
    assert await hall.look() == []
    assert hall.watch.notes == ()
    assert DELAY_S == 60.0


async def test_a_unit_that_stops_takes_the_spare_of_its_zone(hall: Hall) -> None:
    hall.machine.plant.lies[FAN_1] = 0.0
    await hall.look()
    assert await hall.look() == [(AlarmKind.NO_SPARE, "zone-a")]


async def test_what_cannot_be_told_is_said_and_clears_no_alarm(hall: Hall) -> None:
    hall.machine.plant.lies[LOAD_B] = 400.0
    await hall.look()
    await hall.look()
    hall.machine.plant.lies[LOAD_B] = math.nan
    assert await hall.look() == [(AlarmKind.NO_SPARE, "zone-b")]
    assert hall.watch.notes == (UNTOLD,)


async def test_a_site_that_asks_for_no_spare_is_told_nothing(hall: Hall) -> None:
    hall.machine.parts.site = replace(SITE, safety=replace(SITE.safety, n_minus_one=()))
    hall.machine.plant.lies[LOAD_B] = 400.0
    await hall.look()
    assert await hall.look() == []
    assert hall.watch.notes == ()


def test_the_alarm_says_what_to_do() -> None:
    facts = CATALOG[AlarmKind.NO_SPARE]
    assert "trip" in facts.cause
    assert "allowable" in facts.consequence
    assert "n_minus_one" in facts.response
