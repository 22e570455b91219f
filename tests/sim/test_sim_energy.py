"""The whole year, every kind of site: heat closes, and the step length hardly matters."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from plant.quantities import Quantity
from plant.site import Site
from plant.site_file import load_site
from sim.plant import SimulatedPlant
from sim.totals import Totals
from sim.weather import WeatherYear, load_weather
from sim.workload import DiurnalWorkload

SITES = ("demo", "storage", "dx", "air-economizer", "liquid")
YEAR_S = 365 * 86_400
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def example(name: str) -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / f"{name}.yaml")


def begun(name: str, weather: WeatherYear, step_s: float) -> SimulatedPlant:
    site = example(name)
    work = DiurnalWorkload(len(site.zones), 1, -5)
    plant = SimulatedPlant(site, None, weather, work, 1, step_s, compiled=True)
    plant.reset(NEW_YEAR)
    for lever in site.levers:
        if lever.quantity is Quantity.DEFERRED_IT_POWER_SETPOINT:
            continue  # work put off for ever would wait for ever
        # Somewhere between as found and the economical end, so that nothing rests at an edge.
        for point in lever.points:
            plant.write(point, lever.as_found + 0.35 * (lever.high - lever.as_found))
    return plant


@cache
def a_year(name: str, step_s: float) -> tuple[Totals, float]:
    """Totals, and heat stored over the year. [kWh]"""
    plant = begun(name, load_weather("greensboro"), step_s)
    stored = plant.stored_kj()
    plant.step(YEAR_S)
    return plant.totals(), (plant.stored_kj() - stored) / 3600


@pytest.mark.parametrize("name", SITES)
def test_energy_closes_over_a_year(name: str) -> None:
    """Facility energy and what outdoor air brings = what leaves by towers, condensers, vents and recovery,
    and what is stored. Asked: within 0.1 %."""
    t, gained = a_year(name, 60.0)
    assert t.seconds == pytest.approx(YEAR_S)
    assert t.facility_kwh > 1e6
    assert t.unbalanced_kwh == pytest.approx(gained, abs=1e-6 * t.facility_kwh)
    assert_plays_its_part(name, t)


def assert_plays_its_part(name: str, t: Totals) -> None:
    """Each kind of site did what it is there for, or its balance would show nothing."""
    share = t.facility_kwh - t.vented_kwh
    match name:
        case "dx":
            assert t.tower_kwh == 0
            assert t.dx_rejected_kwh > 0.95 * share
        case "air-economizer":
            assert -t.exchange_kwh > 0.3 * share
        case "liquid":
            assert t.recovered_kwh > 0.01 * share
        case _:
            assert t.economizer_kwh > 0.05 * share
            assert t.latent_kwh > 0


@pytest.mark.parametrize("name", SITES)
def test_half_the_step_changes_annual_energy_by_less_than_a_thousandth(name: str) -> None:
    coarse, fine = a_year(name, 120.0)[0], a_year(name, 60.0)[0]
    assert coarse.facility_kwh == pytest.approx(fine.facility_kwh, rel=1e-3)
    assert coarse.cooling_kwh == pytest.approx(fine.cooling_kwh, rel=5e-3)
