"""Racks that are too warm are cooled at once, and nothing else is allowed by that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.clock import SimulatedClock
from controller.fallback import FallbackController
from controller.guard import GuardedWriter, Purpose
from controller.rescue import Rescue
from controller.store import Store
from plant.commands import Command, Confirmed, Receipt, Refused
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.site_file import load_site
from plant.snapshot import Snapshot

NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
HOT = OwnerId("zone-b")


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")


def seen(site: Site, worst_c: float, at: datetime = NOW) -> Snapshot:
    """Levers at 24 °C, 55 % and 14 °C; zone-b's warmest sensor as told, all others at 23 °C."""
    values: dict[PointId, float] = {}
    for point in site.points:
        match point.quantity:
            case Quantity.INLET_TEMPERATURE:
                values[point.id] = worst_c if point.id == "zone-b.inlet-3" else 23.0
            case Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT:
                values[point.id] = 24.0
            case Quantity.FAN_SPEED_SETPOINT:
                values[point.id] = 0.55
            case Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT:
                values[point.id] = 14.0
            case Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT:
                values[point.id] = 25.0
    return Snapshot(site, at, {p: Reading(p, at, v, Quality.GOOD) for p, v in values.items()})


class Wire:
    def __init__(self) -> None:
        self.heard: list[Command] = []

    async def write(self, commands: Sequence[Command]) -> list[Receipt]:
        self.heard += commands
        return [Confirmed(c, c.value) for c in commands]


def guarded(site: Site, wire: Wire) -> GuardedWriter:
    return GuardedWriter(wire, site, SimulatedClock(NOW), Store("sqlite://"), stopped=lambda: False)


def test_one_sensor_over_the_limit_is_enough(site: Site) -> None:
    rescue = Rescue(site)
    rescue.see(seen(site, 26.9), NOW)
    assert not rescue.zones
    rescue.see(seen(site, 27.5), NOW)
    assert rescue.zones == {HOT}


def test_it_lasts_until_the_zone_was_clearly_cool_for_an_hour(site: Site) -> None:
    rescue = Rescue(site)
    rescue.see(seen(site, 27.5), NOW)
    for minutes, worst, active in ((30, 26.5, True), (31, 25.0, True), (80, 25.0, True), (92, 25.0, False)):
        at = NOW + timedelta(minutes=minutes)
        rescue.see(seen(site, worst, at), at)
        assert (HOT in rescue.zones) is active, minutes


def test_warm_again_on_the_same_day_is_believed_for_longer(site: Site) -> None:
    rescue = Rescue(site)
    for hours, worst in ((0, 27.5), (1, 25.0), (2.5, 25.0), (4, 27.5), (5, 25.0), (10, 25.0)):
        at = NOW + timedelta(hours=hours)
        rescue.see(seen(site, worst, at), at)
    assert rescue.zones == {HOT}


def test_an_unseen_zone_is_not_let_go(site: Site) -> None:
    rescue = Rescue(site)
    rescue.see(seen(site, 27.5), NOW)
    later = NOW + timedelta(hours=5)
    rescue.see(Snapshot(site, later, {}), later)
    assert rescue.zones == {HOT}


async def test_the_zone_is_cooled_four_moves_at_a_time_and_no_other(site: Site) -> None:
    wire = Wire()
    snapshot = seen(site, 28.0)
    commands = FallbackController(site, None).rescue(snapshot, frozenset({HOT, OwnerId("site")}))
    receipts = await guarded(site, wire).write(commands, snapshot=snapshot, purpose=Purpose.RESCUE)
    assert all(isinstance(r, Confirmed) for r in receipts)
    # By hand: 4 x 0.5 K, 4 x 5 %, 4 x 0.5 K; condenser water does not cool a rack.
    assert {c.point: pytest.approx(c.value) for c in wire.heard} == {
        "crah-3.supply-air.setpoint": 22.0,
        "crah-4.supply-air.setpoint": 22.0,
        "crah-3.fan-speed.setpoint": 0.75,
        "crah-4.fan-speed.setpoint": 0.75,
        "plant.chw-supply.setpoint": 12.0,
    }


@pytest.mark.parametrize(
    ("point", "value"),
    [
        ("crah-3.supply-air.setpoint", 24.5),
        ("crah-3.fan-speed.setpoint", 0.5),
        ("crah-3.supply-air.setpoint", 21.5),
        ("crah-3.supply-air.setpoint", 16.0),
    ],
)
async def test_a_rescue_never_warms_nor_leaps_nor_leaves_the_range(
    site: Site, point: str, value: float
) -> None:
    wire = Wire()
    receipts = await guarded(site, wire).write(
        [Command(PointId(point), value)], snapshot=seen(site, 28.0), purpose=Purpose.RESCUE
    )
    assert isinstance(receipts[0], Refused)
    assert not wire.heard
