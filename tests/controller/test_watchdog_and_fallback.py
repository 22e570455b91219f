"""Signs of life both ways, and what is done without them."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from supervision_kit import A_AIR, A_FAN, START, WATER, FakePlant, Room, demo_site, room

from controller.fallback import FallbackController
from controller.guard import Purpose
from controller.watchdog import DataState, DataWatch, Heartbeat, data_age_s
from plant.forecast import Forecast
from plant.points import OwnerId, PointId
from plant.ports import Advice, PolicyAnswer
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId, Setpoints
from plant.snapshot import Snapshot

SITE = demo_site()
A = OwnerId("zone-a")


async def test_the_heartbeat_counts_up_and_wraps() -> None:
    r = room()
    heart = Heartbeat(r.guard, r.site, r.clock)
    heart.take_over(beating(r, 65_534))
    assert [(await heart.beat()).count for _ in range(3)] == [65_535, 0, 1]
    assert [c.value for c in r.plant.writes] == [65_535.0, 0.0, 1.0]


def beating(r: Room, count: float, echo: float | None = None) -> Snapshot:
    snapshot = r.snapshot()
    point = r.site.points_with(Quantity.HEARTBEAT)[0].id
    readings = {**snapshot.readings, point: Reading(point, r.now, count, Quality.GOOD)}
    if echo is not None:
        back = r.site.points_with(Quantity.HEARTBEAT_ECHO)[0].id
        readings[back] = Reading(back, r.now, echo, Quality.GOOD)
    return Snapshot(r.site, r.now, readings)


async def test_the_first_beat_after_a_restart_is_a_change() -> None:
    r = room()
    heart = Heartbeat(r.guard, r.site, r.clock)
    heart.take_over(beating(r, 41))
    assert (await heart.beat()).count == 42


async def test_a_withheld_heartbeat_writes_nothing() -> None:
    r = room()
    heart = Heartbeat(r.guard, r.site, r.clock)
    heart.withhold("fallback cannot be written")
    assert (await heart.beat()).receipt is None
    assert r.plant.writes == []
    heart.resume()
    assert (await heart.beat()).count == 1


@pytest.mark.parametrize(("echo", "heard"), [(42, True), (39, True), (38, False), (43, False)])
async def test_an_echo_that_lags_too_far_is_lost(echo: int, heard: bool) -> None:
    r = room()
    heart = Heartbeat(r.guard, r.site, r.clock)
    heart.take_over(beating(r, 42))
    assert heart.echoed(beating(r, 42, echo)) is heard


def test_fresh_hold_fallback_by_age() -> None:
    watch = DataWatch(SITE, START)
    safety = SITE.safety
    assert watch.zone(A, START + timedelta(seconds=safety.max_data_age_s)) is DataState.FRESH
    assert watch.zone(A, START + timedelta(seconds=safety.max_data_age_s + 1)) is DataState.HOLD
    late = START + timedelta(seconds=safety.max_data_age_s + safety.hold_s + 1)
    assert watch.zone(A, late) is DataState.FALLBACK
    assert watch.site(late) is DataState.FALLBACK


def test_one_blind_zone_does_not_take_the_site_with_it() -> None:
    watch = DataWatch(SITE, START)
    plant = FakePlant(SITE)
    plant.blind = {p.id for p in SITE.points_of(A, Quantity.INLET_TEMPERATURE)}
    later = START + timedelta(hours=1)
    watch.see(plant.snapshot(later))
    assert watch.zones(later) == {
        "zone-a": DataState.FALLBACK,
        "zone-b": DataState.FRESH,
        "zone-c": DataState.FRESH,
        "zone-d": DataState.FRESH,
    }
    assert watch.site(later) is DataState.FRESH


def test_old_readings_in_new_snapshots_age() -> None:
    watch = DataWatch(SITE, START)
    old = FakePlant(SITE).snapshot(START)
    later = START + timedelta(seconds=200)
    watch.see(Snapshot(SITE, later, old.readings))
    assert watch.zone(A, later) is DataState.HOLD


class Advising:
    """A policy that wants one thing."""

    name = "stub"

    def __init__(self, wanted: dict[LeverId, float]) -> None:
        self._wanted = wanted

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        return Advice(Setpoints(self._wanted), "because")


FORECAST: Forecast = object()  # type: ignore[assignment]


def test_the_policy_leads_where_the_zone_is_seen() -> None:
    fallback = FallbackController(SITE, Advising({A_AIR: 20.0}))
    targets = fallback.targets(FakePlant(SITE).snapshot(START), FORECAST)
    assert targets[A_AIR] == 20.0
    assert targets[A_FAN] == SITE.lever_by_id[A_FAN].fallback


def test_a_blind_zone_and_the_plant_go_to_the_sites_own_values() -> None:
    fallback = FallbackController(
        SITE, Advising({A_AIR: 20.0, WATER: 10.0, LeverId("zone-b.supply-air"): 21.0})
    )
    plant = FakePlant(SITE)
    plant.blind = {p.id for p in SITE.points_of(A, Quantity.INLET_TEMPERATURE)}
    targets = fallback.targets(plant.snapshot(START), FORECAST)
    assert targets[A_AIR] == 18.0
    assert targets[WATER] == 7.0
    assert targets[LeverId("zone-b.supply-air")] == 21.0


def test_a_hot_zone_gets_whichever_cools_more() -> None:
    plant = FakePlant(SITE)
    plant.inlet_c["zone-a"] = 28.0
    warm = FallbackController(SITE, Advising({A_AIR: 20.0, A_FAN: 0.5}))
    cold = FallbackController(SITE, Advising({A_AIR: 17.2, A_FAN: 1.0}))
    assert warm.targets(plant.snapshot(START), FORECAST)[A_AIR] == 18.0
    assert warm.targets(plant.snapshot(START), FORECAST)[A_FAN] == 0.9
    assert cold.targets(plant.snapshot(START), FORECAST)[A_AIR] == 17.2
    assert cold.targets(plant.snapshot(START), FORECAST)[A_FAN] == 1.0


async def test_it_ramps_step_by_step_arrives_and_then_writes_nothing() -> None:
    r = room()
    first, second = SITE.lever_by_id[A_AIR].points
    r.plant.registers[first], r.plant.registers[second] = 20.0, 19.2
    fallback = FallbackController(SITE, None)
    path = []
    for _ in range(6):
        snapshot = r.snapshot()
        commands = fallback.commands(snapshot, None)
        await r.guard.write(commands, snapshot=snapshot, purpose=Purpose.FALLBACK)
        path.append((r.plant.registers[first], r.plant.registers[second]))
        r.clock.forward(300)
    # max_move is 0.5 K a period: four steps for 2 K, three for 1.2 K
    assert [round(a, 6) for a, _ in path] == [19.5, 19.0, 18.5, 18.0, 18.0, 18.0]
    assert [round(b, 6) for _, b in path] == [18.7, 18.2, 18.0, 18.0, 18.0, 18.0]
    assert fallback.arrived(r.snapshot(), None)


def test_held_levers_and_unseen_registers_are_left_alone() -> None:
    plant = FakePlant(SITE)
    for point in SITE.lever_by_id[A_AIR].points:
        plant.registers[point] = 20.0
    plant.blind = {PointId("crah-1.supply-air.setpoint")}
    fallback = FallbackController(SITE, None)
    assert [c.point for c in fallback.commands(plant.snapshot(START), None)] == ["crah-2.supply-air.setpoint"]
    assert fallback.commands(plant.snapshot(START), None, held=frozenset({A_AIR})) == []
    assert fallback.commands(plant.snapshot(START), None, owners=frozenset({OwnerId("zone-b")})) == []


def test_a_hot_zone_that_is_already_colder_than_its_target_is_not_warmed() -> None:
    plant = FakePlant(SITE)
    plant.inlet_c["zone-a"] = 28.0
    for point in SITE.lever_by_id[A_AIR].points:
        plant.registers[point] = 17.0
    for point in SITE.lever_by_id[A_FAN].points:
        plant.registers[point] = 1.0
    for point in SITE.lever_by_id[LeverId("plant.condenser-water")].points:
        plant.registers[point] = 20.0
    # the site's fallback is 18 °C, 90 % and 24 °C: each of them would cool less than now
    commands = FallbackController(SITE, None).commands(plant.snapshot(START), None)
    assert commands == []


def test_a_blind_zone_still_goes_to_the_sites_own_value_from_either_side() -> None:
    plant = FakePlant(SITE)
    for point in SITE.lever_by_id[A_AIR].points:
        plant.registers[point] = 17.0
    plant.blind = {p.id for p in SITE.points_of(A, Quantity.INLET_TEMPERATURE)}
    commands = FallbackController(SITE, None).commands(plant.snapshot(START), None)
    assert {(c.point, c.value) for c in commands} == {
        ("crah-1.supply-air.setpoint", 17.5),
        ("crah-2.supply-air.setpoint", 17.5),
    }


def test_the_age_of_data_is_that_of_its_oldest_zone_and_not_of_the_picture() -> None:
    """A snapshot is put together anew each time: its own time says nothing of what is in it."""
    at = START + timedelta(seconds=300)
    readings = dict(FakePlant(SITE).snapshot(at).readings)
    first = [p.id for p in SITE.points_of(SITE.zones[0].id, Quantity.INLET_TEMPERATURE)]
    for point in first:
        readings[point] = Reading(point, at - timedelta(seconds=90), 22.0, Quality.GOOD)
    assert data_age_s(Snapshot(SITE, at, readings), at) == 90.0
    readings[first[0]] = Reading(first[0], at, 22.0, Quality.GOOD)
    assert data_age_s(Snapshot(SITE, at, readings), at) == 90.0, "one fresh sensor does not see a zone"
    for point in first:
        readings[point] = Reading(point, at - timedelta(seconds=900), 22.0, Quality.STALE)
    assert math.isnan(data_age_s(Snapshot(SITE, at, readings), at)), (
        "what is stale is not old: it is not seen"
    )
