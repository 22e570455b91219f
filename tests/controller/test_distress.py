"""Writes that fail again and again end in the plant's own hands, and begin again when the wire answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from supervision_kit import A_AIR, Room, draft_of_verdict, room

from controller.actuation import Execution, Outcome, Step
from controller.alarms import AlarmBook, AlarmKind
from controller.distress import CAUSE, Distress
from controller.envelope import review
from controller.modes import Mode
from controller.proposals import Proposal
from controller.watchdog import Heartbeat
from plant.commands import Command, Confirmed, Unreachable
from plant.points import SITE, PointId
from plant.quantities import Quantity


class Desk:
    """A distress watch over a fake plant whose heartbeat register can be made dead."""

    def __init__(self) -> None:
        self.room: Room = room()
        self.heartbeat = Heartbeat(self.room.guard, self.room.site, self.room.clock)
        self.alarms = AlarmBook(self.room.store, self.room.audit)
        authority = SimpleNamespace(
            heartbeat=self.heartbeat, modes=self.room.modes, alarms=self.alarms, audit=self.room.audit
        )
        self.parts = SimpleNamespace(authority=authority, cycle_s=300.0, distrusted=frozenset())
        self.distress = Distress(self.parts)  # type: ignore[arg-type]
        self.wire: PointId = self.room.site.points_with(Quantity.HEARTBEAT)[0].id

    def proposal(self) -> Proposal:
        verdict = review(self.room.site, {A_AIR: 18.4}, self.room.snapshot())
        return self.room.desk.offer(draft_of_verdict(verdict), self.room.now)

    def ended(self, outcome: Outcome) -> None:
        done = Execution("p", outcome, Step.WRITTEN, self.room.now)
        self.distress.executed(done, self.proposal(), self.room.now)

    def look(self) -> None:
        self.room.clock.forward(301)
        asyncio.run(self.distress.look(self.room.now))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_one_change_that_could_not_be_undone_closes_its_levers(desk: Desk) -> None:
    desk.ended(Outcome.FAILED)
    assert desk.parts.distrusted == {A_AIR}
    assert not desk.distress.standing
    desk.ended(Outcome.APPLIED)
    assert desk.parts.distrusted == frozenset(), "a change that went through proves the wire"


def test_the_second_in_a_row_withholds_the_heartbeat(desk: Desk) -> None:
    desk.ended(Outcome.FAILED)
    desk.ended(Outcome.FAILED)
    assert desk.distress.standing
    beat = asyncio.run(desk.heartbeat.beat())
    assert beat.receipt is None
    assert "could not be undone" in beat.withheld
    assert desk.room.modes.effective(SITE) is Mode.FALLBACK
    assert [a.source for a in desk.alarms.uncleared(AlarmKind.WRITES_FAIL)] == ["site"]


def test_one_that_goes_through_between_starts_the_count_anew(desk: Desk) -> None:
    desk.ended(Outcome.FAILED)
    desk.ended(Outcome.APPLIED)
    desk.ended(Outcome.FAILED)
    assert not desk.distress.standing


def test_three_rounds_of_fallback_without_one_answer_do_it_too(desk: Desk) -> None:
    lost = [Unreachable(Command(PointId("x"), 1.0), "no answer")]
    for _ in range(2):
        desk.distress.fell_back(lost, desk.room.now)
    desk.distress.fell_back([], desk.room.now)
    assert not desk.distress.standing
    desk.distress.fell_back(lost, desk.room.now)
    assert desk.distress.standing


def test_any_answer_in_a_round_is_an_answer(desk: Desk) -> None:
    lost = Unreachable(Command(PointId("x"), 1.0), "no answer")
    heard = Confirmed(Command(PointId("y"), 1.0), 1.0)
    for _ in range(5):
        desk.distress.fell_back([lost, heard], desk.room.now)
    assert not desk.distress.standing


def test_the_wire_is_tried_without_a_beat_and_three_answers_end_it(desk: Desk) -> None:
    desk.room.plant.dead.add(desk.wire)
    desk.ended(Outcome.FAILED)
    desk.ended(Outcome.FAILED)
    before = desk.heartbeat.count
    desk.look()
    desk.room.plant.dead.clear()
    desk.look()
    desk.look()
    assert desk.distress.standing, "two answers are not three"
    assert {c.value for c in desk.room.plant.writes if c.point == desk.wire} == {before}, "no beat was heard"
    desk.look()
    assert not desk.distress.standing
    assert asyncio.run(desk.heartbeat.beat()).receipt is not None
    assert (SITE, CAUSE) not in desk.room.modes.fallback_causes
    assert desk.parts.distrusted == frozenset()
