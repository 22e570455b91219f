"""After each change that was carried out any machine may trip: no rack passes its allowable limit.

The whole controller in closed loop on a simulated plant. The site is tight (its racks may not pass
28 °C), so that the room for a trip is what limits the plan. The same run without that room must fail.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.trips import Trial, Tripper, without_room
from controller.knowledge import Knowledge, learn
from controller.replay import GoingOn, ReplayRun, replay
from controller.settings import Settings
from plant.site import Site
from plant.site_file import load_site
from sim.commissioning import Commissioning
from sim.history import DECISION_S, long_frame
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload
from telemetry.historian import Historian

BEGIN = datetime(2026, 7, 15, 12, tzinfo=UTC)
AS_FOUND, STEPPED = timedelta(days=1.1), timedelta(days=1)
SAMPLE_S = 300.0
SHORT = Settings(plan_steps=16)
ALLOWED_C = 28.0


@dataclass(frozen=True)
class Stage:
    """A plant as found at the start of a run, its past in a database, and what was learned from it."""

    plant: SimulatedPlant
    site: Site
    database: Path
    knowledge: Knowledge
    start: datetime


def tight(site: Site) -> Site:
    zones = tuple(replace(z, limits=replace(z.limits, allowable_max_c=ALLOWED_C)) for z in site.zones)
    return replace(site, zones=zones)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    site = tight(load_site(Path("examples/demo.yaml")))
    work = DiurnalWorkload(len(site.zones), 1, -4.0)
    plant = SimulatedPlant(site, None, load_weather("greensboro"), work, 1)
    plant.reset(BEGIN - AS_FOUND - STEPPED)
    pieces = [plant.record(AS_FOUND.total_seconds(), SAMPLE_S)]
    engineers = Commissioning(plant, STEPPED.total_seconds(), np.random.default_rng(7))
    for k in range(round(STEPPED.total_seconds() / DECISION_S)):
        engineers.decide(k * DECISION_S)
        pieces.append(plant.record(DECISION_S, SAMPLE_S))
    for lever in site.levers:
        for point in lever.points:
            plant.write(point, lever.as_found)
    pieces.append(plant.record(2 * 3600, SAMPLE_S))
    folder = tmp_path_factory.mktemp("trips")
    times, values = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    long_frame(site, times, values).to_parquet(folder / "past.parquet", index=False)
    database = folder / "past.sqlite"
    historian = Historian(f"sqlite:///{database}")
    historian.import_file(folder / "past.parquet")
    knowledge = learn(site, historian, SHORT, plant.now)
    historian.close()
    return Stage(plant, site, database, knowledge, plant.now)


def tried(stage: Stage, folder: Path, *, keep: bool) -> list[Trial]:
    """Every change that was carried out in some hours, tried."""
    plant = stage.plant.copy()
    database = folder / f"{keep}.sqlite"
    database.write_bytes(stage.database.read_bytes())
    historian = Historian(f"sqlite:///{database}")
    tripper = Tripper(plant, stage.site, stage.knowledge.model, every=2)
    run = ReplayRun(
        site=stage.site if keep else without_room(stage.site),
        plant=GoingOn(plant, plant.readings()),
        policy="mpc",
        start=stage.start,
        duration=timedelta(minutes=95),
        historian=historian,
        knowledge=stage.knowledge,
        settings=SHORT,
        observers=[tripper],
    )
    asyncio.run(replay(run))
    historian.close()
    return tripper.trials


def test_with_room_kept_no_trip_takes_a_rack_past_its_limit(stage: Stage, tmp_path: Path) -> None:
    trials = tried(stage, tmp_path, keep=True)
    assert len(trials) >= 4, "changes were carried out"
    assert max(t.inlet_c for t in trials) > trials[0].inlet_c, "and they used some of the room there was"
    assert not [t for t in trials if t.failed]


def test_without_it_the_same_run_fails(stage: Stage, tmp_path: Path) -> None:
    assert [t for t in tried(stage, tmp_path, keep=False) if t.failed]
