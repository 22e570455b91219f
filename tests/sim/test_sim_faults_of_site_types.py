"""Machines only some sites have, broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from plant.site import Site
from plant.site_file import load_site
from sim.faults import KINDS, FaultyPlant, Place, check_target, make_fault
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather
from sim.workload import ConstantWorkload

START = datetime(2026, 7, 20, tzinfo=UTC)
HOURS = 2


def example(name: str) -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / f"{name}.yaml")


def pair(
    name: str,
    kind: str,
    target: str,
    magnitude: float | None = None,
    dry_c: float = 28.0,
    wet_c: float = 21.0,
    lever: tuple[str, float] | None = None,
) -> tuple[SimulatedPlant, SimulatedPlant]:
    """A plant broken for two hours, and its healthy twin."""
    site = example(name)
    healthy, broken = (
        SimulatedPlant(
            site,
            None,
            ConstantWeather(dry_c, wet_c),
            ConstantWorkload((0.7,) * len(site.zones)),
            1,
            compiled=True,
        )
        for _ in range(2)
    )
    fault = make_fault(kind, START, START + timedelta(days=1), target, magnitude)
    check_target(fault, site)
    faulty = FaultyPlant(broken, site, [fault], 1)
    healthy.reset(START)
    faulty.reset(START)
    if lever is not None:
        point = next(lv for lv in site.levers if lv.id == lever[0]).points[0]
        for plant in (healthy, broken):
            plant.write(point, lever[1])
    healthy.step(HOURS * 3600)
    faulty.advance([], HOURS * 3600)
    return broken, healthy


def warmer(broken: SimulatedPlant, healthy: SimulatedPlant) -> np.ndarray:
    return broken.true_inlets_c().max(axis=-1) - healthy.true_inlets_c().max(axis=-1)


@pytest.mark.parametrize("kind", ["failed_fan", "compressor_trip"])
def test_a_dead_dx_unit_warms_its_own_zone(kind: str) -> None:
    rise = warmer(*pair("dx", kind, "dx-1"))
    assert rise[0] > 0.3
    assert abs(rise[1]) < 0.1


def test_a_fouled_dx_condenser_costs_energy() -> None:
    broken, healthy = pair("dx", "fouled_dx_condenser", "*", 0.3)
    assert broken.totals().cooling_kwh > 1.1 * healthy.totals().cooling_kwh


def test_a_damper_stuck_open_lets_the_heat_in() -> None:
    broken, healthy = pair("air-economizer", "stuck_damper", "outdoor-air-a", 1.0, 36.0, 24.0)
    assert broken.totals().exchange_kwh > healthy.totals().exchange_kwh + 100
    assert broken.totals().cooling_kwh > healthy.totals().cooling_kwh + 5


def test_a_locked_air_economizer_stays_shut_in_cool_weather() -> None:
    broken, healthy = pair("air-economizer", "economizer_lockout", "outdoor-air-*", None, 12.0, 8.0)
    assert float(healthy.image.loops.damper.min()) > 0.2
    assert float(broken.image.loops.damper.max()) == 0.0


def test_a_weak_liquid_pump_warms_the_returning_liquid() -> None:
    broken, healthy = pair("liquid", "liquid_pump_trip", "cdu-1", 0.6)
    assert float(broken.image.flows.liquid_return_c[0]) > float(healthy.image.flows.liquid_return_c[0]) + 5


def test_a_fouled_distribution_unit_cannot_hold_its_temperature() -> None:
    broken, healthy = pair("liquid", "fouled_coil", "cdu-1", 0.95)
    assert float(broken.image.state.liquid_c[0]) > float(healthy.image.state.liquid_c[0]) + 0.5


def test_a_shut_tank_does_not_follow_its_lever() -> None:
    broken, healthy = pair("storage", "tank_valve_shut", "tank-1", lever=("tank-1.rate", 200.0))
    assert float(broken.image.flows.tank_kw[0]) == 0.0
    assert float(healthy.image.flows.tank_kw[0]) > 150


def test_a_tripped_heat_pump_hands_nothing_over() -> None:
    broken, healthy = pair("liquid", "heat_pump_trip", "*", None, 0.0, -2.0)
    assert broken.totals().recovered_kwh == 0
    assert healthy.totals().recovered_kwh > 50


@pytest.mark.parametrize("name", ["storage", "dx", "air-economizer", "liquid"])
def test_every_machine_fault_that_fits_a_site_plays_on_it_and_closes(name: str) -> None:
    """All at once on one plant: whatever breaks, heat does not appear or vanish."""
    site = example(name)
    plant = SimulatedPlant(site, None, ConstantWeather(24, 18), ConstantWorkload((0.5,) * len(site.zones)), 1)
    own = {e.kind for e in site.equipment}
    rows = [k for k in KINDS.values() if k.place is Place.ROOM or own & set(k.machines)]
    soft = [k for k in rows if k.name not in ("chiller_trip", "failed_fan", "compressor_trip")]
    faults = [make_fault(k.name, START, START + timedelta(hours=1), "*") for k in soft]
    for fault in faults:
        check_target(fault, site)
    faulty = FaultyPlant(plant, site, faults, 1)
    faulty.reset(START)
    stored = plant.stored_kj()
    faulty.advance([], 1800)
    t = plant.totals()
    assert len(faults) >= 4
    assert t.unbalanced_kwh == pytest.approx((plant.stored_kj() - stored) / 3600, abs=1e-6 * t.facility_kwh)
