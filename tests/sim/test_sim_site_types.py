"""Each kind of site answers to its own levers the way its machines would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from plant.commands import Command
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality
from plant.site import EquipmentKind, Nameplate, Site
from plant.site_file import load_site
from sim.derive import derive_parameters
from sim.instruments import METER_CLASS
from sim.plant import SimulatedPlant
from sim.ride_through import ride_through
from sim.weather import ConstantWeather
from sim.workload import ConstantWorkload

START = datetime(2026, 7, 20, tzinfo=UTC)
HOUR = 3600.0
Maker = Callable[..., SimulatedPlant]


def example(name: str) -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / f"{name}.yaml")


def steady(site: Site, dry_c: float = 28.0, wet_c: float = 21.0, work: float = 0.6) -> SimulatedPlant:
    weather, load = ConstantWeather(dry_c, wet_c), ConstantWorkload((work,) * len(site.zones))
    plant = SimulatedPlant(site, None, weather, load, 1, compiled=True)
    plant.reset(START)
    return plant


def put(plant: SimulatedPlant, lever: str, value: float, hours: float = 0.0) -> SimulatedPlant:
    found = next(lv for lv in plant.site.levers if lv.id == lever)
    for point in found.points:
        plant.write(point, value)
    plant.step(hours * HOUR)
    return plant


def said(plant: SimulatedPlant, point: str) -> float:
    return next(r.value for r in plant.readings() if r.point == point)


def cooling_kw(plant: SimulatedPlant) -> float:
    return float(plant.image.flows.cooling_kw)


@pytest.mark.parametrize("name", ["storage", "dx", "air-economizer", "liquid"])
def test_every_point_of_every_example_is_measured(name: str) -> None:
    plant = steady(example(name))
    assert {r.quality for r in plant.readings()} == {Quality.GOOD}
    assert plant.true_inlets_c().max() < 27


@pytest.mark.parametrize("name", ["storage", "dx", "air-economizer", "liquid"])
def test_a_silent_supervisor_gives_every_lever_back(name: str) -> None:
    plant = steady(example(name))
    for lever in plant.site.levers:
        put(plant, lever.id, lever.low + 0.5 * (lever.high - lever.low))
    plant.advance([Command(PointId("heartbeat"), 1)], 300)
    plant.step(2 * HOUR)
    assert plant.local_control
    for lever in plant.site.levers:
        assert plant.register(lever.points[0]) == pytest.approx(lever.fallback)


# -- storage --------------------------------------------------------------------------------------


def test_charging_fills_the_tank_and_costs_chiller_power_now() -> None:
    plant = steady(example("storage"))
    before, power = said(plant, "tank-1.charge"), float(plant.image.flows.chiller_kw.sum())
    put(plant, "tank-1.rate", 200.0, 2)
    assert said(plant, "tank-1.rate") == pytest.approx(200.0, rel=0.05)
    # 200 kW for two hours into 2400 kWh, less the two minutes of slewing.
    assert said(plant, "tank-1.charge") - before == pytest.approx(400 / 2400, abs=0.04)
    assert float(plant.image.flows.chiller_kw.sum()) > power + 20


def test_discharging_empties_it_and_saves_chiller_power_now() -> None:
    plant = steady(example("storage"))
    before, power = said(plant, "tank-1.charge"), float(plant.image.flows.chiller_kw.sum())
    put(plant, "tank-1.rate", -200.0, 2)
    assert said(plant, "tank-1.charge") < before - 0.1
    assert float(plant.image.flows.chiller_kw.sum()) < power - 20
    assert plant.true_inlets_c().max() < 25


def test_a_full_tank_takes_no_more_and_an_empty_one_gives_none() -> None:
    for rate in (400.0, -400.0):
        plant = put(steady(example("storage")), "tank-1.rate", rate, 30)
        assert abs(said(plant, "tank-1.rate")) < 15
        assert 0.0 <= float(plant.image.state.tank.cold_share[0]) <= 1.0
        assert plant.true_inlets_c().max() < 25


def test_no_more_chillers_run_than_a_supervisor_allows() -> None:
    plant = steady(example("storage"), work=0.95)
    assert float(plant.image.loops.stage) == 2
    put(plant, "plant.chillers-enabled", 1, 1)
    assert float(plant.image.loops.stage) == 1


def test_the_plant_overrides_a_supervisor_who_forbids_all_cooling() -> None:
    plant = put(steady(example("storage"), work=0.9), "plant.chillers-enabled", 0, 6)
    assert float(plant.image.state.chilled_c) < 7 + 5
    assert plant.true_inlets_c().max() < 27


def test_a_machine_stays_off_for_its_minimum_time() -> None:
    site = example("storage")
    slow = tuple(
        replace(e, run=replace(e.run, min_off_s=5400.0)) if e.kind is EquipmentKind.CHILLER else e
        for e in site.equipment
    )
    ran = []
    for one in (site, replace(site, equipment=slow)):
        plant = put(steady(one, work=0.95), "plant.chillers-enabled", 1, 1)
        put(plant, "plant.chillers-enabled", 2)
        begun = plant.image.unix_s
        while float(plant.image.loops.stage) < 2 and plant.image.unix_s < begun + 4 * HOUR:
            plant.step(60)
        ran.append(plant.image.unix_s - begun)
    assert ran[1] > ran[0] + 1200


def test_the_water_side_economizer_obeys_its_lever() -> None:
    plant = put(steady(example("storage"), 3.0, 1.0), "plant.chilled-water", 14, 4)
    assert float(plant.image.flows.economizer_kw) > 200
    put(plant, "economizer-1.enable", 0, 1)
    assert float(plant.image.flows.economizer_kw) == 0


def test_primary_and_secondary_pumps() -> None:
    """The first of two pump entries is the chillers' own circuit; beyond its flow, supply water warms."""
    site = example("storage")
    pump = next(e for e in site.equipment if e.kind is EquipmentKind.CHILLED_WATER_PUMP)
    primary = replace(pump, id=OwnerId("primary"), nameplate=Nameplate(power_kw=6.0))
    two = replace(site, equipment=(primary, *site.equipment))
    plant = steady(two, work=0.95)
    kw = float(plant.image.flows.chilled_pump_kw)
    assert float(plant.image.loops.stage) == 2
    put(plant, "plant.chillers-enabled", 1, 1)
    # One of two primary pumps off; the coils' own demand stays or grows.
    assert float(plant.image.flows.chilled_kg_s) > 17.0
    assert float(plant.image.state.flow_pipe_c[0]) > float(plant.image.state.chilled_c) + 0.2
    assert kw > 6.0


# -- DX -----------------------------------------------------------------------------------------------


def test_a_dx_site_holds_its_supply_air_and_has_no_water() -> None:
    plant = steady(example("dx"))
    np.testing.assert_allclose(plant.image.state.supply_c, 17.0, atol=0.2)
    assert plant.totals().water_l == 0
    assert float(plant.image.flows.tower_heat_kw) == 0


def test_warmer_air_and_cooler_weather_save_compressor_power() -> None:
    hot, mild = (cooling_kw(steady(example("dx"), dry, dry - 6)) for dry in (38.0, 20.0))
    assert hot > 1.25 * mild
    # Cool supply air leaves these coils at the edge of their fit; from there warm air helps.
    cool = steady(example("dx"))
    for z in ("zone-a", "zone-b"):
        put(cool, f"{z}.supply-air", 18)
    cool.step(2 * HOUR)
    warm = steady(example("dx"))
    for z in ("zone-a", "zone-b"):
        put(warm, f"{z}.supply-air", 23)
    warm.step(2 * HOUR)
    assert cooling_kw(warm) < cooling_kw(cool)


def test_water_and_dx_units_share_a_site() -> None:
    site = example("storage")
    mixed = replace(
        site,
        equipment=tuple(
            replace(e, kind=EquipmentKind.DX_UNIT) if e.id == "crah-4" else e for e in site.equipment
        ),
    )
    plant = steady(mixed)
    before = plant.stored_kj()
    plant.begin_scoring()
    plant.step(4 * HOUR)
    t = plant.totals()
    assert t.dx_rejected_kwh > 100
    assert t.tower_kwh > 100
    assert t.unbalanced_kwh == pytest.approx((plant.stored_kj() - before) / 3600, abs=1e-6 * t.facility_kwh)


# -- outdoor air ----------------------------------------------------------------------------------------


def damper(plant: SimulatedPlant) -> float:
    return float(plant.image.loops.damper.mean())


def test_cool_dry_weather_opens_the_dampers_and_rests_the_chillers() -> None:
    plant = steady(example("air-economizer"), 12.0, 8.0)
    plant.step(4 * HOUR)
    assert damper(plant) > 0.2
    assert float(plant.image.flows.chiller_heat_kw.sum()) < 60
    assert plant.image.flows.exchange_kw < -200


def test_hot_or_humid_weather_keeps_them_shut() -> None:
    assert damper(steady(example("air-economizer"), 36.0, 20.0)) == pytest.approx(0.0, abs=1e-6)
    # 21 °C and nearly saturated: cooler than the return, but a dew point of 20 °C.
    assert damper(steady(example("air-economizer"), 21.0, 20.5)) == pytest.approx(0.0, abs=1e-6)


def test_air_too_dry_for_the_room_is_not_let_in() -> None:
    """The humidifier is off: what leaks in dries the room as it is, the dampers add nothing to it."""
    dry = steady(example("air-economizer"), -10.0, -11.6)
    assert said(dry, "zone-a.dew-point") < -9
    assert damper(dry) == pytest.approx(0.0, abs=1e-6)
    assert damper(steady(example("air-economizer"), 2.0, 0.0)) > 0.2


def test_the_outdoor_air_lever_shuts_the_dampers_of_its_zone() -> None:
    plant = steady(example("air-economizer"), 12.0, 8.0)
    put(plant, "outdoor-air-a.enable", 0, 1)
    put(plant, "outdoor-air-b.enable", 1, 1)
    a, b = plant.image.loops.damper
    assert float(a) == pytest.approx(0.0, abs=1e-6)
    assert float(b) > 0.2


def test_humid_rooms_cost_latent_heat() -> None:
    site = example("storage")
    humid, dry = (steady(site, 30.0, wet) for wet in (27.5, 16.0))
    for plant in (humid, dry):
        plant.begin_scoring()
        plant.step(6 * HOUR)
    assert humid.totals().latent_kwh > 5
    assert dry.totals().latent_kwh == pytest.approx(0.0, abs=0.5)
    assert said(humid, "zone-a.dew-point") > said(dry, "zone-a.dew-point")


# -- liquid -----------------------------------------------------------------------------------------------


def test_liquid_takes_its_share_of_the_heat_and_holds_its_temperature() -> None:
    plant = put(steady(example("liquid")), "cdu-1.liquid-supply", 38, 3)
    assert said(plant, "cdu-1.liquid-supply") == pytest.approx(38.0, abs=0.3)
    zone_kw = said(plant, "zone-b.it-power")
    assert said(plant, "cdu-1.heat") == pytest.approx(0.8 * zone_kw, rel=0.05)
    rise = said(plant, "cdu-1.liquid-return") - said(plant, "cdu-1.liquid-supply")
    flow = said(plant, "cdu-1.liquid-flow") * 998 * 4.186
    assert flow * rise == pytest.approx(said(plant, "cdu-1.heat"), rel=0.05)


def test_warmer_liquid_saves_pumping_and_lifts_recovery() -> None:
    cold, warm = (
        put(steady(example("liquid"), 0.0, -2.0), "cdu-1.liquid-supply", c, 3).image.flows for c in (27, 42)
    )
    assert float(warm.liquid_kw.sum()) < float(cold.liquid_kw.sum())
    assert float(warm.recovered_kw) > 50
    # Each kilowatt handed over takes less electricity.
    assert warm.recovery_kw / warm.recovered_kw < cold.recovery_kw / np.maximum(cold.recovered_kw, 1e-9)


def test_work_put_off_is_run_later_and_none_is_lost() -> None:
    plant = steady(example("liquid"), work=0.6)
    before = float(plant.image.flows.zone_it_kw[1])
    put(plant, "zone-b.deferred", 100, 2)
    assert float(plant.image.flows.zone_it_kw[1]) == pytest.approx(before - 100, rel=0.03)
    assert float(plant.image.state.waiting_kwh[1]) == pytest.approx(200, rel=0.03)
    put(plant, "zone-b.deferred", 0, 1)
    assert float(plant.image.flows.zone_it_kw[1]) > before + 20
    plant.step(12 * HOUR)
    assert float(plant.image.state.waiting_kwh[1]) < 1


def test_nothing_is_recovered_when_nobody_heats() -> None:
    assert float(steady(example("liquid"), 25.0, 18.0).image.flows.recovered_kw) == 0


# -- what all have ----------------------------------------------------------------------------------------


def test_merkels_towers_play_and_close_like_yorks() -> None:
    site = example("storage")
    parameters = derive_parameters(site, 1, merkel_towers=True)
    plant = SimulatedPlant(site, parameters, ConstantWeather(26, 20), ConstantWorkload((0.6, 0.6)), 1)
    plant.reset(START)
    stored = plant.stored_kj()
    plant.step(2 * HOUR)
    t = plant.totals()
    assert t.unbalanced_kwh == pytest.approx((plant.stored_kj() - stored) / 3600, abs=1e-6 * t.facility_kwh)
    york = steady(site, 26.0, 20.0)
    assert cooling_kw(plant) == pytest.approx(cooling_kw(york), rel=0.05)


def test_meters_stay_within_their_class() -> None:
    site = example("storage")
    powers = [i for i, p in enumerate(site.points) if p.quantity is Quantity.POWER]
    meter = next(i for i, p in enumerate(site.points) if p.quantity is Quantity.FACILITY_POWER)
    weather, load = ConstantWeather(25, 18), ConstantWorkload((0.5, 0.5))
    plants = [SimulatedPlant(site, None, weather, load, seed) for seed in range(12)]
    off = 100 * np.array([plant.instruments.bias_rel for plant in plants])
    assert np.abs(off[:, meter]).max() <= METER_CLASS[Quantity.FACILITY_POWER]
    assert np.abs(off[:, powers]).max() <= METER_CLASS[Quantity.POWER]
    assert off[:, powers].std() > 0.3


def test_chillers_of_different_size_carry_what_they_can() -> None:
    plant = steady(example("storage"), work=0.95)
    heat = plant.image.flows.chiller_heat_kw
    assert float(heat[0] / heat[1]) == pytest.approx(600 / 350, rel=0.01)


def test_battery_and_generator_only_limit_the_ride_through() -> None:
    plant = steady(example("liquid"))
    ride = ride_through(plant.site, plant.image.flows)
    critical_kw = float(plant.image.flows.facility_kw - plant.image.flows.cooling_kw)
    # 200 kWh rated at 1200 kW, Peukert 1.15; the 1600 kW generator carries all in half a minute.
    assert ride.battery_s == pytest.approx(600 * (1200 / critical_kw) ** 1.15)
    assert ride.holds
    assert ride.uncooled_s == 30.0
    bare = ride_through(example("storage"), plant.image.flows)
    assert not bare.holds
    assert bare.battery_s == 0.0
    assert bare.uncooled_s == np.inf
