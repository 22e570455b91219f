"""A path improved in the rollout: cheaper, within every limit, and not by a hair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import demo_site, outlook, snapshot_at

from optimizer import candidates
from optimizer.contingency import trip_room
from optimizer.model import PlantModel
from optimizer.plan import compare
from optimizer.polish import polished, with_polish
from optimizer.polish_judge import Judge
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.rounding import rounded_safely
from optimizer.scoring import passed_k
from optimizer.shifts import shifts
from optimizer.static import tabulate
from plant.forecast import Array
from plant.history import History
from plant.site import Site


def posed(site: Site, history: History, model: PlantModel, *, room: bool) -> Problem:
    settings = replace(PlannerSettings.of(site), n_minus_one=room)
    snapshot = snapshot_at(history, 600)
    problem = pose(site, model, settings, snapshot, outlook(site, snapshot.time, wet_c=12.0))
    assert isinstance(problem, Problem)
    return problem


@pytest.fixture(scope="module")
def problem(history: History, model: PlantModel) -> Problem:
    return posed(demo_site(), history, model, room=False)


@pytest.fixture(scope="module")
def start(problem: Problem) -> Array:
    return candidates.reset_rule(problem, tabulate(problem))


@pytest.fixture(scope="module")
def better(problem: Problem, start: Array) -> Array:
    path = polished(problem, start)
    assert path is not None
    return path


def score(problem: Problem, path: Array) -> float:
    return float(compare(problem, {"path": path}).score[0])


def test_it_costs_less_in_the_rollout_on_the_expected_day_and_on_a_worse_one(
    problem: Problem, start: Array, better: Array
) -> None:
    world = problem.world
    worse = replace(
        problem,
        world=replace(world, it_reference_kw=1.02 * world.it_reference_kw, wet_bulb_c=world.wet_bulb_c + 0.4),
    )
    # A rule of thumb leaves a good deal; what is found must not hang on the decimals of a forecast.
    assert score(problem, better) < 0.997 * score(problem, start)
    money = compare(worse, {"start": start, "better": better}).money.sum(axis=1)
    assert money[1] < 0.997 * money[0]


def test_it_keeps_ranges_ramps_and_every_limit_that_was_kept(
    problem: Problem, start: Array, better: Array
) -> None:
    board = problem.board
    assert (better >= board.low - 1e-9).all()
    assert (better <= board.high + 1e-9).all()
    moves = np.abs(np.diff(better, axis=0, prepend=board.present[None]))
    resolution = np.array([a.resolution for a in board.axes])
    assert (moves[0] <= board.move + 1e-9).all()
    assert (moves[1:] <= 3 * board.move + resolution).all()
    for before, after in zip(*(_passed(problem, path) for path in (start, better)), strict=True):
        # Ten hours ahead as much as now: a score may make light of what is far away, a limit is a limit.
        assert (after <= np.maximum(before, 0.0) + 0.08).all()


def _passed(problem: Problem, path: Array) -> tuple[Array, Array]:
    return passed_k(problem, compare(problem, {"path": path}).rolled)


def test_room_for_a_trip_is_kept_to_the_last_hour(history: History, model: PlantModel) -> None:
    # Racks that might run four kelvins warmer: what a trip would leave is the limit that counts.
    roomy = posed(demo_site(), history, model, room=True)
    roomy = replace(roomy, limit_c=roomy.limit_c + 4.0)
    edge = _warmest_with_room(roomy)
    path = polished(roomy, edge)
    assert path is not None
    missing = trip_room(roomy, np.stack([edge, path])).excess_k
    # The search goes by lines around the path and keeps 0.3 K from them: they are a tenth off at most.
    assert missing[1].max() < max(missing[0].max(), -0.2)
    assert score(roomy, path) < score(roomy, edge)


def test_each_block_is_shifted_its_own_way(problem: Problem, better: Array) -> None:
    # Fans far too fast before noon and as slow as the racks allow after it: no one shift mends the day.
    half, fans = problem.grid.steps // 2, slice(len(problem.board.supply), 2 * len(problem.board.supply))
    uneven = better.copy()
    uneven[:half, fans] += 0.2
    uneven = problem.board.ramped(uneven, problem.grid.step_s)
    mended = polished(problem, uneven)
    assert mended is not None
    slower = (uneven - mended)[:, fans].mean(axis=1)
    assert slower[8 : half - 8].min() > 0.1
    assert np.abs(slower[half + 8 :]).max() < 0.05


def _warmest_with_room(problem: Problem) -> Array:
    """Air as warm as room for a trip allows all day, of those a quarter of a kelvin apart."""
    zones = len(problem.board.supply)
    for supply_c in np.arange(25.0, 17.0, -0.25):
        target = np.tile([*[supply_c] * zones, *[0.8] * zones, 10.0, 18.0], (problem.grid.steps, 1))
        path = problem.board.ramped(target, problem.grid.step_s)
        if trip_room(problem, path[None]).excess_k.max() <= 0.0:
            return path
    raise AssertionError("no room for a trip at all")


def test_a_path_is_judged_on_the_mean_of_two_days(problem: Problem, start: Array) -> None:
    judge = Judge.of(problem, start)
    path = judge.walked(start[None])
    _, total = judge.costs(path)
    each = [score(day, path[0]) for day in (judge.problem, judge.worse)]
    assert judge.worse.world.it_reference_kw == pytest.approx(1.02 * problem.world.it_reference_kw)
    # Movement is in both; no limit is passed on either.
    assert total[0] == pytest.approx(sum(each) / 2, rel=1e-6)


def test_warmer_air_and_more_of_it_leave_the_racks_where_they_are(problem: Problem, start: Array) -> None:
    zones = len(problem.board.supply)
    (along,) = [u for u in shifts(problem, start) if (u[:, :zones] > 0).all() and (u[:, zones] > 0).all()][:1]
    rolled = compare(problem, {"here": start, "along": start + 0.2 * along}).rolled.worst_inlet_c
    alone = start.copy()
    alone[:, :zones] += 0.2
    warmer = compare(problem, {"alone": alone}).rolled.worst_inlet_c[0]
    # Once the levers are there, and where speed is not at the end of what a shift may take.
    free = along[:, zones : 2 * zones] < 0.149
    free[:8] = False
    assert free.any()
    assert (np.abs(rolled[1] - rolled[0])[free] < 0.5 * (warmer - rolled[0])[free]).all()


def test_what_is_proposed_for_what_it_is_stays_as_it_is(problem: Problem) -> None:
    contest = compare(problem, {"hold": candidates.hold(problem)})
    assert with_polish(contest, problem) is contest


@pytest.mark.parametrize(
    ("wanted", "down", "up"),
    [
        (18.24, 18.2, 18.3),
        (18.2, 18.2, 18.2),
        (18.04, 18.0, 18.0),  # less than half a step is no move
        (19.9, 18.5, 18.5),  # out of one move: the present, not a part of the way
        (17.52, 17.5, 17.6),
        (17.49, 17.5, 17.5),
    ],
)
def test_a_setpoint_is_written_on_its_resolution_on_the_safe_side(
    wanted: float, down: float, up: float
) -> None:
    for safe_is_down, expected in ((True, down), (False, up)):
        found = rounded_safely(min(wanted, 18.5), 18.0, (17.5, 18.5), 0.1, safe_is_down)
        assert float(found) == pytest.approx(expected)
