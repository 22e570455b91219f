"""A lever of a machine belongs to the machine's zone: its mode, hold, heat and fallback count for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from supervision_kit import START, FakePlant, demo_site, room

from controller.envelope import review
from controller.fallback import FallbackController
from controller.modes import Mode
from controller.reach import home_of, reaches
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot

EXAMPLES = Path(__file__).parents[2] / "examples"
LIQUID = LeverId("cdu-1.liquid-supply")
"""Of the cooling distribution unit cdu-1, which stands in zone-b."""
TANK = LeverId("tank-1.rate")
"""Of a tank of the plant room."""
B = OwnerId("zone-b")


@pytest.fixture(scope="module")
def liquid() -> Site:
    return load_site(EXAMPLES / "liquid.yaml")


@pytest.fixture(scope="module")
def storage() -> Site:
    return load_site(EXAMPLES / "storage.yaml")


def test_a_machine_is_at_home_in_its_zone_and_a_plant_rooms_everywhere(liquid: Site, storage: Site) -> None:
    assert home_of(liquid, OwnerId("cdu-1")) == "zone-b"
    assert home_of(liquid, B) == "zone-b"
    assert home_of(storage, OwnerId("tank-1")) == SITE
    assert not reaches(liquid, liquid.lever_by_id[LIQUID], ["zone-a"])
    assert reaches(storage, storage.lever_by_id[TANK], ["zone-a"])
    assert not reaches(storage, storage.lever_by_id[TANK], [])


@pytest.mark.parametrize("zone", ["zone-a", "zone-b"])
def test_only_a_zone_in_shadow_closes_the_levers_of_its_machines(liquid: Site, zone: str) -> None:
    r = room(plant=FakePlant(liquid))
    r.modes.change(zone, Mode.SHADOW, by="eve", at=START, reason="pilot")
    assert (LIQUID in r.modes.closed_levers()) == (zone == "zone-b")


def test_a_held_zone_holds_the_levers_of_its_machines(liquid: Site) -> None:
    r = room(plant=FakePlant(liquid))
    r.holds.place("zone-b", reason="belt", by="eve", at=START, until=START + timedelta(hours=1))
    assert LIQUID in r.holds.levers(START)


def dry(site: Site, inlet_c: dict[str, float]) -> Snapshot:
    """The plant with rooms dry enough for any liquid."""
    dew = {p.id: Reading(p.id, START, 8.0, Quality.GOOD) for p in site.points_with(Quantity.ZONE_DEW_POINT)}
    shown = FakePlant(site, inlet_c=inlet_c).snapshot(START)
    return Snapshot(site, START, {**shown.readings, **dew})


def test_while_its_zone_is_hot_a_machines_lever_may_only_cool(liquid: Site) -> None:
    hot, other = ({"zone-b": 28.0}, {"zone-a": 28.0})
    assert not review(liquid, {LIQUID: 31.0}, dry(liquid, hot)).changes
    assert review(liquid, {LIQUID: 29.0}, dry(liquid, hot)).changes
    assert review(liquid, {LIQUID: 31.0}, dry(liquid, other)).changes


def test_while_any_zone_is_hot_a_tank_is_not_charged(storage: Site) -> None:
    # charging takes chilled water from the racks; the rate is positive while it charges
    plant = FakePlant(storage, inlet_c={"zone-a": 28.0})
    assert not review(storage, {TANK: 100.0}, plant.snapshot(START)).changes
    plant.inlet_c = {}
    assert review(storage, {TANK: 100.0}, plant.snapshot(START)).changes


def test_fallback_takes_the_levers_of_machines_along(liquid: Site, storage: Site) -> None:
    plant = FakePlant(liquid)
    plant.registers.update(dict.fromkeys(liquid.lever_by_id[LIQUID].points, 40.0))
    fallback = FallbackController(liquid, None)
    written = {c.point for c in fallback.commands(plant.snapshot(START), None, owners=frozenset({B}))}
    assert set(liquid.lever_by_id[LIQUID].points) <= written
    tank = FakePlant(storage)
    tank.registers.update(dict.fromkeys(storage.lever_by_id[TANK].points, 200.0))
    stopped = frozenset({SITE, *(z.id for z in storage.zones)})
    moves = FallbackController(storage, None).commands(tank.snapshot(START), None, owners=stopped)
    assert {c.point: c.value for c in moves} == dict.fromkeys(storage.lever_by_id[TANK].points, 0.0)


def test_a_rescue_of_the_air_leaves_the_liquid_alone(liquid: Site) -> None:
    plant = FakePlant(liquid, inlet_c={"zone-b": 30.0})
    moves = FallbackController(liquid, None).rescue(plant.snapshot(START), frozenset({B}))
    assert moves
    assert not {c.point for c in moves} & set(liquid.lever_by_id[LIQUID].points)


def test_an_unknown_owner_counts_as_the_plants() -> None:
    site = demo_site()
    lost = replace(site.levers[0], owner=OwnerId("nobody"))
    assert reaches(site, lost, ["zone-d"])
