"""What a plan keeps free under its limits for what it does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import outlook, snapshot_at

from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from plant.history import History
from plant.ports import Advice


@pytest.fixture(scope="module")
def problem(history: History, model: PlantModel) -> Problem:
    snapshot = snapshot_at(history, 700)
    posed = pose(
        history.site, model, PlannerSettings.of(history.site), snapshot, outlook(history.site, snapshot.time)
    )
    assert isinstance(posed, Problem)
    return posed


def stands(problem: Problem, law_k: float, tau_s: float) -> Problem:
    bank = problem.model.bank
    model = replace(problem.model)
    vars(model)["bank"] = replace(
        bank, std_k=np.full_like(bank.std_k, law_k), tau_s=np.full_like(bank.tau_s, tau_s)
    )
    return replace(problem, model=model)


def test_of_an_unusual_load_only_what_comes_before_the_answer_counts(problem: Problem) -> None:
    # Law 0.3 K, load 0.4 K: 0.5 K in all. Half a time constant passes before the answer, exp(-0.5) = 0.6065:
    # 2 sqrt(0.3^2 + (0.3935 x 0.4)^2) = 0.678 K, which is more than 2 x 0.5 less the 0.45 K of room above.
    quick = stands(problem, 0.3, 1200.0)
    assert quick.margin_k(np.full(4, 0.5)) == pytest.approx(0.678, abs=0.001)
    slow = replace(quick, settings=replace(quick.settings, answers_within_s=1e9))
    assert slow.margin_k(np.full(4, 0.5)) == pytest.approx(1.0)


def test_even_unanswered_it_stays_under_the_recommended_limit(problem: Problem) -> None:
    # The site recommends 27 °C and plans for 26.5: 2 x 1.5 K less 0.5 K, less rounding.
    limits = problem.site.zones[0].limits
    room = limits.recommended_max_c - limits.planning_max_c
    instant = replace(stands(problem, 0.1, 600.0), settings=replace(problem.settings, answers_within_s=0.0))
    margin = instant.margin_k(np.full(4, 1.5))
    assert margin == pytest.approx(3.0 - room + 0.05)
    assert np.all(problem.limit_c - margin + 3.0 <= limits.recommended_max_c + 0.051)


def test_what_the_law_scatters_by_is_kept_whole(problem: Problem) -> None:
    alone = stands(problem, 0.4, 600.0)
    assert alone.margin_k(np.full(4, 0.4)) == pytest.approx(0.8)
    assert float(alone.margin_k(np.array(0.4), 2)) == pytest.approx(0.8)


def test_a_plan_stays_that_far_under_the_limit_and_uses_the_rest(history: History, model: PlantModel) -> None:
    # A law that scatters by 1.2 K: two standard deviations are 2.4 K, of which nothing is answered in time.
    site, snapshot = history.site, snapshot_at(history, 700)
    laws = [replace(z.inlets, std_k=(1.2,) * len(z.inlets.sensors)) for z in model.zones]
    unsure = replace(model, zones=tuple(replace(z, inlets=w) for z, w in zip(model.zones, laws, strict=True)))
    settings = replace(PlannerSettings.of(site), n_minus_one=False)
    answer = MpcPolicy(site, unsure, settings).decide(snapshot, outlook(site, snapshot.time))
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    warmest = answer.plan.prediction.worst_inlet_c
    room = np.array([z.limits.planning_max_c - warmest[z.id][8:].max() for z in site.zones])
    # A twentieth of a kelvin inside the margin counts as rounding.
    assert room.min() > 2.4 - 0.06
    assert room.min() < 3.0
