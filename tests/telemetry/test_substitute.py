"""A last good reading may stand in for weather, load and meters, for as long as the site says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from telemetry_kit import NOON, HandClock, point, small_site

from plant.points import Point
from plant.quantities import FACTS, Quantity, Role
from plant.readings import Quality, Reading, missing
from plant.site import Site
from telemetry.gateways import Field
from telemetry.historian import Historian
from telemetry.poller import Poller
from telemetry.quality import Judge
from telemetry.substitute import SUBSTITUTABLE, Substitute

POWER, INLET = point("power", Quantity.IT_POWER), point("inlet", Quantity.INLET_TEMPERATURE)
READ_BACK = point("read-back", Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
STATED_S = 120.0


def site(substitute_s: float = STATED_S) -> Site:
    plain = small_site([POWER, INLET, READ_BACK])
    return replace(plain, safety=replace(plain.safety, substitute_s=substitute_s))


def after(seconds: float, at: Point = POWER, substitute_s: float = STATED_S) -> Reading:
    """What stands in ``seconds`` after the last good reading of 90."""
    substitute = Substitute(site(substitute_s))
    substitute.remember([Reading(at.id, NOON, 90.0, Quality.GOOD)])
    now = NOON + timedelta(seconds=seconds)
    return substitute.instead_of(missing(at.id, now), now)


def test_within_the_stated_age_the_last_good_value_stands_in_and_says_so() -> None:
    found = after(STATED_S)
    assert (found.value, found.quality, found.time) == (90.0, Quality.SUBSTITUTED, NOON)
    assert found.usable


def test_beyond_the_stated_age_nothing_stands_in() -> None:
    assert after(STATED_S + 1).quality is Quality.MISSING


def test_a_site_that_states_no_age_gets_no_substitutes() -> None:
    assert after(1, substitute_s=0).quality is Quality.MISSING
    assert small_site([]).safety.substitute_s == 0


@pytest.mark.parametrize("kept", [INLET, READ_BACK], ids=["inlet", "read-back"])
def test_an_inlet_and_a_setpoint_read_back_are_never_substituted(kept: Point) -> None:
    assert after(1, kept).quality is Quality.MISSING


def test_nothing_that_keeps_a_rack_safe_may_be_substituted() -> None:
    assert all(FACTS[quantity].role is Role.SENSOR for quantity in SUBSTITUTABLE)
    assert not SUBSTITUTABLE & {Quantity.INLET_TEMPERATURE, Quantity.SUPPLY_AIR_TEMPERATURE}


def test_a_good_reading_is_left_alone_and_a_substitute_is_not_remembered() -> None:
    substitute = Substitute(site())
    fresh = Reading(POWER.id, NOON, 90.0, Quality.GOOD)
    substitute.remember([fresh])
    assert substitute.instead_of(fresh, NOON) is fresh
    later = NOON + timedelta(seconds=100)
    substitute.remember([substitute.instead_of(missing(POWER.id, later), later)])
    beyond = NOON + timedelta(seconds=STATED_S + 1)
    assert not substitute.instead_of(missing(POWER.id, beyond), beyond).usable


async def test_a_substitute_reaches_the_snapshot_and_history_as_estimated() -> None:
    clock, history = HandClock(), Historian("sqlite://")
    gateway = Silent()
    poller = Poller(site(), Field(site(), [gateway]), Judge(site()), clock, history, store_s=0)
    await poller.poll()
    gateway.silent = True
    clock.pass_s(60)
    snapshot = await poller.poll()
    assert snapshot.reading(POWER.id).quality is Quality.SUBSTITUTED
    assert snapshot.age_s(POWER.id) == 60, "its age is that of the reading it repeats"
    assert snapshot.reading(INLET.id).quality is Quality.MISSING
    stored = history.samples([POWER.id], NOON, NOON + timedelta(minutes=2))[POWER.id]
    assert stored.value.tolist() == [90.0, 90.0]
    kept = history.history(site(), NOON, NOON + timedelta(minutes=2), 60)
    assert kept.values["power"].tolist() == [90.0, 90.0]
    measured = kept.measured_share["power"].to_numpy()
    assert measured[0] > 0, "the good reading is still there as it came"
    assert measured[1] == 0, "what stands in counts as estimated"
    assert np.isnan(kept.values["inlet"].to_numpy()[1])


class Silent:
    """A gateway that answers 90 for power and 24 for temperatures, until it falls silent."""

    health = ()
    silent = False

    def serves(self, _: Point) -> bool:
        return True

    async def read(self, points: list[Point]) -> list[Reading]:
        now = NOON + timedelta(seconds=60) if self.silent else NOON
        if self.silent:
            return [missing(p.id, now) for p in points]
        return [Reading(p.id, now, 90.0 if p is POWER else 24.0, Quality.GOOD) for p in points]

    async def write(self, _: object) -> list[object]:
        return []

    async def close(self) -> None:
        """Nothing."""
