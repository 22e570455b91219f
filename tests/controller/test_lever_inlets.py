"""A lever whose machine is not measured is judged by its racks: dead and reversed ones show, honest pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from supervision_kit import A_AIR, A_FAN, FakePlant, Room, demo_site, room

from controller.alarms import AlarmBook, AlarmKind
from controller.lever_memory import LeverMemory
from controller.lever_truth import Answer, LeverTruth
from controller.lever_witness import Witness
from optimizer.identify.evidence import Coverage
from optimizer.identify.inlets import InletLaw
from optimizer.model import PlantModel
from plant.commands import Command
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from sim.faults import FaultyPlant
from sim.faults.fault import make_fault
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

ZONE = OwnerId("zone-a")
DEMO = demo_site()
UNITS = {e.id for e in DEMO.equipment if e.zone == ZONE}


def without(quantity: Quantity) -> Site:
    """The demo site with nothing in zone-a that measures this."""
    kept = tuple(p for p in DEMO.points if not (p.quantity is quantity and p.owner in UNITS))
    return replace(DEMO, points=kept)


NO_AIR, NO_FAN = without(Quantity.SUPPLY_AIR_TEMPERATURE), without(Quantity.FAN_SPEED)
INLETS = tuple(p.id for p in DEMO.points_of(ZONE, Quantity.INLET_TEMPERATURE))
LAW = InletLaw(
    # Every inlet is as much warmer than supply air as the air would gain: d = P / (40 kW/K r).
    INLETS,
    tuple((0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0) for _ in INLETS),
    tuple(0.1 for _ in INLETS),
    tau_s=300.0,
    air_kw_k=40.0,
    gain_k=Coverage("air_gain_k", 2.0, 12.0),
)


def learned() -> PlantModel:
    zone = SimpleNamespace(id=ZONE, inlets=LAW)
    return cast(PlantModel, SimpleNamespace(zones=(zone,), trusts=lambda _: True))


@dataclass
class Bench:
    """Zone a, moved by hand; its inlets are told by hand too."""

    site: Site
    model: PlantModel | None = None
    room: Room = field(init=False)
    inlet_c: float = 22.0
    load_kw: float = 160.0

    def __post_init__(self) -> None:
        self.room = room(plant=FakePlant(self.site))
        self.book = AlarmBook(self.room.store, self.room.audit)
        self.truth = LeverTruth(
            self.site, self.book, self.room.audit, LeverMemory(self.room.store), self.room.now
        )
        self.truth.model = lambda: self.model

    def snapshot(self) -> Snapshot:
        now, told = self.room.now, self.room.plant.registers
        shown = {p.id: self.load_kw for p in self.site.points_in(ZONE, Quantity.IT_POWER)}
        for lever, quantity in (
            (A_AIR, Quantity.SUPPLY_AIR_TEMPERATURE),
            (A_FAN, Quantity.FAN_SPEED),
        ):
            stands = told[self.site.lever_by_id[lever].points[0]]
            shown |= {p.id: stands for p in self.site.points_in(ZONE, quantity)}
        shown |= dict.fromkeys(INLETS, self.inlet_c)
        readings = {p: Reading(p, now, v, Quality.GOOD) for p, v in shown.items()}
        return Snapshot(self.site, now, {**self.room.plant.snapshot(now).readings, **readings})

    def look(self, minutes: int) -> list[tuple[LeverId, Answer]]:
        answers: list[tuple[LeverId, Answer]] = []
        for _ in range(minutes):
            answers += self.truth.judge(self.snapshot(), self.room.now).items()
            self.room.clock.forward(60)
        return answers

    def move(self, name: LeverId, by: float, inlets_by: float) -> list[Answer]:
        before = self.look(1)
        for point in self.site.lever_by_id[name].points:
            self.room.plant.registers[point] += by
        self.inlet_c += inlets_by
        return [answer for lever, answer in before + self.look(34) if lever == name]


@pytest.mark.parametrize(
    ("follows_k", "answer"),
    [(0.9, Answer.FOLLOWED), (0.4, Answer.FOLLOWED), (0.05, Answer.SILENT), (-0.8, Answer.BACKWARDS)],
)
def test_air_a_kelvin_warmer_makes_inlets_a_kelvin_warmer_or_the_lever_lies(
    follows_k: float, answer: Answer
) -> None:
    assert Bench(NO_AIR).move(A_AIR, 1.0, follows_k) == [answer]


def test_three_bad_answers_of_the_inlets_freeze_the_lever_and_raise_its_alarm() -> None:
    bench = Bench(NO_AIR)
    for times in (1, 2, 3):
        assert bench.truth.frozen == frozenset()
        bench.move(A_AIR, 1.0, 0.0)
        assert bool(bench.truth.frozen) is (times == 3)
    assert bench.truth.frozen == {A_AIR}
    assert [a.kind for a in bench.book.uncleared(AlarmKind.LEVER_SILENT)] == [AlarmKind.LEVER_SILENT]


def test_a_small_move_is_not_asked_for_and_two_of_them_are() -> None:
    bench = Bench(NO_AIR)
    assert bench.move(A_AIR, 0.5, 0.5) == []
    assert bench.move(A_AIR, 0.5, 0.5) == [Answer.FOLLOWED]


def test_a_cooling_move_of_air_is_not_held_against_a_coil_at_its_end() -> None:
    assert Bench(NO_AIR).move(A_AIR, -1.0, 0.0) == [Answer.UNKNOWN]


def test_without_a_law_nothing_is_said_while_the_load_or_the_fans_move() -> None:
    bench = Bench(NO_AIR)
    bench.look(2)
    bench.load_kw = 200.0
    assert bench.move(A_AIR, 1.0, 3.0) == [Answer.FOLLOWED], "the load stood when the move began"
    bench.look(1)
    for point in NO_AIR.lever_by_id[A_AIR].points:
        bench.room.plant.registers[point] += 1.0
    bench.look(1)
    bench.load_kw = 120.0
    assert [a for lever, a in bench.look(34) if lever == A_AIR] == [Answer.UNKNOWN]


# d = 160 / (40 x 0.9) = 4.44 K; at 0.7 it is 5.71 K: the law expects 1.27 K of a fan slowed so.
@pytest.mark.parametrize(
    ("inlets_k", "answer"),
    [(1.2, Answer.FOLLOWED), (0.1, Answer.SILENT), (-1.0, Answer.BACKWARDS)],
)
def test_a_fan_is_judged_by_what_its_law_expects(inlets_k: float, answer: Answer) -> None:
    assert Bench(NO_FAN, learned()).move(A_FAN, -0.2, inlets_k) == [answer]


def test_a_fan_without_a_law_is_not_judged_and_one_that_must_speed_up_may_not_go_backwards() -> None:
    assert Bench(NO_FAN).move(A_FAN, -0.2, -3.0) == [Answer.UNKNOWN]
    bench = Bench(NO_FAN, learned())
    bench.move(A_FAN, -0.2, 1.27)
    assert bench.move(A_FAN, 0.2, 0.0) == [Answer.UNKNOWN], "merely not followed: a machine at its end"
    bench.move(A_FAN, -0.2, 1.27)
    assert bench.move(A_FAN, 0.2, 1.0) == [Answer.BACKWARDS]


def test_what_the_load_did_is_not_held_against_the_fan() -> None:
    # From 160 to 200 kW at 0.9 the law expects 1.11 K, and 1.59 K for the fan's slowing at 200 kW.
    bench = Bench(NO_FAN, learned())
    bench.look(2)
    bench.load_kw = 200.0
    assert bench.move(A_FAN, -0.2, 1.59 + 1.11) == [Answer.FOLLOWED]
    lying = Bench(NO_FAN, learned())
    lying.look(1)
    for point in NO_FAN.lever_by_id[A_FAN].points:
        lying.room.plant.registers[point] -= 0.2
    lying.look(1)
    lying.load_kw, lying.inlet_c = 200.0, 22.0 + 1.11  # all of it is the load's doing
    assert [a for lever, a in lying.look(34) if lever == A_FAN] == [Answer.SILENT]


def test_a_measured_machine_speaks_for_itself() -> None:
    witness = Witness.of(DEMO, DEMO.lever_by_id[A_AIR], LAW)
    assert witness is not None
    assert witness.own
    assert Witness.of(NO_AIR, NO_AIR.lever_by_id[LeverId("plant.condenser-water")], LAW) is None


@pytest.mark.parametrize("kind", ["", "setpoint_ignored", "setpoint_reversed"])
def test_on_the_simulator_a_lever_without_a_measurement_is_found_out_and_an_honest_one_is_not(
    kind: str,
) -> None:
    """Nothing is learned: supply air goes up by 2 K and down again, four times in a working day."""
    begin = datetime(2026, 5, 4, 12, tzinfo=UTC)
    body = SimulatedPlant(NO_AIR, None, load_weather("greensboro"), DiurnalWorkload(4, 1, -4.0), 1, 30.0)
    faults = [make_fault(kind, begin, begin + timedelta(days=2), A_AIR)] if kind else []
    plant = FaultyPlant(body, NO_AIR, faults, 1)
    r = room(plant=FakePlant(NO_AIR))
    truth = LeverTruth(NO_AIR, AlarmBook(r.store, r.audit), r.audit, LeverMemory(r.store), r.now)
    told = {r.point: r for r in plant.reset(begin)}
    lever, at, answers = NO_AIR.lever_by_id[A_AIR], begin, []
    for step in range(8 * 60 // 5):
        way = 0.5 if step // 12 % 2 == 0 else -0.5
        air = told[lever.points[0]].value + (way if step % 12 < 4 else 0.0)
        commands = [Command(p, air) for p in lever.points]
        told |= {x.point: x for x in plant.advance(commands, 300.0)}
        at += timedelta(seconds=300)
        answers += [a for n, a in truth.judge(Snapshot(NO_AIR, at, told), at).items() if n == A_AIR]
    expected = {
        "": frozenset(),
        "setpoint_ignored": {A_AIR},
        "setpoint_reversed": {A_AIR},
    }[kind]
    assert truth.frozen == expected, answers
    if not kind:
        assert answers.count(Answer.FOLLOWED) >= 3
    if kind == "setpoint_reversed":
        assert truth.backwards == {A_AIR}
