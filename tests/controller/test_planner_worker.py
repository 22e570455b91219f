"""The planner always comes back: with an answer, or with the reason there is none."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from controller.planner import WorkerPlanner
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.plan import NoPlan, NoPlanCause
from plant.ports import Advice, PolicyAnswer
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
class Suicidal:
    name: str = "suicidal"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        os._exit(9)


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
    assert planner._process is None


async def test_a_worker_that_dies_is_replaced(snapshot: Snapshot, forecast: Forecast) -> None:
    planner = WorkerPlanner(Suicidal(), deadline_s=60)
    first = await planner.decide(snapshot, forecast)
    planner.policy = Obedient()
    second = await planner.decide(snapshot, forecast)
    await planner.close()
    assert isinstance(first, NoPlan)
    assert first.cause is NoPlanCause.SOLVER_ERROR
    assert isinstance(second, Advice)
