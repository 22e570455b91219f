"""A site as Brick: what other building software reads about its machines, zones and points.

Brick 1.4 (brickschema.org) for machines and points, RealEstateCore for places, QUDT for units, written as
Turtle (W3C, RDF 1.1 Turtle). Names are those of the site file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from plant.points import SITE
from plant.site import Equipment, EquipmentKind, Site

MACHINES: Mapping[EquipmentKind, str] = {
    EquipmentKind.CRAH: "CRAH",
    EquipmentKind.CHILLER: "Chiller",
    EquipmentKind.CHILLED_WATER_PUMP: "Chilled_Water_Pump",
    EquipmentKind.CONDENSER_WATER_PUMP: "Condenser_Water_Pump",
    EquipmentKind.TOWER_CELL: "Cooling_Tower",
    EquipmentKind.ECONOMIZER: "Heat_Exchanger",
    EquipmentKind.UPS: "Electrical_Equipment",
    EquipmentKind.METER: "Meter",
    EquipmentKind.DX_UNIT: "CRAC",
    EquipmentKind.AIR_ECONOMIZER: "Economizer",
    EquipmentKind.STORAGE_TANK: "Thermal_Energy_Storage_Tank",
    EquipmentKind.CDU: "Heat_Exchanger",
    EquipmentKind.HEAT_RECOVERY: "Heat_Exchanger",
    EquipmentKind.BATTERY: "Battery",
    EquipmentKind.GENERATOR: "Electrical_Equipment",
}
"""Brick's classes of equipment; a water-side economizer is a heat exchanger there."""

UNITS: Mapping[str, str] = {
    "degC": "DEG_C",
    "degF": "DEG_F",
    "K": "K",
    "delta_K": "K",
    "kW": "KiloW",
    "W": "W",
    "MW": "MegaW",
    "kWh": "KiloW-HR",
    "Wh": "W-HR",
    "MWh": "MegaW-HR",
    "J": "J",
    "ratio": "UNITLESS",
    "percent": "PERCENT",
    "kg/s": "KiloGM-PER-SEC",
    "m3/s": "M3-PER-SEC",
    "m3/h": "M3-PER-HR",
    "L/s": "L-PER-SEC",
    "L/min": "L-PER-MIN",
    "L/h": "L-PER-HR",
    "gpm": "GAL_US-PER-MIN",
    "L": "L",
    "m3": "M3",
    "kPa": "KiloPA",
    "Pa": "PA",
    "psi": "PSI",
    "count": "NUM",
}
"""QUDT's names of the units a point may be told in; what is not here is left out."""

_AIR = frozenset({EquipmentKind.CRAH, EquipmentKind.DX_UNIT, EquipmentKind.AIR_ECONOMIZER})
_PREFIXES = (
    "@prefix brick: <https://brickschema.org/schema/Brick#> .",
    "@prefix rec: <https://w3id.org/rec#> .",
    "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
    "@prefix unit: <http://qudt.org/vocab/unit/> .",
)


def to_turtle(site: Site) -> str:
    """The site's places, machines and points, in the site file's order."""
    return "\n".join((*_PREFIXES, "", *_places(site), *_machines(site), *_points(site), ""))


def _places(site: Site) -> Iterator[str]:
    yield _told(site, SITE, "rec:Site", site.name)
    for zone in site.zones:
        yield _told(site, zone.id, "rec:HVACZone", zone.id, f"brick:isPartOf {_iri(site, SITE)}")


def _machines(site: Site) -> Iterator[str]:
    for machine in site.equipment:
        where = _iri(site, machine.zone or SITE)
        facts = [f"brick:hasLocation {where}"]
        if _blows_into_its_zone(machine):
            facts.append(f"brick:feeds {where}")
        yield _told(site, machine.id, f"brick:{MACHINES[machine.kind]}", machine.id, *facts)


def _points(site: Site) -> Iterator[str]:
    for point in site.points:
        facts = [f"brick:isPointOf {_iri(site, point.owner)}"]
        if point.unit in UNITS:
            facts.append(f"brick:hasUnit unit:{UNITS[point.unit]}")
        yield _told(site, point.id, f"brick:{point.brick_class}", point.id, *facts)


def _blows_into_its_zone(machine: Equipment) -> bool:
    return machine.kind in _AIR and machine.zone is not None


def _told(site: Site, name: str, kind: str, label: str, *facts: str) -> str:
    quoted = label.replace("\\", "\\\\").replace('"', '\\"')
    return " ;\n    ".join((f"{_iri(site, name)} a {kind}", f'rdfs:label "{quoted}"', *facts)) + " ."


def _iri(site: Site, name: str) -> str:
    return f"<urn:coolwright:{quote(site.id, safe='')}:{quote(name, safe='')}>"
