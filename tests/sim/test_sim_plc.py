from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from plant.commands import Command
from plant.points import PointId
from plant.quantities import Quantity
from plant.site import Site
from sim import serve
from sim.plant import SimulatedPlant
from sim.serve import LivePlants

PlantMaker = Callable[..., SimulatedPlant]
START = datetime(2026, 7, 20, tzinfo=UTC)
HEARTBEAT = PointId("heartbeat")
SUPPLY = PointId("crah-1.supply-air.setpoint")
CHILLED = PointId("plant.chw-supply.setpoint")


def value(plant: SimulatedPlant, point: str) -> float:
    return next(r.value for r in plant.readings() if r.point == point)


def lever_values(plant: SimulatedPlant) -> dict[str, float]:
    return {lever.id: plant.register(lever.points[0]) for lever in plant.site.levers}


def beat(plant: SimulatedPlant, count: int, seconds: float = 30.0) -> None:
    plant.advance([Command(HEARTBEAT, count)], seconds)


def test_registers_begin_where_the_site_was_found(steady: PlantMaker, demo: Site) -> None:
    assert lever_values(steady()) == {lever.id: pytest.approx(lever.as_found) for lever in demo.levers}


def test_a_written_setpoint_is_read_back_at_once_and_approached_slowly(steady: PlantMaker) -> None:
    plant = steady()
    plant.advance([Command(SUPPLY, 22.0)], 60)
    assert value(plant, SUPPLY) == pytest.approx(22.0)
    assert plant.image.plc.active.supply_air_c[0] == pytest.approx(18.5)
    assert plant.image.plc.active.supply_air_c[1] == pytest.approx(18.0)
    plant.advance([], 600)
    assert plant.image.plc.active.supply_air_c[0] == pytest.approx(22.0)


def test_values_beyond_its_clamps_are_not_taken_as_they_are(steady: PlantMaker) -> None:
    plant = steady()
    assert not plant.program.in_range(SUPPLY, 40.0)
    plant.write(SUPPLY, 40.0)
    assert plant.register(SUPPLY) == 27.0


def test_every_levers_whole_range_fits_inside_the_clamps(steady: PlantMaker, demo: Site) -> None:
    program = steady().program
    for lever in demo.levers:
        for point in lever.points:
            assert program.in_range(point, lever.low)
            assert program.in_range(point, lever.high)


def test_a_silent_supervisor_leads_to_local_control_and_safe_setpoints(
    steady: PlantMaker, demo: Site, set_levers: Callable[..., None]
) -> None:
    plant = steady(heartbeat_timeout_s=150.0)
    set_levers(plant, 24, 0.8, 12, 27)
    for count in range(1, 21):
        beat(plant, count)
    assert not plant.local_control
    assert value(plant, "heartbeat-echo") == 20
    plant.advance([], 150)
    assert plant.local_control
    assert value(plant, "local-control") == 1
    assert lever_values(plant) == {lever.id: pytest.approx(lever.fallback) for lever in demo.levers}
    plant.advance([], 2 * 3600)
    np.testing.assert_allclose(plant.image.state.supply_c, 18.0, atol=0.1)
    assert plant.true_inlets_c().max() < 22


def test_the_dead_man_fires_at_its_time_within_one_long_advance(
    steady: PlantMaker, set_levers: Callable[..., None]
) -> None:
    """Not a step earlier or later than when time passes step by step."""
    long, short = steady(heartbeat_timeout_s=150.0), steady(heartbeat_timeout_s=150.0)
    for plant in (long, short):
        set_levers(plant, 22, 0.8, 10)
        plant.step(1800)
        plant.advance([Command(HEARTBEAT, 1)], 60)
    long.step(240)
    for _ in range(8):
        short.step(30)
    assert long.local_control
    np.testing.assert_allclose(
        long.image.plc.active.supply_air_c, short.image.plc.active.supply_air_c, rtol=0, atol=1e-12
    )
    # Silent for 150 s after 60: five more steps of ramping down from 22 °C at 0.5 K a minute.
    assert long.image.plc.active.supply_air_c[0] == pytest.approx(22 - 6 * 0.25)


def test_local_control_ramps_and_does_not_jump(steady: PlantMaker, set_levers: Callable[..., None]) -> None:
    plant = steady(heartbeat_timeout_s=150.0)
    set_levers(plant, 24)
    for count in range(1, 31):
        beat(plant, count)
    plant.advance([], 150)
    before = plant.image.plc.active.supply_air_c.copy()
    plant.advance([], 60)
    assert (before - plant.image.plc.active.supply_air_c).max() <= 0.5 + 1e-9


def test_it_returns_to_remote_only_on_a_heartbeat_and_a_new_setpoint(steady: PlantMaker) -> None:
    plant = steady(heartbeat_timeout_s=150.0)
    beat(plant, 1)
    plant.advance([], 300)
    assert plant.local_control
    plant.write(SUPPLY, 22.0)
    assert plant.register(SUPPLY) == 18.0
    assert plant.local_control, "a setpoint without a heartbeat is not a supervisor"
    beat(plant, 2)
    assert plant.local_control, "a heartbeat alone asks for nothing"
    plant.advance([Command(SUPPLY, 22.0)], 30)
    assert not plant.local_control
    assert plant.register(SUPPLY) == 22.0
    assert plant.register(CHILLED) == 7.0


def test_an_unchanging_heartbeat_written_again_and_again_is_silence(steady: PlantMaker) -> None:
    plant = steady(heartbeat_timeout_s=150.0)
    beat(plant, 7)
    for _ in range(6):
        beat(plant, 7)
    assert plant.local_control


def test_without_a_first_heartbeat_nothing_is_supervised(steady: PlantMaker) -> None:
    plant = steady(heartbeat_timeout_s=150.0)
    plant.advance([Command(SUPPLY, 21.0)], 3600)
    assert not plant.local_control
    assert plant.register(SUPPLY) == 21.0


def test_chillers_stage_down_when_free_cooling_does_the_work(
    steady: PlantMaker, set_levers: Callable[..., None]
) -> None:
    plant = steady(dry_c=4.0, wet_c=2.0)
    set_levers(plant, 22, 0.8, 14, 20)
    plant.advance([], 6 * 3600)
    assert float(plant.image.loops.stage) == 0
    assert float(plant.image.state.chilled_c) == pytest.approx(14.0, abs=0.9)


def test_chillers_do_not_start_more_often_than_their_minimum_run_time_allows(
    living: PlantMaker, set_levers: Callable[..., None]
) -> None:
    from datetime import UTC, datetime

    plant = living()
    plant.reset(datetime(2026, 4, 10, tzinfo=UTC))
    set_levers(plant, 22, 0.7, 12, 20)
    stages = []
    for _ in range(288):
        plant.step(300)
        stages.append(float(plant.image.loops.stage))
    changes = np.flatnonzero(np.diff(stages))
    assert (np.diff(changes) * 300 >= 600).all()
    assert len(changes) <= 12


def test_a_setpoint_point_of_a_zone_moves_all_its_crahs(demo: Site, steady: PlantMaker) -> None:
    zone = demo.zones[0].id
    points = demo.points_in(zone, Quantity.FAN_SPEED_SETPOINT)
    plant = steady()
    for point in points:
        plant.write(point.id, 0.6)
    plant.advance([], 600)
    speed = plant.image.plc.active.fan_ratio
    np.testing.assert_allclose(speed, [0.6, 0.6, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])


def test_a_simulator_that_was_held_up_takes_no_beat_in_its_wires_for_silence(steady: PlantMaker) -> None:
    plants = LivePlants(steady(heartbeat_timeout_s=150.0), steady(), START)
    plants.write(HEARTBEAT, 1)
    for _ in range(20):  # an hour to catch up with, at most ten seconds of it with an ear on the wires
        plants.advance_to((plants.controlled.now + timedelta(seconds=180)).timestamp(), listened_s=10.0)
    assert plants.controlled.local_control, "200 s were listened to, and nobody spoke"
    plants.advance_to((plants.controlled.now + timedelta(seconds=180)).timestamp(), listened_s=10.0)
    plants.write(SUPPLY, 22.0)
    assert plants.controlled.local_control, "what was silent enough stays so, however deaf one was since"
    plants.write(HEARTBEAT, 2)
    plants.write(SUPPLY, 22.0)
    for count in range(3, 43):
        plants.advance_to((plants.controlled.now + timedelta(seconds=180)).timestamp(), listened_s=60.0)
        plants.write(HEARTBEAT, count)
    assert not plants.controlled.local_control, "two hours at a beat a minute"


async def test_plant_time_that_is_caught_up_with_was_not_listened_to(
    steady: PlantMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 600 times its pace, with a host that hesitates for four seconds at each of five looks."""
    monkeypatch.setattr(serve, "TICK_WALL_S", 0.0)
    plants = LivePlants(steady(heartbeat_timeout_s=1500.0), steady(), START)
    plants.write(HEARTBEAT, 1)
    stop, wall = asyncio.Event(), itertools.count(0.0, 4.0)
    looks = 0

    def look() -> float:
        nonlocal looks
        looks += 1
        if looks > 6:
            stop.set()
        return next(wall)

    options = serve.ServeOptions(plants.controlled.site, "", START, 1, speed=600.0)
    await serve._run(plants, [], [], options, 0.0, look, stop)
    assert plants.controlled.now == START + timedelta(seconds=6 * 4 * 600)
    assert not plants.controlled.local_control, "six looks of 0.4 s: 1440 s of plant time"
    assert plants.controlled.image.plc.supervision.silent_s == pytest.approx(6 * 0.4 * 600)
