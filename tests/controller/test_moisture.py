"""Where humidity is measured it narrows; where its sensors say nothing it closes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from supervision_kit import A_AIR, START, WATER, FakePlant, demo_site

from controller.envelope import review
from controller.moisture import dew_point_of, moisture_limits
from plant.points import OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot

ZONE = OwnerId("zone-a")
DEW, MOIST = PointId("zone-a.dew"), PointId("zone-a.rh")
LIQUID = LeverId("cdu.supply")


def site() -> Site:
    """The demo site with a dew-point and a humidity sensor in zone-a, and a liquid loop of its own."""
    demo = demo_site()
    like = demo.points_of(ZONE, Quantity.INLET_TEMPERATURE)[0]
    points = (
        replace(like, id=DEW, quantity=Quantity.ZONE_DEW_POINT),
        replace(like, id=MOIST, quantity=Quantity.RELATIVE_HUMIDITY),
        replace(like, id=PointId("cdu.sp"), quantity=Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT),
    )
    lever = Lever(
        LIQUID,
        ZONE,
        Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT,
        (PointId("cdu.sp"),),
        15,
        45,
        2,
        0.1,
        30,
        30,
    )
    return replace(demo, points=(*demo.points, *points), levers=(*demo.levers, lever))


SITE = site()


def seen(dew: float = math.nan, moist: float = math.nan, liquid: float = 18.0) -> Snapshot:
    readings = dict(FakePlant(SITE).snapshot(START).readings)
    shown = {DEW: dew, MOIST: moist, PointId("cdu.sp"): liquid}
    readings |= {p: Reading(p, START, v, Quality.GOOD) for p, v in shown.items() if not math.isnan(v)}
    return Snapshot(SITE, START, readings)


def test_without_humidity_sensors_nothing_is_narrowed() -> None:
    demo = demo_site()
    snapshot = FakePlant(demo).snapshot(START)
    assert all(moisture_limits(demo, lever, snapshot) == () for lever in demo.levers)


def test_liquid_stays_two_kelvin_above_the_dew_point() -> None:
    # ASHRAE TC 9.9: technology cooling water at least 2 K above the room's dew point
    verdict = review(SITE, {LIQUID: 16.5}, seen(dew=15.0))
    assert verdict.setpoints[LIQUID] == pytest.approx(17.0)
    assert any("dew point 15.0 °C" in reason for reason in verdict.reasons)
    assert review(SITE, {LIQUID: 16.5}, seen(dew=12.0)).setpoints[LIQUID] == pytest.approx(16.5)


def test_supply_air_is_not_asked_for_below_the_dew_point() -> None:
    assert review(SITE, {A_AIR: 17.6}, seen(dew=17.8)).setpoints[A_AIR] == pytest.approx(17.8)


def test_a_room_that_is_too_moist_is_not_dried_less() -> None:
    # the recommended envelope ends at a dew point of 15 °C (TC 9.9, 2021)
    verdict = review(SITE, {WATER: 7.4, A_AIR: 18.3}, seen(dew=15.6))
    assert not verdict.changes
    assert review(SITE, {WATER: 7.4, A_AIR: 18.3}, seen(dew=14.0)).changes
    assert not review(SITE, {WATER: 7.4}, seen(dew=10.0, moist=0.75)).changes


def test_sensors_that_say_nothing_close_what_they_would_have_judged() -> None:
    verdict = review(SITE, {WATER: 7.4, A_AIR: 18.3, LIQUID: 18.5}, seen())
    assert not verdict.changes
    assert any("humidity sensors are not usable" in reason for reason in verdict.reasons)
    other = LeverId("zone-b.supply-air")
    assert set(review(SITE, {other: 18.3}, seen()).changes) == {other}, "another room's air is its own"


def test_the_dew_point_follows_from_humidity_and_inlets_where_it_is_not_measured() -> None:
    # 22 °C at 60 %: 13.9 °C (psychrometric chart; Magnus with Sonntag's constants 13.88)
    assert dew_point_of(SITE, ZONE, seen(moist=0.6)) == pytest.approx(13.88, abs=0.05)


def test_the_fixture_has_its_points() -> None:
    assert isinstance(SITE.point_by_id[DEW], Point)
