"""Levers that lie are found out from registers and process values; honest ones are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from api_kit import api_room
from sqlalchemy import event
from supervision_kit import A_AIR, A_FAN, FakePlant, Room, demo_site, room

from controller.alarms import AlarmBook, AlarmKind
from controller.api import build_app
from controller.audit import AuditLog
from controller.lever_memory import LeverMemory
from controller.lever_routes import lever_routes
from controller.lever_truth import Answer, LeverTruth
from controller.process import process_points
from controller.store import Store
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.snapshot import Snapshot

SITE = demo_site()
FOLLOWS = {A_AIR: Quantity.SUPPLY_AIR_TEMPERATURE, A_FAN: Quantity.FAN_SPEED}
VALVES = [p.id for c in ("crah-1", "crah-2") for p in SITE.points_of(OwnerId(c), Quantity.VALVE_POSITION)]


@dataclass
class Bench:
    """Zone a's levers and what answers to them, moved by hand; the truth looks once a minute."""

    room: Room = field(default_factory=room)
    process: dict[PointId, float] = field(default_factory=dict)
    local: bool = False

    def __post_init__(self) -> None:
        self.book = AlarmBook(self.room.store, self.room.audit)
        self.truth = LeverTruth(SITE, self.book, self.room.audit, LeverMemory(self.room.store), self.room.now)
        self.process |= dict.fromkeys(self.points(A_AIR), 18.0) | dict.fromkeys(self.points(A_FAN), 0.9)
        self.process |= dict.fromkeys(VALVES, 0.5)

    def points(self, name: LeverId) -> list[PointId]:
        return process_points(SITE, SITE.lever_by_id[name], FOLLOWS[name])

    def told(self, name: LeverId) -> float:
        return self.room.plant.registers[SITE.lever_by_id[name].points[0]]

    def snapshot(self) -> Snapshot:
        now: datetime = self.room.now
        told = dict(self.process) | {
            p.id: float(self.local) for p in SITE.points_with(Quantity.LOCAL_CONTROL)
        }
        readings = {p: Reading(p, now, v, Quality.GOOD) for p, v in told.items()}
        return Snapshot(SITE, now, {**self.room.plant.snapshot(now).readings, **readings})

    def look(self, minutes: int) -> list[tuple[LeverId, Answer]]:
        answers: list[tuple[LeverId, Answer]] = []
        for _ in range(minutes):
            answers += self.truth.judge(self.snapshot(), self.room.now).items()
            self.room.clock.forward(60)
        return answers

    def move(
        self, name: LeverId, by: float, *, share: float, minutes: int = 12
    ) -> list[tuple[LeverId, Answer]]:
        """The lever goes by so much, and the process by a share of it; then some minutes pass."""
        before = self.look(1)
        for point in SITE.lever_by_id[name].points:
            self.room.plant.registers[point] += by
        for point in self.points(name):
            self.process[point] += share * by
        return before + self.look(minutes - 1)

    @property
    def alarms(self) -> list[AlarmKind]:
        return [a.kind for a in self.book.standing(self.room.now) if a.cleared_at is None]


def truth_of(r: Room) -> LeverTruth:
    """As the program finds it when it starts again."""
    return LeverTruth(SITE, AlarmBook(r.store, r.audit), r.audit, LeverMemory(r.store), r.now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_lever_that_works_is_left_in_peace_whichever_way_it_goes(bench: Bench) -> None:
    answers = [a for by in (0.5, 0.5, -0.5, 0.5) for a in bench.move(A_AIR, by, share=0.9)]
    assert answers == [(A_AIR, Answer.FOLLOWED)] * 4
    assert (bench.truth.frozen, bench.alarms) == (frozenset(), [])


@pytest.mark.parametrize(
    ("share", "answer", "kind"),
    [(0.05, Answer.SILENT, AlarmKind.LEVER_SILENT), (-0.8, Answer.BACKWARDS, AlarmKind.LEVER_BACKWARDS)],
)
def test_three_bad_answers_freeze_a_lever_until_someone_mends_it(
    bench: Bench, share: float, answer: Answer, kind: AlarmKind
) -> None:
    answers = [a for _ in range(2) for a in bench.move(A_AIR, 0.5, share=share)]
    assert bench.truth.frozen == frozenset()
    answers += bench.move(A_AIR, 0.5, share=share)
    assert answers == [(A_AIR, answer)] * 3
    assert bench.truth.frozen == {A_AIR}
    assert bench.alarms == [kind]
    reborn = truth_of(bench.room)
    assert reborn.frozen == {A_AIR}, "a restart does not free it"
    assert bench.truth.mended(A_AIR, by="eve", at=bench.room.now)
    assert bench.truth.frozen == frozenset()
    assert bench.room.audit.tail(2)[1].kind == "lever.unfrozen"


def test_a_silent_lever_may_still_cool_and_a_backward_one_may_not(bench: Bench) -> None:
    for _ in range(3):
        bench.move(A_AIR, 0.5, share=0.05)
    room_left = bench.truth.only_cooler(bench.snapshot())[A_AIR]
    assert (room_left.low, room_left.high) == (SITE.lever_by_id[A_AIR].low, bench.told(A_AIR))
    assert bench.truth.backwards == frozenset()
    other = Bench()
    for _ in range(3):
        other.move(A_AIR, 0.5, share=-0.8)
    assert other.truth.backwards == {A_AIR}
    assert other.truth.only_cooler(other.snapshot()) == {}


def test_steps_of_one_resolution_add_up_to_a_trial(bench: Bench) -> None:
    """Trim-and-respond warms the air by 0.1 K every five minutes: a dead lever shows within two hours."""
    answers = [a for _ in range(24) for a in bench.move(A_AIR, 0.1, share=0.0, minutes=5)]
    assert answers[:3] == [(A_AIR, Answer.SILENT)] * 3
    assert bench.alarms == [AlarmKind.LEVER_SILENT]


def test_steps_of_one_resolution_that_are_followed_are_left_in_peace(bench: Bench) -> None:
    answers = [a for _ in range(24) for a in bench.move(A_AIR, 0.1, share=1.0, minutes=5)]
    assert {answer for _, answer in answers} == {Answer.FOLLOWED}


def test_a_fan_that_slows_when_told_to_speed_up_is_found_out_in_two_steps_and_put_back(bench: Bench) -> None:
    for point in SITE.lever_by_id[A_FAN].points:
        bench.room.plant.registers[point] = 0.6
    bench.process |= dict.fromkeys(bench.points(A_FAN), 0.6)
    assert bench.move(A_FAN, 0.05, share=-1.0, minutes=5) == [(A_FAN, Answer.BACKWARDS)]
    assert bench.truth.frozen == frozenset(), "one small step may be chance"
    bench.move(A_FAN, 0.05, share=-1.0, minutes=5)
    assert bench.alarms == [AlarmKind.LEVER_BACKWARDS]
    assert bench.truth.put_back(bench.snapshot()) == {A_FAN: pytest.approx(0.6)}
    for point in SITE.lever_by_id[A_FAN].points:
        bench.room.plant.registers[point] = 0.6
    assert bench.truth.put_back(bench.snapshot()) == {}


def test_of_a_fan_that_slowed_once_a_smaller_step_is_proof_enough(bench: Bench) -> None:
    """Before that it is no step to judge: a planner near its working point moves it by no more for hours."""
    assert bench.move(A_FAN, 0.02, share=-1.0) == []
    assert bench.move(A_FAN, 0.01, share=-1.0) == [(A_FAN, Answer.BACKWARDS)]
    assert bench.truth.frozen == frozenset()
    assert bench.move(A_FAN, 0.02, share=-1.0) == [(A_FAN, Answer.BACKWARDS)]
    assert bench.truth.put_back(bench.snapshot()) == {A_FAN: pytest.approx(0.9)}


@pytest.mark.parametrize("share", [-0.4, 0.0, 1.0])
def test_noise_after_one_bad_answer_freezes_no_fan(bench: Bench, share: float) -> None:
    """0.8 % of speed the wrong way is what a sensor may say of a fan that stands still."""
    bench.move(A_FAN, 0.03, share=-1.0)
    bench.move(A_FAN, 0.02, share=share)
    assert bench.truth.frozen == frozenset()


def test_one_push_of_a_rescue_that_slows_the_fans_is_proof(bench: Bench) -> None:
    """Else the next push, five minutes later, would take away as much air again."""
    for point in SITE.lever_by_id[A_FAN].points:
        bench.room.plant.registers[point] = 0.6
    bench.process |= dict.fromkeys(bench.points(A_FAN), 0.6)
    assert bench.move(A_FAN, 0.2, share=-1.0, minutes=5) == [(A_FAN, Answer.BACKWARDS)]
    assert bench.truth.backwards == {A_FAN}


def test_a_push_that_meets_the_drive_s_lowest_speed_is_proof_too(bench: Bench) -> None:
    for point in SITE.lever_by_id[A_FAN].points:
        bench.room.plant.registers[point] = 0.45
    bench.process |= dict.fromkeys(bench.points(A_FAN), 0.45)
    bench.move(A_FAN, 0.2, share=-0.25, minutes=5)
    assert bench.truth.backwards == {A_FAN}


def test_a_lever_that_was_told_to_warm_and_cools_instead_stays_there(bench: Bench) -> None:
    bench.move(A_FAN, -0.2, share=-0.5, minutes=5)
    assert bench.truth.backwards == {A_FAN}
    assert bench.truth.put_back(bench.snapshot()) == {}


def test_a_cooling_step_that_is_not_followed_is_held_against_no_lever(bench: Bench) -> None:
    """A zone short of cooling moves every lever to cool, and none of them answers."""
    for _ in range(5):
        bench.move(A_AIR, -0.5, share=0.0)
        bench.move(A_FAN, 0.02, share=0.0)
    assert bench.truth.frozen == frozenset()


def test_air_that_warms_with_its_valves_wide_open_is_held_against_no_lever(bench: Bench) -> None:
    """A chiller tripped: told colder and colder, the air gets warmer and warmer."""
    bench.process |= dict.fromkeys(VALVES, 1.0)
    for _ in range(5):
        bench.move(A_AIR, -0.5, share=-1.5)
    assert bench.truth.frozen == frozenset()
    bench.process |= dict.fromkeys(VALVES, 0.4)
    for _ in range(3):
        bench.move(A_AIR, -0.5, share=-1.5)
    assert bench.truth.backwards == {A_AIR}, "with valves half closed it is the lever"


def test_a_fan_that_stops_says_nothing_of_the_lever(bench: Bench) -> None:
    dead, alive = bench.points(A_FAN)
    bench.look(1)
    for point in SITE.lever_by_id[A_FAN].points:
        bench.room.plant.registers[point] = 1.0
    bench.process |= {dead: 0.0, alive: 1.0}
    assert bench.look(5) == [(A_FAN, Answer.FOLLOWED)]


def test_in_local_control_nothing_is_judged(bench: Bench) -> None:
    bench.local = True
    for _ in range(3):
        assert bench.move(A_FAN, -0.1, share=-1.0) == []
    assert bench.truth.frozen == frozenset()


def test_a_process_on_its_way_back_from_beyond_goes_the_right_way(bench: Bench) -> None:
    """The setpoint leapt to 22 and comes back half a kelvin a time; the air is still on its way up."""
    bench.process |= dict.fromkeys(bench.points(A_AIR), 19.0)
    for point in SITE.lever_by_id[A_AIR].points:
        bench.room.plant.registers[point] = 22.0
    answers = [a for _ in range(2) for a in bench.move(A_AIR, -0.5, share=-1.0)]
    assert answers == [(A_AIR, Answer.UNKNOWN)] * 2


def test_steps_too_small_to_judge_and_levers_without_an_answer_are_not_judged() -> None:
    r = room()
    truth = truth_of(r)
    plant = FakePlant(SITE)
    for _ in range(30):  # neither air nor fans nor water are in this snapshot
        plant.registers = {p: v + 0.5 for p, v in plant.registers.items()}
        assert truth.judge(plant.snapshot(r.now), r.now) == {}
        r.clock.forward(300)
    bench = Bench()
    assert bench.move(A_AIR, 0.2, share=0.0) + bench.move(A_FAN, -0.02, share=0.0) == []


async def test_an_engineer_says_that_a_lever_is_mended(bench: Bench) -> None:
    for _ in range(2):
        bench.move(A_FAN, 0.05, share=-1.0, minutes=5)
    d = api_room()
    d.app = build_app(d.deps, [lever_routes(bench.truth)])
    path, said = f"/api/v1/levers/{A_FAN}/mended", {"reason": "drive turned round"}
    async with d.client("operator") as c:
        assert (await c.get("/api/v1/levers/frozen")).json() == [{"lever": A_FAN, "backwards": True}]
        assert (await c.post(path, json=said)).status_code == 403
    assert bench.truth.frozen == {A_FAN}
    async with d.client("engineer") as c:
        assert (await c.post(path, json=said)).json() == []
        assert (await c.post(path, json=said)).status_code == 404
    assert bench.truth.frozen == frozenset()
    assert bench.alarms == []


class Died(BaseException):
    """Killed: nothing catches it, and what was not committed never was."""


def test_wherever_the_program_is_killed_a_frozen_lever_still_knows_its_way_back(tmp_path: Path) -> None:
    """Its fans were told 0.6 → 0.7 and slowed; after a restart they go back to 0.6, or are not frozen yet."""
    for commits in range(100):
        url = f"sqlite:///{tmp_path / str(commits)}.db"
        bench = Bench(room(url))
        for point in SITE.lever_by_id[A_FAN].points:
            bench.room.plant.registers[point] = 0.6
        bench.process |= dict.fromkeys(bench.points(A_FAN), 0.6)
        bench.move(A_FAN, 0.05, share=-1.0, minutes=5)
        left = iter(range(commits))

        def commit(_connection: object, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Died

        event.listen(bench.room.store._engine, "commit", commit)
        died = False
        try:
            bench.move(A_FAN, 0.05, share=-1.0, minutes=5)
        except Died:
            died = True
        store = Store(url)
        audit = AuditLog(store)
        reborn = LeverTruth(SITE, AlarmBook(store, audit), audit, LeverMemory(store), bench.room.now)
        assert audit.verify() is None
        assert died or reborn.frozen == {A_FAN}
        assert reborn.put_back(bench.snapshot()) == ({A_FAN: pytest.approx(0.6)} if reborn.frozen else {})
        if not died:
            assert commits > 0, "there was something to be killed in"
            return
    raise AssertionError("never lived to the end")
