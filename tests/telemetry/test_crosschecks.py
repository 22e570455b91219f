from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from telemetry_kit import NOON

from plant.points import PointId
from plant.readings import Quality, Reading
from plant.site_file import load_site
from plant.snapshot import Snapshot
from telemetry.crosschecks import cross_checks

SITE = load_site(Path(__file__).parents[2] / "examples" / "demo.yaml")
# 22 L/s warmed by 10 K take 0.022 · 999.7 · 4.19 · 10 = 921.5 kW; 60 kW of fans and 870 kW of IT are 930 kW.
SOUND = {
    "utility-meter.power": 1180.0,
    "it-meter.power": 870.0,
    "cooling-meter.power": 230.0,
    "plant.chw-supply": 8.0,
    "plant.chw-return": 18.0,
    "plant.chw-flow": 0.022,
    **{f"crah-{n}.power": 7.5 for n in range(1, 9)},
    "chiller-1.power": 130.0,
    "chiller-2.power": 0.0,
    "chw-pumps.power": 18.0,
    "cw-pumps.power": 12.0,
    "tower-1.power": 5.0,
    "tower-2.power": 5.0,
}


def broken(changes: Mapping[str, float]) -> list[str]:
    readings = {
        PointId(p): Reading(PointId(p), NOON, v, Quality.GOOD) for p, v in {**SOUND, **changes}.items()
    }
    return [c.name for c in cross_checks(Snapshot(SITE, NOON, readings)) if not c.holds]


def test_a_sound_plant_breaks_no_law() -> None:
    assert broken({}) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"utility-meter.power": 1000.0}, "facility meter"),
        ({"utility-meter.power": 1800.0}, "facility meter"),
        ({"cooling-meter.power": 200.0}, "cooling meter"),
        ({"chiller-1.power": 13.0}, "cooling meter"),
        ({"plant.chw-supply": 18.0, "plant.chw-return": 8.0}, "chilled water direction"),
        ({"plant.chw-flow": 0.022 / 3.6}, "heat balance"),
        ({"plant.chw-return": 14.0}, "heat balance"),
    ],
)
def test_a_wrong_meter_breaks_the_law_it_belongs_to(changes: dict[str, float], name: str) -> None:
    assert name in broken(changes)


def test_what_cannot_be_checked_is_left_out() -> None:
    assert cross_checks(Snapshot(SITE, NOON, {})) == []
    assert "heat balance" not in broken({"plant.chw-flow": float("nan")})


def test_a_finding_names_the_readings_a_person_should_look_at() -> None:
    readings = {PointId(p): Reading(PointId(p), NOON, v, Quality.GOOD) for p, v in SOUND.items()}
    found = {c.name: c for c in cross_checks(Snapshot(SITE, NOON, readings))}
    assert found["facility meter"].points == ("utility-meter.power", "it-meter.power", "cooling-meter.power")
    assert found["heat balance"].told == "chilled water takes 922 kW, IT and CRAH fans draw 930 kW"
