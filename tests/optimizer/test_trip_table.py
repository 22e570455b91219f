"""The search's table of what a trip leaves, beside the reckoning it was read from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at

from optimizer.after_trip import after_trip_c
from optimizer.contingency import trip_room
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.static import tabulate
from optimizer.trip_table import loop_rises_k
from plant.history import History


@pytest.fixture
def asked(history: History, model: PlantModel) -> Problem:
    snapshot = snapshot_at(history, 700)
    problem = pose(
        history.site, model, PlannerSettings.of(history.site), snapshot,
        outlook(history.site, snapshot.time, 0.7, 16.0),
    )  # fmt: skip
    assert isinstance(problem, Problem)
    return replace(problem, world=replace(problem.world, inlet_bias_k=0.0 * problem.world.inlet_bias_k))


def test_what_the_table_allows_is_survived_and_little_more_would_not_be(asked: Problem) -> None:
    tables, world, rng = tabulate(asked), asked.world, np.random.default_rng(1)
    steps, spare = np.arange(0, 96, 8), []
    rises = loop_rises_k(asked, steps)
    assert tables.trips is not None
    for z, (table, trips) in enumerate(zip(tables.zones, tables.trips, strict=True)):
        load = world.it_reference_kw[steps, z], world.it_std_kw[steps, z]
        highest = trips.warmest_supply_c(load, rises, table.speeds, tables.chw_c)
        for _ in range(40):
            k, r, c = (int(rng.integers(n)) for n in highest.shape)
            if not table.supply_c.min() < highest[k, r, c] < table.supply_c.max():
                continue
            supply = np.full((1, len(tables.zones)), highest[k, r, c])
            speed, chw = np.full_like(supply, table.speeds[r]), tables.chw_c[c : c + 1]
            stands = world.it_reference_kw[steps[k]], world.it_std_kw[steps[k]]
            reached = after_trip_c(asked, supply, speed, chw, *stands)[0, z]
            spare.append(asked.site.zones[z].limits.allowable_max_c - float(reached))
    assert len(spare) > 30
    assert min(spare) > 0.0
    assert np.median(spare) < 1.0


def test_the_search_stays_where_a_trip_is_survived(history: History, model: PlantModel) -> None:
    snapshot = snapshot_at(history, 700)
    forecast = outlook(history.site, snapshot.time, 0.7, 16.0)
    over = []
    for asks in (True, False):
        settings = replace(PlannerSettings.of(history.site), n_minus_one=asks, use_solver=False)
        problem = pose(history.site, model, settings, snapshot, forecast)
        assert isinstance(problem, Problem)
        contest = MpcPolicy(history.site, model, settings)._search(problem).contest
        path = contest.paths[contest.index("per-step optimum")]
        over.append(float(np.maximum(trip_room(problem, path[None]).excess_k[0, 8:], 0.0).max()))
    kept, unasked = over
    assert kept < 0.1
    assert unasked > 0.3
