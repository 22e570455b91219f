"""The ceiling of the savings benchmark: what it searches with is the simulator, and it breaks no rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ceiling import VIOLATION_PER_K_H, Effort, Question, best_path
from benchmarks.ceiling_rollout import PERIOD_S, Array, Money, Rollouts, ramped
from benchmarks.ceiling_room import TripPrice, trips_along
from benchmarks.grown_site import nameplate_model
from benchmarks.savings import captured
from benchmarks.savings_record import Recorded, Row, inlet_hours, positions
from optimizer.contingency import KEPT_K
from plant.site import Site
from plant.site_file import load_site
from sim.faults.trips import ride, units_that_may_trip
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

PERIODS, STEP_S = 24, 30.0
START = datetime(2026, 7, 15, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def plant() -> SimulatedPlant:
    """The demo site on a summer's day, as it was found."""
    site = load_site(Path("examples/demo.yaml"))
    work = DiurnalWorkload(len(site.zones), 3)
    made = SimulatedPlant(site, None, load_weather("greensboro"), work, 3, compiled=True)
    made.reset(START)
    return made


def wild(site: Site, seed: int) -> Array:
    """Targets that jump about, beyond ranges too."""
    low, high = (np.array([getattr(v, name) for v in site.levers]) for name in ("low", "high"))
    drawn = np.random.default_rng(seed).uniform(-0.3, 1.3, (3, PERIODS, len(site.levers)))
    return np.asarray(low + drawn * (high - low))


def kept_rules(site: Site, present: Array, path: Array) -> bool:
    """Whether a path stays in range and moves no faster than the site file says."""
    steps = np.abs(np.diff(np.vstack([present, path]), axis=0))
    return all(
        lever.low - 1e-9 <= path[:, i].min() and path[:, i].max() <= lever.high + 1e-9
        and steps[:, i].max() <= lever.max_move + 1e-9
        for i, lever in enumerate(site.levers)
    )  # fmt: skip


def test_ramped_paths_keep_to_ranges_and_moves(plant: SimulatedPlant) -> None:
    present = positions(plant)
    for path in ramped(plant.site, present, wild(plant.site, 1)):
        assert kept_rules(plant.site, present, path)
    still = np.broadcast_to(present, (PERIODS, len(present)))
    np.testing.assert_allclose(ramped(plant.site, present, still), still)


def test_a_rolled_path_uses_what_the_plant_itself_uses(plant: SimulatedPlant) -> None:
    rollouts = Rollouts(plant, PERIODS, STEP_S)
    paths = ramped(plant.site, rollouts.present, wild(plant.site, 2))
    rolled = rollouts.roll(paths)
    for number, path in enumerate(paths):
        followed = Recorded(plant.copy())
        before = followed.plant.totals().facility_kwh
        followed.follow(path)
        spent = np.diff([before, *(a[0] for a in followed.amounts)])
        np.testing.assert_allclose(rolled.facility_kwh[number], spent, rtol=1e-7)
        ends = np.stack(followed.inlets)[PERIOD_S // 60 - 1 :: PERIOD_S // 60].max(axis=-1)
        np.testing.assert_allclose(rolled.inlet_c[number], ends, atol=1e-6)
    assert np.ptp(rolled.facility_kwh.sum(axis=1)) > 1.0  # else nothing was driven


def test_the_search_never_ends_above_its_starts_and_breaks_no_rule(plant: SimulatedPlant) -> None:
    rollouts = Rollouts(plant, PERIODS, STEP_S)
    money = Money(np.linspace(0.08, 0.15, PERIODS), 2.5)
    question = Question(rollouts, money)
    starts = list(ramped(plant.site, rollouts.present, wild(plant.site, 4)))
    held = np.broadcast_to(rollouts.present, starts[0].shape)
    known = question.costs(np.stack([*starts, held])).sum(axis=1)
    path, cost = best_path(question, starts, Effort(2, 2, 6, 16), seed=1)
    assert kept_rules(plant.site, rollouts.present, path)
    assert cost < known.min() - 0.5  # as found is far from best, so a search that searches gains
    assert question.costs(path[None]).sum() == pytest.approx(cost, rel=1e-9)


def test_more_search_never_costs_more(plant: SimulatedPlant) -> None:
    rollouts = Rollouts(plant, PERIODS, STEP_S)
    question = Question(rollouts, Money(np.linspace(0.08, 0.15, PERIODS), 2.5))
    start = list(ramped(plant.site, rollouts.present, wild(plant.site, 4)))[:1]
    # The same draws in each, so a longer search goes on where a shorter one ended.
    costs = [best_path(question, start, Effort(1, 0, n, 4), seed=1)[1] for n in range(0, 21, 2)]
    assert costs == sorted(costs, reverse=True)


def test_inlets_above_the_planning_limit_are_priced(plant: SimulatedPlant) -> None:
    rollouts = Rollouts(plant, PERIODS, STEP_S)
    question = Question(rollouts, Money(np.zeros(PERIODS), 0.0))
    warm = np.array([v.high if "supply" in v.id else v.low for v in plant.site.levers])
    paths = question.paths(np.broadcast_to(warm, (1, PERIODS, len(warm))))
    worst = rollouts.roll(paths).inlet_c.max(axis=-1)
    limit = plant.site.zones[0].limits.planning_max_c
    expected = VIOLATION_PER_K_H * np.maximum(worst - limit, 0.0) / 12
    assert expected.sum() > 10.0
    np.testing.assert_allclose(question.costs(paths), expected)


def test_a_ceiling_pays_for_trips_that_truly_went_too_far(plant: SimulatedPlant) -> None:
    room = TripPrice(plant, nameplate_model(plant.site), PERIODS)
    path = np.broadcast_to(positions(plant), (PERIODS, len(plant.site.levers)))
    truly = trips_along(plant, path)
    after_six = Recorded(plant.copy())
    after_six.follow(path[:6])
    ridden = [ride(after_six.plant, unit, 900.0) for unit in units_that_may_trip(plant)]
    assert plant.site.safety.ride_through_s == 900.0
    np.testing.assert_allclose(truly[0], np.max(ridden, axis=0))

    assert truly.max() < 32.0  # as found nothing goes too far
    before = room(path[None])[0]
    assert not room.grown(path, truly)
    np.testing.assert_array_equal(room(path[None])[0], before)
    truly[1, 0] = 33.0
    assert room.grown(path, truly)
    # A kelvin over, and the room kept beyond what is reckoned, at the second of four instants.
    owed = np.zeros(PERIODS)
    owed[6:12] = VIOLATION_PER_K_H * (1.0 + KEPT_K) / 12
    np.testing.assert_allclose(room(path[None])[0], np.maximum(before, owed))


def test_inlet_hours_are_those_of_one_rack_group() -> None:
    inlets = np.array([[[20.0, 20.49]], [[20.5, 26.9]]])
    assert inlet_hours(inlets, 0.5) == {"20.0": 0.5, "20.5": 0.25, "26.5": 0.25}


def test_the_captured_share_is_of_the_gap_to_the_ceiling() -> None:
    def row(policy: str, cost: float) -> Row:
        numbers = (1.0, 1.0, 1.0, 1.0, cost, 1.0, 25.0, 0.0, 0.0)
        return Row("tampa", "July", "flat", policy, *numbers, 30.0, 1.0, 1, 1, 1, {}, {}, {}, 0.0, 0.0)

    rows = [row("trim-and-respond", 110.0), row("mpc", 102.0), row("ceiling", 100.0)]
    assert captured(rows) == pytest.approx(0.8)
    # Elsewhere the search ended above mpc, which then is the best anybody found: 8 + 10 of 10 + 10.
    there = [row("trim-and-respond", 50.0), row("mpc", 40.0), row("ceiling", 41.0)]
    rows += [replace(r, climate="las-vegas") for r in there]
    assert captured(rows) == pytest.approx(18.0 / 20.0)
    assert np.isnan(captured(there[:2]))
