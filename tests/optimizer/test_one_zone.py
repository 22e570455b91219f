"""The least site there can be: one room, one lever, no machine with a meter of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from played_site import PlayedSite, example, taught

from optimizer.commissioning import commissioning_plan
from optimizer.identify import identify
from optimizer.mpc import MpcPolicy
from plant.setpoints import LeverId

JULY = datetime(2025, 7, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def hall() -> PlayedSite:
    return PlayedSite.of("one-zone", JULY, 1.0, 1.0)


def test_the_buildings_meter_teaches_what_the_units_draw(hall: PlayedSite) -> None:
    model = hall.model
    assert model.trusts("room.dx")
    assert model.trusts("room.inlets")
    assert any("fan speed stayed" in why for why in model.disqualified)


def test_one_setpoint_saves_energy_and_keeps_the_racks_cool(hall: PlayedSite) -> None:
    planned = hall.day(MpcPolicy(hall.site, hall.model), decide_s=7200)
    hall.assert_pays(planned, least_kwh=10)
    assert all("room.supply-air" in a.setpoints for a in planned.answers)


def test_a_room_that_was_never_stepped_says_so_and_what_to_step() -> None:
    site = example("one-zone")
    still = taught(site, JULY, 0.6, 0.0)
    model = identify(still, at=still.end)
    assert LeverId("room.supply-air") in commissioning_plan(site, model).lessons
