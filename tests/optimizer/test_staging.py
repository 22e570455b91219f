"""Chillers with two thresholds: learned from a PLC written out here, followed, and planned for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at
from test_free_cooling import watched

from optimizer.identify.staging import Staged, StagingLaw, learn_staging
from optimizer.identify.switching import SwitchingLaw, learn_switching
from optimizer.machines import Economizer, Machines
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from plant.forecast import Array
from plant.history import History

UP, DOWN, UNIT_KW = 1.04, 0.88, 800.0


def staged(days: float, seed: int = 3) -> Staged:
    """Five-minute telemetry of a PLC: next on beyond UP for 5 minutes, one off below DOWN for 15."""
    rng, n = np.random.default_rng(seed), int(days * 288)
    hours = np.arange(n) / 12
    load = 780 + 130 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 8, n)
    count, running, low = np.empty(n), 2.0, 0
    for k in range(n):
        count[k] = running
        low = low + 1 if running > 1 and load[k] < DOWN * UNIT_KW * (running - 1) else 0
        if running < 2 and load[k] > UP * UNIT_KW * running:
            running += 1
        elif low >= 3:
            running, low = running - 1, 0
    return Staged(count, load, 300.0)


def test_both_shares_are_found_in_telemetry() -> None:
    law = learn_staging(staged(12), StagingLaw(2, UNIT_KW))
    assert min(law.starts_seen, law.stops_seen) >= 10
    assert law.up_share == pytest.approx(UP, abs=0.03)
    assert law.down_share == pytest.approx(DOWN, abs=0.03)


def test_without_telemetry_it_is_guideline_36() -> None:
    blind = Staged(np.full(500, np.nan), np.full(500, 700.0), 300.0)
    law = learn_staging(blind, StagingLaw(2, UNIT_KW))
    assert (law.up_share, law.down_share) == pytest.approx((0.95, 0.85), abs=0.01)


def test_machines_that_never_stop_are_not_counted_on_to_stop() -> None:
    load = np.tile(np.linspace(520, 900, 144), 20)
    law = learn_staging(Staged(np.full(load.size, 2.0), load, 300.0), StagingLaw(2, UNIT_KW))
    # At 520 of 800 kW two ran on: one would have been stopped below 0.65 at most.
    assert law.down_share < 0.67


def test_between_the_shares_runs_what_ran() -> None:
    law = StagingLaw(3, 100.0, up_share=1.0, down_share=0.8)
    load = np.array([75.0, 90.0, 110.0, 150.0, 170.0, 210.0, 2.0])
    # One stops where the others would have less than 80 kW each, the next starts beyond 100 kW each.
    assert law.running(load, 1.0).tolist() == [1, 1, 2, 2, 2, 3, 0]
    assert law.running(load, 2.0).tolist() == [1, 2, 2, 2, 2, 3, 0]
    assert law.running(load, 3.0).tolist() == [1, 2, 2, 2, 3, 3, 0]


def test_unlike_machines_are_counted_in_their_order() -> None:
    law = StagingLaw(2, 600.0, (400.0, 800.0), up_share=1.0, down_share=0.8)
    assert law.fewest(np.array([390.0, 410.0])).tolist() == [1, 2]
    assert law.most(np.array([310.0, 330.0])).tolist() == [1, 2]
    assert law.able_kw(np.array([1.0, 2.0])).tolist() == [400.0, 1200.0]


@pytest.fixture
def in_the_band(history: History, model: PlantModel) -> Problem:
    """An even load for which one chiller is enough and two may run on; no economizer."""
    staging = replace(model.chillers.staging, up_share=1.3, down_share=0.3)
    odd = replace(
        model,
        chillers=replace(model.chillers, staging=staging),
        economizer=replace(model.economizer, present=False),
    )
    snapshot = snapshot_at(history, 700)
    problem = pose(
        history.site, odd, replace(PlannerSettings.of(history.site), n_minus_one=False), snapshot,
        outlook(history.site, snapshot.time, 0.6, 18.0),
    )  # fmt: skip
    assert isinstance(problem, Problem)
    return problem


def running(problem: Problem, chillers: float) -> Problem:
    return replace(problem, world=replace(problem.world, machines=Machines(chillers=chillers)))


def test_a_rollout_keeps_running_what_runs_and_pays_its_pump(in_the_band: Problem) -> None:
    board = in_the_band.board
    path = np.broadcast_to(np.array([21, 21, 21, 21, 0.7, 0.7, 0.7, 0.7, 12, 24.0]), (96, len(board.axes)))
    course = in_the_band.course(path[None])
    one, two = (in_the_band.model.rollout(course, running(in_the_band, float(n)).world) for n in (1, 2))
    assert (one.chillers_on == 1).all()
    assert (two.chillers_on == 2).all()
    pump = in_the_band.model.cw_pump
    more = pump.power_kw(np.array(2.0), np.array(False)) - pump.power_kw(np.array(1.0), np.array(False))
    assert float((two.cooling_kw - one.cooling_kw).mean()) > 0.5 * float(more)


def test_the_search_reckons_with_the_machines_that_run(in_the_band: Problem) -> None:
    policy = MpcPolicy(in_the_band.site, in_the_band.model, in_the_band.settings)
    for n in (1.0, 2.0):
        contest = policy._search(running(in_the_band, n)).contest
        assert (contest.rolled.chillers_on[contest.winner] == n).all()


def test_the_economizer_starts_more_easily_where_fewer_chillers_run() -> None:
    truth = SwitchingLaw(start_k=9.0, start_per_k=0.2, start_per_share_k=6.0, stop_k=1.3)
    half: Array = np.full(20 * 288, 0.5)
    with_one = watched(20, 10.0, truth=replace(truth, start_k=9.0 - 0.5 * 6.0))
    with_two = watched(20, 10.0, seed=6, truth=truth)
    both = replace(
        with_one,
        run=np.append(with_one.run, with_two.run),
        span_k=np.append(with_one.span_k, with_two.span_k),
        wet_bulb_c=np.append(with_one.wet_bulb_c, with_two.wet_bulb_c),
        cooled_k=np.append(with_one.cooled_k, with_two.cooled_k),
        share=np.append(half, 2 * half),
    )
    law, _ = learn_switching(both)
    assert float(law.start_span_k(10.0, 0.5)) == pytest.approx(6.0, abs=0.6)
    assert float(law.start_span_k(10.0, 1.0)) == pytest.approx(9.0, abs=0.6)


def test_one_chiller_less_lets_the_economizer_start_in_a_rollout(in_the_band: Problem) -> None:
    law = replace(
        in_the_band.model.economizer, present=True,
        switching=SwitchingLaw(start_k=9.0, start_per_k=0.0, start_per_share_k=6.0),
    )  # fmt: skip
    model = replace(in_the_band.model, economizer=law)
    path = np.broadcast_to(np.array([21, 21, 21, 21, 0.7, 0.7, 0.7, 0.7, 12, 24.0]), (96, 10))
    started = []
    for n in (1.0, 2.0):
        world = replace(in_the_band.world, machines=Machines(Economizer(on=0.0), n))
        # Return water near 20 °C: a span of some 7 to 8 K, between 6 K for one and 9 K for two.
        found = model.rollout(
            in_the_band.course(path[None]), replace(world, wet_bulb_c=0 * world.wet_bulb_c + 12.0)
        )
        assert found.economizer_on is not None
        started.append(bool(found.economizer_on.any()))
    assert started == [True, False]
