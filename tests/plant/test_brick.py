"""The site as Brick: classes that Brick has, and every place, machine and point told once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.cli.main import app
from plant.brick import MACHINES, UNITS, to_turtle
from plant.errors import ConfigError
from plant.quantities import FACTS
from plant.site import EquipmentKind
from plant.site_file import load_site
from plant.units import UNITS as KNOWN_UNITS

EXAMPLES = Path(__file__).parents[2] / "examples"
BRICK = [
    line.split()
    for line in (Path(__file__).parent / "brick_1_4_4.txt").read_text().splitlines()
    if not line.startswith("#")
]
"""What Brick itself has: kind of class, name."""


def brick_has(kind: str) -> set[str]:
    return {name for of, name in BRICK if of == kind}


def test_every_quantity_is_a_class_of_points_that_brick_has() -> None:
    assert {f.brick_class for f in FACTS.values()} - brick_has("point") == set()


def test_every_kind_of_machine_is_a_class_of_equipment_that_brick_has() -> None:
    assert set(MACHINES) == set(EquipmentKind)
    assert set(MACHINES.values()) - brick_has("equipment") == set()


def test_units_are_those_a_point_may_be_told_in() -> None:
    # QUDT has no unit of carbon per electricity under a name of its own.
    assert set(KNOWN_UNITS) - set(UNITS) == {"g/kWh", "lb/MWh"}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_place_machine_and_point_is_told_once(file: Path) -> None:
    site = load_site(file)
    told = re.findall(r"^<urn:coolwright:([^:>]+):([^:>]+)> a ", to_turtle(site), re.MULTILINE)
    names = [
        "site",
        *(z.id for z in site.zones),
        *(e.id for e in site.equipment),
        *(p.id for p in site.points),
    ]
    assert told == [(site.id, name) for name in names]


def test_a_crah_feeds_its_zone_and_its_point_says_whose_it_is_and_in_what() -> None:
    told = to_turtle(load_site(EXAMPLES / "demo.yaml"))
    assert (
        """
<urn:coolwright:demo:crah-1> a brick:CRAH ;
    rdfs:label "crah-1" ;
    brick:hasLocation <urn:coolwright:demo:zone-a> ;
    brick:feeds <urn:coolwright:demo:zone-a> .
"""
        in told
    )
    assert (
        """
<urn:coolwright:demo:crah-1.supply-air> a brick:Supply_Air_Temperature_Sensor ;
    rdfs:label "crah-1.supply-air" ;
    brick:isPointOf <urn:coolwright:demo:crah-1> ;
    brick:hasUnit unit:DEG_C .
"""
        in told
    )
    assert (
        '<urn:coolwright:demo:site> a rec:Site ;\n    rdfs:label "Coolwright demo hall (simulated)" .' in told
    )


def test_check_writes_it_where_it_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "site.ttl"
    app(["check", str(EXAMPLES / "one-zone.yaml"), "--brick", str(file)], standalone_mode=False)
    assert file.read_text(encoding="utf-8") == to_turtle(load_site(EXAMPLES / "one-zone.yaml"))


def test_a_class_that_is_no_name_is_refused(tmp_path: Path) -> None:
    text = (EXAMPLES / "one-zone.yaml").read_text(encoding="utf-8")
    file = tmp_path / "site.yaml"
    file.write_text(text.replace("unit: ", "brick: no name, unit: ", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="brick"):
        load_site(file)
