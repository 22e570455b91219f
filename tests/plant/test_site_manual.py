"""docs/site-file.md lists every key of a site file with its default, and no other."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from plant import site_schema
from plant.gateways import GatewayKind
from plant.points import ModbusTable, RegisterType, WordOrder
from plant.quantities import FACTS
from plant.site import EquipmentKind
from plant.units import UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "site-file.md").read_text(encoding="utf-8")
PARTS: dict[str, type[BaseModel]] = {
    "The file": site_schema.SiteFile,
    "A zone": site_schema.ZoneIn,
    "Its limits": site_schema.InletsIn,
    "Its humidity": site_schema.HumidityIn,
    "A piece of equipment": site_schema.EquipmentIn,
    "Its nameplate": site_schema.NameplateIn,
    "How it may run": site_schema.RunIn,
    "A gateway": site_schema.GatewayIn,
    "A point": site_schema.PointIn,
    "Its Modbus register": site_schema.ModbusIn,
    "Its Prometheus series": site_schema.PrometheusIn,
    "A lever": site_schema.LeverIn,
    "Safety": site_schema.SafetyIn,
    "Planning": site_schema.PlanningIn,
    "Tariff": site_schema.TariffIn,
    "Carbon": site_schema.CarbonIn,
    "Weather": site_schema.WeatherIn,
}


def part(heading: str) -> str:
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no part {heading}"
    return found[1]


def defaults(heading: str) -> dict[str, str]:
    """Every key of a part's table with its default as written; a row may tell several keys."""
    told: dict[str, str] = {}
    for row in re.findall(r"^\| (`.*?) \|(.*?)\|", part(heading), re.MULTILINE):
        keys = re.findall(r"`([a-z_0-9]+)`", row[0])
        values = [v.strip() for v in row[1].split(",")]
        one_each = len(values) == len(keys)
        told |= {key: values[n] if one_each else row[1].strip() for n, key in enumerate(keys)}
    return told


def said(default: Any) -> str:
    """A default as people read it."""
    if default is None or default == () or default == [] or default == {}:
        return "none"
    if isinstance(default, tuple):
        return ", ".join(default)
    return str(default) if isinstance(default, str) else f"{default:g}"


@pytest.mark.parametrize("heading", PARTS)
def test_every_key_of_a_part_is_told_with_its_default(heading: str) -> None:
    told, fields = defaults(heading), PARTS[heading].model_fields
    assert set(told) == set(fields)
    for key, field in fields.items():
        if field.is_required():
            assert told[key] == "", f"{key} must be given"
        elif isinstance(field.get_default(call_default_factory=True), BaseModel):
            assert told[key] in ("its defaults", "nothing known")
        elif (heading, key) not in {("A point", "role"), ("A point", "brick")}:  # the quantity's own
            assert told[key] == said(field.default), key


@pytest.mark.parametrize("words", [EquipmentKind, GatewayKind, ModbusTable, RegisterType, WordOrder])
def test_every_word_a_key_may_hold_is_told(words: type[StrEnum]) -> None:
    assert [word for word in words if f"`{word.value}`" not in PAGE] == []


def test_the_quantities_are_those_the_program_knows() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\S+) \| (\w+) \| (.*?) \| `(\w+)` \|$", part("Quantities"), re.MULTILINE
    )
    assert rows == [
        (q.value, f.inside_unit, f.role.value, f"{f.low:g} to {f.high:g}", f.brick_class)
        for q, f in FACTS.items()
    ]


def test_the_units_are_those_the_program_knows() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("Units a point may be told in"))
    assert re.findall(r"`([^`]+)`", line.split(". ")[0]) == list(UNITS)
