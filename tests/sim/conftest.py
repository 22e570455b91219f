"""A demo plant under steady drivers, and under a real year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plant.site import Site
from plant.site_file import load_site
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather, WeatherYear, load_weather
from sim.workload import ConstantWorkload, DiurnalWorkload

START = datetime(2026, 7, 20, tzinfo=UTC)
PlantMaker = Callable[..., SimulatedPlant]


@pytest.fixture(scope="session")
def demo_file() -> Path:
    return Path(__file__).parents[2] / "examples" / "demo.yaml"


@pytest.fixture(scope="session")
def demo(demo_file: Path) -> Site:
    return load_site(demo_file)


@pytest.fixture(scope="session")
def greensboro() -> WeatherYear:
    return load_weather("greensboro")


@pytest.fixture
def steady(demo: Site) -> PlantMaker:
    """A demo plant, reset, with weather and work held."""

    def make(
        dry_c: float = 30.0,
        wet_c: float = 22.0,
        utilization: float = 0.6,
        seed: int = 1,
        heartbeat_timeout_s: float | None = None,
    ) -> SimulatedPlant:
        plant = SimulatedPlant(
            demo,
            None,
            ConstantWeather(dry_c, wet_c),
            ConstantWorkload((utilization,) * 4),
            seed,
            heartbeat_timeout_s=heartbeat_timeout_s,
        )
        plant.reset(START)
        return plant

    return make


@pytest.fixture
def living(demo: Site, greensboro: WeatherYear) -> PlantMaker:
    """A demo plant in real weather and changing work; not reset."""

    def make(seed: int = 1, physics_step_s: float = 30.0) -> SimulatedPlant:
        return SimulatedPlant(demo, None, greensboro, DiurnalWorkload(4, 1, -5), seed, physics_step_s)

    return make


@pytest.fixture
def set_levers() -> Callable[..., None]:
    """Write levers of a plant: all of a quantity's points to one value."""

    def write(
        plant: SimulatedPlant,
        supply_c: float | None = None,
        fan: float | None = None,
        chilled_c: float | None = None,
        condenser_c: float | None = None,
    ) -> None:
        wanted = {
            "supply_air_temperature_setpoint": supply_c,
            "fan_speed_setpoint": fan,
            "chilled_water_supply_temperature_setpoint": chilled_c,
            "condenser_water_supply_temperature_setpoint": condenser_c,
        }
        for lever in plant.site.levers:
            value = wanted[lever.quantity.value]
            if value is not None:
                for point in lever.points:
                    plant.write(point, value)

    return write
