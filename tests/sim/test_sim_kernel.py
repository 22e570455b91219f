"""Compiled code does what the NumPy functions do, for every kind of site."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plant.commands import Command
from plant.errors import BrokenPromise, ConfigError
from plant.points import PointId
from plant.site import Site
from plant.site_file import load_site
from sim.batch import PlantBatch
from sim.kernel import compiled as compiling
from sim.kernel.graph import Graph
from sim.kernel.leaves import flat
from sim.kernel.trace import symbols
from sim.plant import SimulatedPlant
from sim.weather import WeatherYear
from sim.workload import DiurnalWorkload

START = datetime(2026, 4, 20, tzinfo=UTC)
QUARTER_DAY_S = 21_600
PlantMaker = Callable[..., SimulatedPlant]


def plant_of(name: str, weather: WeatherYear, *, compiled: bool, seed: int = 1) -> SimulatedPlant:
    site = load_site(Path(__file__).parents[2] / "examples" / f"{name}.yaml")
    work = DiurnalWorkload(len(site.zones), seed, -5)
    plant = SimulatedPlant(site, None, weather, work, seed, compiled=compiled)
    plant.reset(START)
    return plant


def moved(plant: SimulatedPlant, share: float) -> None:
    """Every lever some way from as found to its high end."""
    for lever in plant.site.levers:
        for point in lever.points:
            plant.write(point, lever.as_found + share * (lever.high - lever.as_found))


def assert_same(a: SimulatedPlant, b: SimulatedPlant) -> None:
    for part in ("state", "flows", "loops", "tally"):
        mine, its = getattr(a.image, part), getattr(b.image, part)
        np.testing.assert_allclose(flat(mine), flat(its), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["demo", "storage", "dx", "air-economizer", "liquid"])
def test_compiled_and_numpy_plants_agree(name: str, greensboro: WeatherYear) -> None:
    plain, fast = (plant_of(name, greensboro, compiled=c) for c in (False, True))
    for share in (0.2, 0.6):
        for plant in (plain, fast):
            moved(plant, share)
            plant.step(QUARTER_DAY_S / 2)
    assert_same(plain, fast)
    assert fast.totals().facility_kwh == pytest.approx(plain.totals().facility_kwh, rel=1e-12)
    assert [r.point for r in fast.readings()] == [p.id for p in fast.site.points]


def test_the_dead_man_works_in_compiled_code_too(demo_file: Path, greensboro: WeatherYear) -> None:
    plants = []
    for fast in (False, True):
        plant = plant_of("demo", greensboro, compiled=fast)
        moved(plant, 0.5)
        plant.advance([Command(PointId("heartbeat"), 1)], 600)
        assert not plant.local_control
        plant.step(1800)
        assert plant.local_control
        plants.append(plant)
    assert_same(*plants)
    lever = plants[1].site.levers[0]
    assert plants[1].register(lever.points[0]) == lever.fallback


def test_one_made_code_serves_all_plants_of_a_site(greensboro: WeatherYear) -> None:
    plant_of("dx", greensboro, compiled=True, seed=1)
    made = compiling._made.cache_info().misses
    plant_of("dx", greensboro, compiled=True, seed=2)
    assert compiling._made.cache_info().misses == made


def test_a_broken_machine_is_stepped_in_numpy_with_the_same_outcome(greensboro: WeatherYear) -> None:
    class Held:
        """All valves shut to a fifth."""

        def hold(self, loops: Any, actuators: Any) -> Any:
            valve = np.full_like(loops.valve, 0.2)
            return loops._replace(valve=valve), actuators._replace(valve=valve)

    plain, fast = (plant_of("demo", greensboro, compiled=c) for c in (False, True))
    for plant in (plain, fast):
        plant.upset = Held()
        plant.step(3600)
        plant.upset = None
        plant.step(3600)
    assert_same(plain, fast)


def test_a_batch_of_plants_goes_like_each_alone(greensboro: WeatherYear) -> None:
    """Six plants: more than one register full, and not a whole number of them."""
    first = plant_of("storage", greensboro, compiled=True)
    together, alone = [], []
    for k in range(6):
        for plants in (together, alone):
            plant = first.copy()
            plant.workload = DiurnalWorkload(len(plant.site.zones), k, -5)
            moved(plant, k / 6)
            plants.append(plant)
    PlantBatch(together).step(500)
    for mine, single in zip(together, alone, strict=True):
        single.step(500 * single.physics_step_s)
        assert_same(mine, single)
        assert mine.now == single.now
    assert together[0].totals().facility_kwh != pytest.approx(together[5].totals().facility_kwh, rel=1e-4)


def test_a_batch_refuses_plants_that_differ(greensboro: WeatherYear) -> None:
    with pytest.raises(BrokenPromise):
        PlantBatch([plant_of("dx", greensboro, compiled=False, seed=s) for s in (1, 2)])


def test_without_llvmlite_it_says_what_to_install(
    greensboro: WeatherYear, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling._made.cache_clear()
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(ConfigError, match=r"llvmlite"):
        plant_of("dx", greensboro, compiled=True)


def test_where_llvmlite_is_not_installed_a_plant_is_plain_numpy(
    greensboro: WeatherYear, monkeypatch: pytest.MonkeyPatch, demo: Site
) -> None:
    work = DiurnalWorkload(4, 1, -5)
    assert SimulatedPlant(demo, None, greensboro, work, 1).compiled
    monkeypatch.setattr("sim.plant.find_spec", lambda _: None)
    plant = SimulatedPlant(demo, None, greensboro, work, 1)
    plant.reset(START)
    assert not plant.compiled
    assert plant._kernel is None


def test_what_cannot_be_traced_fails_loudly() -> None:
    values = symbols(Graph(), "carry", 0, (3,))
    with pytest.raises(TypeError, match="no truth"):
        bool(values[:1] > 1.0)
    with pytest.raises(TypeError, match="cannot be traced"):
        np.arctan2(values, values)


def test_known_values_are_folded_and_equal_operations_kept_once() -> None:
    graph = Graph()
    x = symbols(graph, "carry", 0, (2,))
    before = len(graph.nodes)
    assert (x * 1.0)[0] is x[0]
    assert (x + 0.0)[1] is x[1]
    assert ((x * x) - (x**2))[0].args[0] is ((x**2) + 1.0)[0].args[0]
    assert np.where(np.array(True), x, 0.0)[0] is x[0]
    assert len(graph.nodes) < before + 12


def test_a_compiled_plant_travels_to_another_process(greensboro: WeatherYear) -> None:
    """Benchmarks and sweeps send plants that have already run; each side compiles for itself."""
    plant = plant_of("dx", greensboro, compiled=True)
    plant.reset(datetime(2025, 7, 1, tzinfo=UTC))
    there = pickle.loads(pickle.dumps(plant))
    plant.step(3600.0)
    there.step(3600.0)
    assert there.totals() == plant.totals()
