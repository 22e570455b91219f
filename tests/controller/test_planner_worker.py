"""The planner always comes back: with an answer, or with the reason there is none."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from controller.keeping import plan_record
from controller.planner import InlinePlanner, WorkerPlanner
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, Nature, PriceSeries, WeatherSource
from plant.plan import NoPlan, NoPlanCause, Plan, PlanStatus, Prediction, SolverFacts
from plant.ports import Advice, PolicyAnswer
from plant.readings import Quality, Reading, missing
from plant.site_file import load_site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Obedient:
    name: str = "obedient"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        return Advice(snapshot.site.fallback, f"worked in {os.getpid()}")


@dataclass(frozen=True)
class Endless:
    name: str = "endless"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        time.sleep(3600)
        raise AssertionError


@dataclass(frozen=True)
class Slow:
    name: str = "slow"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        time.sleep(1.0)
        return Advice(snapshot.site.fallback, "slowly")


@dataclass(frozen=True)
class Suicidal:
    name: str = "suicidal"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        os._exit(9)


@dataclass(frozen=True)
class Stumbling:
    name: str = "stumbling"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        raise IndexError("index 49 is out of bounds")


@dataclass(frozen=True)
class Planning:
    name: str = "planning"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        flat = np.ones(2)
        told = Prediction({}, {}, flat, flat, flat, flat, flat, flat)
        facts = SolverFacts("none", "made up", None, 0, 0)
        plan = Plan(
            "p", NOW, forecast.grid, PlanStatus.HEURISTIC, "x", {}, told, told, (), (), "", "1", facts
        )
        return Advice(snapshot.site.fallback, "", plan)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    site = load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")
    return Snapshot(site, NOW, {})


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    grid = TimeGrid(NOW, 900, 2)
    flat = Band(np.ones(2), np.zeros(2))
    carbon = CarbonSeries(grid, np.ones(2), CarbonKind.AVERAGE, "test", synthetic=True)
    return Forecast(NOW, grid, {}, flat, flat, carbon, PriceSeries(grid, np.ones(2), "USD", "test"))


async def test_a_plan_carries_the_quality_of_what_it_was_made_from(forecast: Forecast) -> None:
    """Substituted, suspect and missing inputs by name, and in words for whoever decides."""
    site = load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")
    ids = [p.id for p in site.points]
    readings = {p: Reading(p, NOW - timedelta(seconds=5), 1.0, Quality.GOOD) for p in ids[4:]}
    readings[ids[0]] = Reading(ids[0], NOW - timedelta(seconds=600), 1.0, Quality.SUBSTITUTED)
    readings[ids[1]] = Reading(ids[1], NOW - timedelta(seconds=9000), 1.0, Quality.STALE)
    readings[ids[2]] = missing(ids[2], NOW, Quality.NOT_AVAILABLE)  # and ids[3] has no reading at all
    gappy = replace(forecast.carbon, g_per_kwh=np.array([np.nan, 1.0]), nature=Nature.FORECAST)
    typical = WeatherSource("typical year x.epw", Nature.TYPICAL, 2)
    asked = replace(forecast, carbon=gappy, weather=typical)
    planner = InlinePlanner(Planning())
    answer = await planner.decide(Snapshot(site, NOW, readings), asked)
    assert isinstance(answer, Advice)
    assert answer.plan is not None
    found = answer.plan.data_quality
    assert (found.substituted, found.suspect, found.missing) == ((ids[0],), (ids[1],), (ids[2], ids[3]))
    assert found.measured == len(ids) - 4
    assert found.oldest_s == 600, "what was not used makes nothing old"
    assert (found.carbon_gap_steps, found.carbon, found.weather) == (1, "forecast", "typical")
    assert found.remarks == (
        f"planned on last good values of {ids[0]}",
        f"planned without suspect readings of {ids[1]}",
        f"planned without readings of {ids[2]}, {ids[3]}",
        "no carbon intensity for 1 steps of the horizon",
        "the weather is a typical year's, not a forecast of this one",
    )
    assert plan_record(answer.plan)["data_quality"]["suspect"] == [ids[1]]  # type: ignore[index]


async def test_answers_come_from_another_process(snapshot: Snapshot, forecast: Forecast) -> None:
    planner = WorkerPlanner(Obedient(), deadline_s=60)
    answer = await planner.decide(snapshot, forecast)
    await planner.close()
    assert isinstance(answer, Advice)
    assert answer.reason != f"worked in {os.getpid()}"
    assert answer.setpoints == snapshot.site.fallback


async def test_a_late_plan_is_no_plan_and_its_worker_is_gone(snapshot: Snapshot, forecast: Forecast) -> None:
    planner = WorkerPlanner(Endless(), deadline_s=1)
    answer = await planner.decide(snapshot, forecast)
    assert isinstance(answer, NoPlan)
    assert answer.cause is NoPlanCause.DEADLINE
    assert planner._child is None


async def test_a_worker_that_dies_is_replaced(snapshot: Snapshot, forecast: Forecast) -> None:
    planner = WorkerPlanner(Suicidal(), deadline_s=60)
    first = await planner.decide(snapshot, forecast)
    planner.policy = Obedient()
    second = await planner.decide(snapshot, forecast)
    await planner.close()
    assert isinstance(first, NoPlan)
    assert first.cause is NoPlanCause.SOLVER_ERROR
    assert isinstance(second, Advice)


async def test_a_planner_that_stumbles_is_no_plan_and_says_why(
    snapshot: Snapshot, forecast: Forecast
) -> None:
    worker = WorkerPlanner(Stumbling(), deadline_s=60)
    answers = [await InlinePlanner(Stumbling()).decide(snapshot, forecast)]
    answers += [await worker.decide(snapshot, forecast)]
    child = worker._child
    answers += [await worker.decide(snapshot, forecast)]
    assert worker._child is child, "one stumble is no reason for another process"
    await worker.close()
    for answer in answers:
        assert isinstance(answer, NoPlan)
        assert answer.cause is NoPlanCause.SOLVER_ERROR
        assert answer.reason == "the planner failed (IndexError: index 49 is out of bounds)"


async def test_a_planner_that_is_replaced_while_it_thinks_answers_first(
    snapshot: Snapshot, forecast: Forecast
) -> None:
    """A model adopted in the middle of a plan must not end the program (it did: a closed handle)."""
    planner = WorkerPlanner(Slow(), deadline_s=30.0)
    thinking = asyncio.ensure_future(planner.decide(snapshot, forecast))
    await asyncio.sleep(0.2)
    await planner.close()
    answer = await thinking
    assert isinstance(answer, Advice)
    assert answer.reason == "slowly"
