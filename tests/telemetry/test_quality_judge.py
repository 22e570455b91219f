from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from telemetry_kit import NOON, ZONE, point, small_site

from plant.points import Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading, missing
from telemetry.quality import Judge

INLETS = [point(f"inlet-{i}", Quantity.INLET_TEMPERATURE) for i in range(6)]
SUPPLY = point("supply", Quantity.SUPPLY_AIR_TEMPERATURE)
SETPOINT = point("setpoint", Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
POWER = point("power", Quantity.IT_POWER)
SITE = small_site([*INLETS, SUPPLY, SETPOINT, POWER])


def said(p: Point, value: float, seconds: float = 0.0) -> Reading:
    return Reading(p.id, NOON + timedelta(seconds=seconds), value, Quality.GOOD)


def quality(judge: Judge, reading: Reading, later_s: float = 0.0) -> Quality:
    (judged,) = judge.judge([reading], reading.time + timedelta(seconds=later_s))
    assert judged.value == reading.value or math.isnan(reading.value), "flagged, never altered"
    return judged.quality


def test_an_old_reading_is_stale_by_its_own_time_not_by_when_it_was_asked_for() -> None:
    assert quality(Judge(SITE), said(POWER, 100.0), later_s=180) is Quality.GOOD
    assert quality(Judge(SITE), said(POWER, 100.0), later_s=181) is Quality.STALE
    assert quality(Judge(SITE), said(POWER, 100.0), later_s=-181) is Quality.STALE, "a clock far ahead"


@pytest.mark.parametrize(
    ("value", "expected"), [(-0.1, "out_of_range"), (0.0, "good"), (60.1, "out_of_range")]
)
def test_a_value_the_quantity_cannot_have_is_out_of_range(value: float, expected: str) -> None:
    assert quality(Judge(SITE), said(INLETS[0], value)) == expected


def test_air_does_not_warm_by_more_than_five_kelvin_a_minute() -> None:
    judge = Judge(SITE)
    assert quality(judge, said(INLETS[0], 22.0, 0)) is Quality.GOOD
    assert quality(judge, said(INLETS[0], 26.9, 60)) is Quality.GOOD
    assert quality(judge, said(INLETS[0], 35.0, 120)) is Quality.RATE


def test_a_single_spike_does_not_condemn_what_follows() -> None:
    judge = Judge(SITE)
    spike = [quality(judge, said(INLETS[0], v, 10 * i)) for i, v in enumerate([22, 45, 22, 22.1])]
    assert spike == [Quality.GOOD, Quality.RATE, Quality.GOOD, Quality.GOOD]


def test_a_lasting_new_level_is_believed_after_three_readings() -> None:
    """The old value may have been the wrong one; a hot zone must not stay hidden behind it."""
    judge = Judge(SITE)
    judged = [quality(judge, said(INLETS[0], v, 10 * i)) for i, v in enumerate([15, 31, 31.1, 31.2, 31.3])]
    assert judged == [Quality.GOOD, Quality.RATE, Quality.RATE, Quality.GOOD, Quality.GOOD]


def test_after_a_long_silence_there_is_no_rate_to_judge() -> None:
    judge = Judge(SITE)
    quality(judge, said(INLETS[0], 15.0, 0))
    assert quality(judge, said(INLETS[0], 31.0, 200)) is Quality.GOOD


def run_half_an_hour(still: set[int], amplitude_k: float) -> dict[PointId, Quality]:
    judge, rng = Judge(SITE), np.random.default_rng(1)
    judged: list[Reading] = []
    for k in range(200):
        swing = amplitude_k * math.sin(k / 30)
        readings = [
            said(p, 22.0 if i in still else 22 + i / 10 + swing + rng.normal(0, 0.02), 10 * k)
            for i, p in enumerate(INLETS)
        ]
        readings += [said(SETPOINT, 20.0, 10 * k), said(POWER, 100.0, 10 * k)]
        judged = judge.judge(readings, readings[0].time)
    return {r.point: r.quality for r in judged}


def test_a_sensor_that_stands_still_while_its_peers_move_is_a_flatline() -> None:
    judged = run_half_an_hour({2}, amplitude_k=1.0)
    assert [p for p, q in judged.items() if q is Quality.FLATLINE] == ["inlet-2"]


def test_a_quiet_zone_and_a_constant_setpoint_are_no_flatline() -> None:
    assert set(run_half_an_hour({2}, amplitude_k=0.01).values()) == {Quality.GOOD}
    assert set(run_half_an_hour({0, 1, 2, 3, 4, 5}, amplitude_k=1.0).values()) == {Quality.GOOD}


def test_a_hot_spot_is_never_outvoted() -> None:
    readings = [said(SUPPLY, 18.0), *(said(p, 22.0) for p in INLETS[:5]), said(INLETS[5], 38.0)]
    judged = Judge(SITE).judge(readings, NOON)
    assert {r.quality for r in judged} == {Quality.GOOD}


def test_an_inlet_colder_than_anything_the_plant_supplies_is_outvoted() -> None:
    readings = [said(SUPPLY, 18.0), said(INLETS[0], 16.4), said(INLETS[1], 16.6)]
    judged = {r.point: r.quality for r in Judge(SITE).judge(readings, NOON)}
    assert judged["inlet-0"] is Quality.OUTVOTED
    assert judged["inlet-1"] is Quality.GOOD


def test_of_three_thermometers_in_one_place_the_odd_one_is_outvoted_either_way() -> None:
    trio = [replace(p, group="rack-7-top") for p in INLETS[:3]]
    site = small_site([*trio, *INLETS[3:]])
    for odd in (25.7, 22.4):
        readings = [said(trio[0], 24.0), said(trio[1], 24.1), said(trio[2], odd), said(INLETS[3], 30.0)]
        judged = {r.point: r.quality for r in Judge(site).judge(readings, NOON)}
        assert [p for p, q in judged.items() if q is Quality.OUTVOTED] == ["inlet-2"]
    two = [said(trio[0], 24.0), said(trio[1], 30.0)]
    assert {r.quality for r in Judge(site).judge(two, NOON)} == {Quality.GOOD}, "two cannot vote"


def test_supply_and_inlets_may_come_from_two_gateways_in_their_own_rhythm() -> None:
    judge = Judge(SITE)
    judge.judge([said(SUPPLY, 18.0)], NOON)
    assert quality(judge, said(INLETS[0], 12.0, 15)) is Quality.OUTVOTED
    assert quality(judge, said(INLETS[0], 12.0, 400)) is Quality.GOOD, "an old supply reading proves nothing"


def test_what_the_gateway_flagged_stays_flagged() -> None:
    judged = Judge(SITE).judge([missing(INLETS[0].id, NOON, Quality.NOT_AVAILABLE)], NOON)
    assert judged[0].quality is Quality.NOT_AVAILABLE
    assert ZONE == "zone-a"
