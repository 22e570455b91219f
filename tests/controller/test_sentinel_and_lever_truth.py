"""Alarms come when they should and not before; a lever that lies is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from supervision_kit import A_AIR, A_FAN, START, WATER, FakePlant, HandClock, Room, demo_site, room

from controller.actuation import execute
from controller.alarms import AlarmBook, AlarmKind
from controller.lever_truth import Answer, LeverTruth
from controller.modes import Mode
from controller.proposals import Decision
from controller.sentinel import Sentinel
from controller.watchdog import DataState
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.snapshot import Snapshot

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
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    r.desk.decide(p.id, Decision.APPROVE, digest=p.digest, by="eve", at=r.now)
    r.plant.dead = {PointId("crah-1.supply-air.setpoint")}
    granted = r.desk.granted(r.now)
    assert granted is not None
    done = await execute(
        granted,
        desk=r.desk,
        snapshot=r.snapshot(),
        site=r.site,
        writer=r.guard,
        audit=r.audit,
        clock=r.clock,
    )
    w.sentinel.executed(done, r.now)
    (alarm,) = w.book.standing(r.now)
    assert alarm.kind is AlarmKind.ROLLBACK_FAILED
    assert "crah-1.supply-air.setpoint" in alarm.detail


class World:
    """A plant whose supply air and fans follow their setpoints by a given share."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.air = 18.0
        self.fan = 0.9
        self.plant = FakePlant(SITE)

    def snapshot(self, at: datetime) -> Snapshot:
        readings = dict(self.plant.snapshot(at).readings)
        for crah in ("crah-1", "crah-2"):
            readings[PointId(f"{crah}.supply-air")] = Reading(
                PointId(f"{crah}.supply-air"), at, self.air, Quality.GOOD
            )
            readings[PointId(f"{crah}.fan-speed")] = Reading(
                PointId(f"{crah}.fan-speed"), at, self.fan, Quality.GOOD
            )
        return Snapshot(SITE, at, readings)


def steps(share: float, count: int = 3) -> tuple[list[Answer], LeverTruth, AlarmBook, Room]:
    """Warm zone a's air by 0.5 K `count` times in a world that follows by `share`."""
    r = room(mode=Mode.ADVISORY)
    book = AlarmBook(r.store, r.audit)
    truth, world, clock = LeverTruth(SITE, book, r.audit), World(share), HandClock(START)
    answers = []
    for i in range(count):
        r.plant.registers.update(dict.fromkeys(SITE.lever_by_id[A_AIR].points, 18.0 + 0.5 * i))
        p = r.desk.offer(r.draft({A_AIR: 18.5 + 0.5 * i}), r.now)
        world.air = 18.0 + 0.5 * i
        truth.applied(p, world.snapshot(clock.now()), clock.now())
        assert truth.judge(world.snapshot(clock.now()), clock.now()) == {}, "too early to say"
        world.air += share * 0.5
        clock.forward(601)
        answers.append(truth.judge(world.snapshot(clock.now()), clock.now())[A_AIR])
    return answers, truth, book, r


def test_a_lever_that_works_is_left_in_peace() -> None:
    answers, truth, book, r = steps(0.9)
    assert answers == [Answer.FOLLOWED] * 3
    assert truth.frozen == frozenset()
    assert book.standing(r.now) == []


@pytest.mark.parametrize(
    ("share", "answer", "kind"),
    [(0.05, Answer.SILENT, AlarmKind.LEVER_SILENT), (-0.8, Answer.BACKWARDS, AlarmKind.LEVER_BACKWARDS)],
)
def test_three_bad_answers_freeze_a_lever_until_someone_mends_it(
    share: float, answer: Answer, kind: AlarmKind
) -> None:
    answers, truth, book, r = steps(share)
    assert answers == [answer] * 3
    assert truth.frozen == {A_AIR}
    assert [a.kind for a in book.standing(r.now)] == [kind]
    reborn = LeverTruth(SITE, AlarmBook(r.store, r.audit), r.audit)
    assert reborn.frozen == {A_AIR}, "a restart does not free it"
    assert truth.mended(A_AIR, by="eve", at=r.now)
    assert truth.frozen == frozenset()
    assert r.audit.tail(2)[1].kind == "lever.unfrozen"


def test_a_silent_lever_may_still_cool_and_a_backward_one_may_not() -> None:
    _, silent, _, r = steps(0.05)
    snapshot = World(1.0).snapshot(r.now)
    present = snapshot.lever_value(SITE.lever_by_id[A_AIR])
    room_left = silent.only_cooler(snapshot)[A_AIR]
    assert (room_left.low, room_left.high) == (SITE.lever_by_id[A_AIR].low, present)
    assert silent.backwards == frozenset()
    _, backward, _, r = steps(-0.8)
    assert backward.backwards == {A_AIR}
    assert backward.only_cooler(World(1.0).snapshot(r.now)) == {}


def test_a_cooling_step_that_is_not_followed_is_held_against_no_lever() -> None:
    """A zone short of cooling moves every lever to cool, and none of them answers."""
    r = room(mode=Mode.ADVISORY)
    truth = LeverTruth(SITE, AlarmBook(r.store, r.audit), r.audit)
    for i in range(5):
        r.plant.registers.update(dict.fromkeys(SITE.lever_by_id[A_AIR].points, 22.0 - 0.5 * i))
        r.plant.registers.update(dict.fromkeys(SITE.lever_by_id[A_FAN].points, 0.6 + 0.05 * i))
        p = r.desk.offer(r.draft({A_AIR: 21.5 - 0.5 * i, A_FAN: 0.65 + 0.05 * i}), r.now)
        truth.applied(p, World(0.0).snapshot(r.now), r.now)
        r.clock.forward(700)
        assert truth.judge(World(0.0).snapshot(r.now), r.now) == {}
    assert truth.frozen == frozenset()


def test_small_moves_in_a_row_are_one_trial_and_not_none() -> None:
    """A planner that moves every five minutes must not outrun a judgement that takes ten."""
    r = room(mode=Mode.ADVISORY)
    truth = LeverTruth(SITE, AlarmBook(r.store, r.audit), r.audit)
    told = []
    for i in range(7):
        r.plant.registers.update(dict.fromkeys(SITE.lever_by_id[A_AIR].points, 18.0 + 0.5 * i))
        p = r.desk.offer(r.draft({A_AIR: 18.5 + 0.5 * i}), r.now)
        truth.applied(p, World(0.0).snapshot(r.now), r.now)
        r.clock.forward(300)
        told += [*truth.judge(World(0.0).snapshot(r.now), r.now).values()]
    assert told == [Answer.SILENT] * 3
    assert truth.frozen == {A_AIR}


def test_two_bad_answers_freeze_nothing() -> None:
    _, truth, _, _ = steps(0.0, count=2)
    assert truth.frozen == frozenset()


def test_steps_too_small_to_judge_and_levers_without_an_answer_are_not_judged() -> None:
    r = room()
    truth = LeverTruth(SITE, AlarmBook(r.store, r.audit), r.audit)
    small = r.desk.offer(r.draft({A_AIR: 18.1, A_FAN: 0.89, WATER: 7.5}), r.now)
    truth.applied(small, World(1.0).snapshot(START), START)
    # chilled water is not in this snapshot, the other two steps are below three resolutions
    r.clock.forward(5000)
    assert truth.judge(World(1.0).snapshot(r.now), r.now) == {}
