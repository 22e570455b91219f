"""A restart forgets neither a lever's bad answers nor a move that is still being judged."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from supervision_kit import A_AIR, A_FAN, room
from test_lever_truth import SITE, Bench, truth_of

from controller.lever_inlets import InletAnchor
from controller.lever_memory import NOTHING, LeverMemory, UnderJudgement
from controller.lever_trial import Anchor, Answer, Strikes, Trial
from controller.lever_truth import STRIKES
from controller.store import Store
from plant.points import PointId

AT = datetime(2026, 7, 1, 12, 0, 0, 250, tzinfo=UTC)
TRIAL = Trial(18.0, 18.5, AT + timedelta(minutes=5), 600.0)
KEPT = [
    UnderJudgement(TRIAL, Anchor(18.0, {PointId("a"): 18.1}, valves_at_end=True)),
    UnderJudgement(TRIAL, InletAnchor(18.0, {PointId("i"): 22.0}, 18.0, 0.9, 150.0)),
    UnderJudgement(strikes=Strikes(Answer.SILENT, 2, math.inf)),
    UnderJudgement(start=Anchor(18.0, {PointId("a"): 18.1}, valves_at_end=True)),
    UnderJudgement(TRIAL, Anchor(18.0, {}, valves_at_end=False), Strikes(Answer.BACKWARDS, 1, 17.5)),
]


@pytest.mark.parametrize("found", KEPT[:2] + KEPT[3:])
def test_what_is_kept_comes_back_as_it_was(found: UnderJudgement) -> None:
    memory = LeverMemory(Store("sqlite://"))
    memory.keep(A_AIR, found)
    assert memory.recall(AT) == {A_AIR: found}
    memory.keep(A_AIR, NOTHING)
    assert memory.recall(AT) == {}


def test_an_unknown_place_comes_back_unknown() -> None:
    memory = LeverMemory(Store("sqlite://"))
    memory.keep(A_AIR, KEPT[2])
    strikes = memory.recall(AT)[A_AIR].strikes
    assert strikes is not None
    assert math.isnan(strikes.stood)


@pytest.mark.parametrize("minutes", [3, 12], ids=["in the middle of each move", "between moves"])
def test_a_program_that_restarts_all_the_time_still_finds_out_a_lever_that_lies(minutes: int) -> None:
    bench = Bench()
    for _ in range(3):
        assert bench.truth.frozen == frozenset()
        bench.move(A_AIR, 0.5, share=0.05, minutes=minutes)
        bench.truth = truth_of(bench.room)
        bench.look(12 - minutes)
    assert bench.truth.frozen == {A_AIR}


def test_moves_too_small_to_be_judged_add_up_across_restarts() -> None:
    bench = Bench()
    assert SITE.lever_by_id[A_AIR].resolution == 0.1, "three resolutions are worth a trial"
    for _ in range(STRIKES):
        assert bench.move(A_AIR, 0.2, share=0.05) == []
        bench.truth = truth_of(bench.room)
        assert bench.move(A_AIR, 0.2, share=0.05) == [(A_AIR, Answer.SILENT)]
        bench.truth = truth_of(bench.room)
    assert bench.truth.frozen == {A_AIR}


def test_a_small_move_that_was_taken_back_is_forgotten() -> None:
    bench = Bench()
    bench.move(A_AIR, 0.2, share=0.9)
    assert LeverMemory(bench.room.store).recall(bench.room.now)[A_AIR].start is not None
    bench.move(A_AIR, -0.2, share=0.9)
    assert LeverMemory(bench.room.store).recall(bench.room.now) == {}


def test_local_control_ends_what_has_not_added_up_too() -> None:
    bench = Bench()
    bench.move(A_AIR, 0.2, share=0.9)
    bench.local = True
    bench.look(1)
    assert LeverMemory(bench.room.store).recall(bench.room.now) == {}


def test_a_good_answer_given_after_a_restart_counts_as_well() -> None:
    bench = Bench()
    for _ in range(2):
        bench.move(A_AIR, 0.5, share=0.05)
    for point in bench.points(A_AIR):
        bench.process[point] = bench.told(A_AIR)
    bench.look(12)
    bench.move(A_AIR, 0.5, share=1.0, minutes=3)
    bench.truth = truth_of(bench.room)
    assert (A_AIR, Answer.FOLLOWED) in bench.look(12)
    bench.truth = truth_of(bench.room)
    bench.move(A_AIR, 0.5, share=0.05)
    assert bench.truth.frozen == frozenset(), "in a row means in a row"


def test_a_move_that_nobody_watched_for_hours_is_not_judged_but_what_was_proven_stands() -> None:
    bench = Bench()
    for _ in range(2):
        bench.move(A_AIR, 0.5, share=0.05)
    bench.move(A_AIR, 0.5, share=0.05, minutes=3)
    bench.room.clock.forward(6 * 3600)
    bench.truth = truth_of(bench.room)
    assert bench.look(15) == []
    assert bench.truth.frozen == frozenset()
    bench.move(A_AIR, 0.5, share=0.05)
    assert bench.truth.frozen == {A_AIR}


def test_who_mends_a_lever_gives_it_a_clean_slate_across_restarts() -> None:
    bench = Bench()
    for _ in range(3):
        bench.move(A_AIR, 0.5, share=0.05)
    bench.truth.mended(A_AIR, by="eve", at=bench.room.now)
    bench.truth = truth_of(bench.room)
    bench.move(A_AIR, 0.5, share=0.05)
    assert bench.truth.frozen == frozenset()


def test_local_control_ends_a_judgement_on_record_too() -> None:
    bench = Bench()
    bench.move(A_FAN, 0.05, share=-1.0, minutes=2)
    assert LeverMemory(bench.room.store).recall(bench.room.now)
    bench.local = True
    bench.look(1)
    assert LeverMemory(bench.room.store).recall(bench.room.now) == {}


def test_without_the_database_levers_are_judged_as_ever() -> None:
    bench = Bench(room())
    bench.room.store._writing._in_vain.set()
    assert bench.move(A_AIR, 0.5, share=0.9) == [(A_AIR, Answer.FOLLOWED)]
