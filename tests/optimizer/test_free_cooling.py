"""An economizer with two thresholds: learned, watched, followed through a rollout and planned for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at

from optimizer import machine_path
from optimizer.economizer_watch import EconomizerWatch
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.switching import SwitchingLaw, Watched, learn_switching
from optimizer.machines import Economizer, Machines
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.running import Running
from plant.history import History

TRUTH = SwitchingLaw(start_k=8.0, start_per_k=0.35, stop_k=1.3)
"""A PLC to be found again: starts above 8 K at 10 °C wet bulb and 0.35 K more for each kelvin colder."""


def watched(days: float, wet_c: float, seed: int = 5, truth: SwitchingLaw = TRUTH) -> Watched:
    """Telemetry of that PLC, written out here by itself: 5-minute steps, water stepped every two hours."""
    rng, n = np.random.default_rng(seed), int(days * 288)
    hours = np.arange(n) / 12
    wet = wet_c + 4 * np.sin(2 * np.pi * hours / 24) + np.repeat(rng.normal(0, 0.7, n // 48 + 1), 48)[:n]
    warm = np.repeat(rng.uniform(17, 22, n // 24 + 1), 24)[:n] + rng.normal(0, 0.1, n)
    run, cooled, since = np.zeros(n), np.zeros(n), 10_000.0
    on = False
    for k in range(n):
        run[k] = float(on)
        cooled[k] = max(0.9 * (warm[k] - wet[k] - 4.0), 0.0) if on else 0.0
        since += 300
        start = warm[k] - wet[k] > truth.start_k + truth.start_per_k * (10 - wet[k])
        turn = cooled[k] < truth.stop_k if on else start
        if turn and since >= 1200:
            on, since = not on, 0.0
    return Watched(run, warm - wet, wet, cooled, np.ones(n), 300.0)


def test_start_line_and_stop_are_found_in_telemetry() -> None:
    law, against = learn_switching(watched(20, 10.0))
    assert against == ()
    assert min(law.starts_seen, law.stops_seen) > 10
    for wet in (7.0, 10.0, 13.0):
        assert float(law.start_span_k(wet)) == pytest.approx(8.0 + 0.35 * (10 - wet), abs=0.5)
    assert law.stop_k == pytest.approx(1.3, abs=0.4)


def test_what_never_ran_starts_above_all_that_was_seen_and_says_so() -> None:
    hot = watched(4, 22.0)
    lazy = replace(hot, run=np.zeros_like(hot.run), span_k=hot.span_k + 11.0)
    law, against = learn_switching(lazy)
    assert any("never ran" in reason for reason in against)
    # It stayed off at 11 to 15 K over a wet bulb near 20 °C, where Guideline 36 would start at some 7 K.
    assert float(law.start_span_k(20.0)) > np.percentile(lazy.span_k, 90) - 1.0


def test_what_always_ran_stops_no_later_than_it_was_seen_to_run() -> None:
    cold = watched(4, 0.0)
    steady = replace(cold, run=np.ones_like(cold.run), cooled_k=np.full_like(cold.run, 0.6))
    law, against = learn_switching(steady)
    assert any("always ran" in reason for reason in against)
    assert law.stop_k == pytest.approx(0.6, abs=0.01)


def test_it_turns_one_step_late_and_no_sooner_than_it_may() -> None:
    law, one = SwitchingLaw(min_on_s=1800.0, min_off_s=900.0), np.ones(1)
    on, off = one.astype(bool), ~one.astype(bool)
    assert law.after(0 * one, 900 * one, on, off).tolist() == [1.0]
    assert law.after(0 * one, 800 * one, on, off).tolist() == [0.0]
    assert law.after(one, 1700 * one, off, off).tolist() == [1.0]
    assert law.after(one, 1800 * one, off, off).tolist() == [0.0]
    assert law.after(one, 9000 * one, off, on).tolist() == [1.0]


@pytest.fixture
def between(history: History, model: PlantModel) -> Problem:
    """A mild night between the thresholds: it would not start, and would go on running."""
    economizer = EconomizerLaw(
        True, 0.9, 0.0, 100.0, True, 3.0, 1.0, SwitchingLaw(start_k=11.0, start_per_k=0.0)
    )
    snapshot = snapshot_at(history, 700)
    problem = pose(
        history.site, replace(model, economizer=economizer), PlannerSettings.of(history.site), snapshot,
        outlook(history.site, snapshot.time, 0.6, 11.0), Running(),
    )  # fmt: skip
    assert isinstance(problem, Problem)
    return problem


def with_state(problem: Problem, on: float, bias_k: float = 0.0) -> Problem:
    return replace(
        problem, world=replace(problem.world, machines=Machines(Economizer(on, start_bias_k=bias_k)))
    )


def test_between_the_thresholds_it_is_as_it_was(between: Problem) -> None:
    board = between.board
    path = np.broadcast_to(np.array([21, 21, 21, 21, 0.7, 0.7, 0.7, 0.7, 12, 24.0]), (96, len(board.axes)))
    rolled = [
        between.model.rollout(between.course(path[None]), with_state(between, on).world) for on in (0.0, 1.0)
    ]
    assert rolled[0].economizer_on is not None
    assert rolled[1].economizer_on is not None
    assert not rolled[0].economizer_on.any()
    assert rolled[1].economizer_on.all()
    assert rolled[1].cooling_kw.mean() < 0.85 * rolled[0].cooling_kw.mean()


def test_a_plan_keeps_running_what_would_not_start_again(between: Problem) -> None:
    policy = MpcPolicy(between.site, between.model, replace(between.settings, n_minus_one=False))
    for on in (0.0, 1.0):
        contest = policy._search(with_state(between, on)).contest
        assert contest.rolled.economizer_on is not None
        ran = contest.rolled.economizer_on[contest.winner]
        if on:
            assert ran.all()


def test_a_plan_warms_the_water_to_begin_free_cooling_where_the_day_pays_for_it(between: Problem) -> None:
    policy = MpcPolicy(between.site, between.model, replace(between.settings, n_minus_one=False))
    contest = policy._search(with_state(between, 0.0)).contest
    assert contest.rolled.economizer_on is not None
    begun = contest.rolled.economizer_on[contest.winner]
    never = contest.index("per-step optimum, no free cooling begun")
    assert begun[24:].all()
    assert contest.money[contest.winner].sum() < contest.money[never].sum()


def test_dear_starts_are_made_once_and_only_where_they_pay() -> None:
    # Off 10 an hour, starting 14, running 6: pays where two more hours follow, not at the end.
    def state(to_off: float, to_on: float) -> list[machine_path._State]:
        none, one = np.zeros(4, dtype=np.intp), np.ones(4)
        ways = tuple(machine_path._Way(np.full(4, money), none, none, one) for money in (to_off, to_on))
        same = machine_path._State([], [], ways)
        return [same, same]

    states = [state(10.0, 14.0), state(10.0, 6.0)]
    turns = machine_path._cheapest(states, np.ones(4), may_start=True)
    assert turns[:, 0, 0].tolist() == [1, 1, 0, 0]
    assert turns[:, 1, 0].tolist() == [1, 1, 1, 1]
    assert not machine_path._cheapest(states, np.ones(4), may_start=False)[:, 0].any()


def test_water_that_was_warm_enough_and_started_nothing_moves_the_line(history: History) -> None:
    row, law = snapshot_at(history, 700), SwitchingLaw(start_k=9.0, start_per_k=0.0)
    watch = EconomizerWatch(law)
    seen = [(20.0, 0.0), (21.0, 0.0), (21.5, 0.0), (23.0, 1.0)]
    biases = []
    for number, (warm, on) in enumerate(seen):
        changed = {"plant.chw__return": warm, "outdoor.wet__bulb": 10.0, "economizer__1.run": on}
        now = snapshot_at(history, 700, **changed)
        watch.observe(replace(now, time=row.time + timedelta(minutes=5 * number)))
        biases.append(watch.state(row.time + timedelta(minutes=5 * number)).start_bias_k)
    # Spans 10, 11, 11.5 over a line of 9 began nothing, two looks in a row; then it began past 11.5.
    assert biases == pytest.approx([0.0, 1.0, 2.0, 2.5])
    assert watch.state(row.time + timedelta(minutes=15)).on == 1.0
