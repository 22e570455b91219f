"""A change that can be neither made nor undone leads its zone into fallback, until the wire has answered."""

from __future__ import annotations

import pytest
from supervision_kit import A_AIR, WATER
from whole_machine import OURS, Machine

from controller.alarms import AlarmKind
from controller.failed_writes import CAUSE
from controller.guard import Purpose
from controller.modes import Mode
from plant.commands import Command, Receipt
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId

AIR_1, AIR_2 = OURS.lever_by_id[A_AIR].points
ZONE_A, ZONE_B = OwnerId("zone-a"), OwnerId("zone-b")


async def failed(lever: LeverId = A_AIR, to: float = 18.4) -> Machine:
    """A change of which the last register neither answered nor could be set back."""
    m = Machine()
    m.plant.dead.add(OURS.lever_by_id[lever].points[-1])
    await m.think({lever: to})
    m.decide_on("approve")
    await m.act()
    return m


def causes(m: Machine) -> set[OwnerId]:
    return {scope for scope, cause in m.authority.modes.fallback_causes if cause == CAUSE}


async def later(m: Machine) -> None:
    m.clock.forward(301)
    await m.think({})
    await m.act()


async def test_its_zone_falls_back_announced_and_no_other() -> None:
    m = await failed()
    assert causes(m) == {ZONE_A}
    assert m.authority.modes.effective(ZONE_A) is Mode.FALLBACK
    assert m.authority.modes.effective(ZONE_B) is Mode.SUPERVISED
    (alarm,) = m.authority.alarms.uncleared(AlarmKind.FALLBACK)
    assert (alarm.source, alarm.detail) == (ZONE_A, f"{CAUSE}: {AIR_2} could not be set back")


@pytest.mark.parametrize("restarted", [False, True])
async def test_it_lasts_until_the_register_answers(restarted: bool) -> None:
    m = await failed()
    if restarted:
        m.restart()
    await later(m)
    assert causes(m) == {ZONE_A}
    m.plant.dead.clear()
    await later(m)
    assert causes(m) == set()
    assert m.authority.alarms.uncleared(AlarmKind.FALLBACK) == []
    m.restart()
    assert causes(m) == set(), "what was written since is the last word on record"


async def test_a_register_of_the_plant_room_leads_the_whole_site_there() -> None:
    assert causes(await failed(WATER, 7.4)) == {SITE}


async def test_what_was_undone_is_no_reason_for_fallback() -> None:
    m = Machine()
    await m.think({A_AIR: 18.4})
    m.decide_on("approve")
    m.plant.dead.add(AIR_2)
    inner = m.plant._write

    def silent_once(command: Command) -> Receipt:
        receipt = inner(command)
        if command.point == AIR_2:
            m.plant.dead.clear()
        return receipt

    m.plant._write = silent_once  # type: ignore[method-assign]
    await m.act()
    assert [n.purpose for n in m.plant.notes][-1] is Purpose.ROLLBACK
    assert causes(m) == set()


async def test_a_held_register_is_not_tried() -> None:
    m = await failed()
    m.plant.dead.clear()
    m.authority.holds.place(
        "zone-a", reason="belt", by="eve", at=m.clock.now(), until=m.clock.now().replace(year=2027)
    )
    before = len(m.plant.notes)
    await later(m)
    assert len(m.plant.notes) == before
    assert causes(m) == {ZONE_A}, "nobody has heard it yet"
