"""The least site there can be: one room, one lever, no machine with a meter of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from played_site import a_day, example, taught

from optimizer.baselines import FixedPolicy
from optimizer.commissioning import commissioning_plan
from optimizer.identify import identify
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from plant.history import History
from plant.setpoints import LeverId
from plant.site import Site

JULY = datetime(2025, 7, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def site() -> Site:
    return example("one-zone")


@pytest.fixture(scope="module")
def past(site: Site) -> History:
    return taught(site, JULY, 1.0, 1.0)


@pytest.fixture(scope="module")
def model(past: History) -> PlantModel:
    return identify(past, at=past.end)


def test_the_buildings_meter_teaches_what_the_units_draw(model: PlantModel) -> None:
    assert model.trusts("room.dx")
    assert model.trusts("room.inlets")
    assert any("fan speed stayed" in why for why in model.disqualified)


def test_one_setpoint_saves_energy_and_keeps_the_racks_cool(
    site: Site, past: History, model: PlantModel
) -> None:
    planned = a_day(site, MpcPolicy(site, model), past, model, JULY, decide_s=7200)
    fixed = a_day(site, FixedPolicy(site), past, model, JULY, decide_s=21_600)
    assert planned.facility_kwh < fixed.facility_kwh - 10
    assert planned.violation_minutes == 0.0
    assert planned.worst_inlet_c < 27.0
    assert all("room.supply-air" in a.setpoints for a in planned.answers)


def test_a_room_that_was_never_stepped_says_so_and_what_to_step(site: Site) -> None:
    still = taught(site, JULY, 0.6, 0.0)
    model = identify(still, at=still.end)
    assert LeverId("room.supply-air") in commissioning_plan(site, model).lessons
