"""A site file is right, or one line says what is wrong, where, and how to mend it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plant.errors import ConfigError
from plant.points import SITE, ModbusAddress, OwnerId, PointId, PrometheusAddress
from plant.quantities import Quantity, Role
from plant.site import EquipmentKind, Site
from plant.site_file import load_site

EXAMPLE = Path(__file__).parents[2] / "examples" / "demo.yaml"
Described = dict[str, Any]
DEMO: Described = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
Load = Callable[[Callable[[Described], object]], Site]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the demo site after a change to it."""

    def run(change: Callable[[Described], object]) -> Site:
        described = copy.deepcopy(DEMO)
        change(described)
        path = tmp_path / "site.yaml"
        path.write_text(yaml.dump(described, Dumper=yaml.CSafeDumper), encoding="utf-8")
        return load_site(path)

    return run


def refusal(load: Load, change: Callable[[Described], object]) -> str:
    with pytest.raises(ConfigError) as refused:
        load(change)
    line = str(refused.value)
    assert "\n" not in line
    assert "site.yaml" in line
    assert refused.value.mend
    return line


def put(d: Described, where: str, at: int, key: str, value: object) -> None:
    d[where][at][key] = value


def test_the_demo_site_is_what_its_first_line_says() -> None:
    site = load_site(EXAMPLE)
    assert len(site.zones) == 4
    assert len(site.equipment_of(EquipmentKind.CRAH)) == 8
    assert len(site.equipment_of(EquipmentKind.CHILLER)) == 2
    assert len(site.equipment_of(EquipmentKind.TOWER_CELL)) == 2
    assert len(site.equipment_of(EquipmentKind.ECONOMIZER)) == 1
    assert sum(z.it_design_kw for z in site.zones) == pytest.approx(1120)
    assert len(site.levers) == 10


def test_points_know_their_role_unit_brick_class_and_address() -> None:
    site = load_site(EXAMPLE)
    supply = site.point_by_id[PointId("crah-1.supply-air")]
    assert supply.role is Role.SENSOR
    assert supply.brick_class == "Supply_Air_Temperature_Sensor"
    assert isinstance(supply.address, ModbusAddress)
    assert supply.address.scale == 0.1
    inlet = site.point_by_id[PointId("zone-a.inlet-1")]
    assert isinstance(inlet.address, PrometheusAddress)
    assert inlet.address.labels == {"hall_zone": "zone-a", "sensor": "1"}


def test_a_zone_lever_moves_the_setpoints_of_the_zones_crahs() -> None:
    site = load_site(EXAMPLE)
    lever = site.lever(OwnerId("zone-b"), Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
    assert lever is not None
    assert lever.points == ("crah-3.supply-air.setpoint", "crah-4.supply-air.setpoint")
    assert site.lever(SITE, Quantity.FAN_SPEED_SETPOINT) is None


def test_a_site_survives_pickling_for_the_planning_process() -> None:
    site = load_site(EXAMPLE)
    assert site.point_by_id  # a cached property must not get in the way
    again = pickle.loads(pickle.dumps(site))
    assert again == site
    assert again.fallback == site.fallback
    assert hash(again.as_found) == hash(site.as_found)


def test_any_subset_of_levers_is_a_site(load: Load) -> None:
    site = load(lambda d: d.update(levers=d["levers"][-1:]))
    assert [lv.id for lv in site.levers] == ["plant.condenser-water"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: does not exist; give the path of one"):
        load_site(tmp_path / "nowhere.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_site(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"zones: [1, 2\nname: x\n", "line 2"),
        (b"a: b: c\n", "is not valid YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"- 1\n- 2\n", "is not a mapping of keys"),
        (b"", "is not a mapping of keys"),
        (b"\x00", "is not valid YAML"),
        (b"until: 2026-13-01\n", "holds a date that is none"),
        (b"!!python/object/apply:os.system ['true']\n", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_yaml(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=words) as refused:
        load_site(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(latitud=1), ["key latitud", "remove it or correct its spelling"]),
        (lambda d: d.pop("timezone"), ["key timezone", "field required", "add it"]),
        (lambda d: put(d, "zones", 1, "rack", 3), ["key zones.1.rack (zone-b)", "correct its spelling"]),
        (lambda d: put(d, "zones", 0, "racks", 0), ["zones.0.racks (zone-a)", "greater than 0"]),
        (lambda d: d.update(latitude=91), ["key latitude", "less than or equal to 90"]),
        (lambda d: d.update(schema_version=2), ["key schema_version"]),
        (lambda d: put(d, "equipment", 0, "kind", "crac"), ["equipment.0.kind (crah-1)", "'crac'"]),
        (lambda d: d.update(timezone="Mars/Base"), ["timezone", "IANA name"]),
        (lambda d: put(d, "points", 3, "unit", "degX"), ["outdoor.dry-bulb", "degX", "use one of"]),
        (lambda d: put(d, "points", 3, "unit", "kW"), ["outdoor.dry-bulb", "kW is a power", "temperature"]),
        (lambda d: put(d, "points", 3, "quantity", "smell"), ["points.3.quantity (outdoor.dry-bulb)"]),
        (lambda d: put(d, "points", 3, "of", "zone-z"), ["outdoor.dry-bulb", "owner zone-z", "'of'"]),
        (lambda d: put(d, "points", 3, "role", "setpoint"), ["outdoor.dry-bulb", "it is a sensor"]),
        (lambda d: put(d, "points", 4, "id", "outdoor.dry-bulb"), ["outdoor.dry-bulb", "described twice"]),
        (lambda d: put(d, "zones", 1, "id", "zone-a"), ["zone zone-a", "described twice"]),
        (lambda d: put(d, "levers", 1, "id", "zone-a.supply-air"), ["lever zone-a.supply-air", "twice"]),
        (lambda d: put(d, "equipment", 0, "zone", "zone-z"), ["equipment crah-1", "zone-z", "use one of"]),
        (lambda d: put(d, "levers", 0, "as_found", 30), ["zone-a.supply-air", "as_found 30", "17 to 25.5"]),
        (lambda d: put(d, "levers", 0, "fallback", 5), ["zone-a.supply-air", "fallback 5"]),
        (lambda d: put(d, "levers", 0, "low", 26), ["zone-a.supply-air", "low is not below high"]),
        (lambda d: put(d, "levers", 0, "sets", "power"), ["zone-a.supply-air", "not a setpoint"]),
        (lambda d: put(d, "levers", 0, "of", "zone-z"), ["zone-a.supply-air", "no point of zone-z"]),
        (lambda d: put(d, "levers", 2, "of", "zone-a"), ["already moved by zone-a.supply-air"]),
        (lambda d: put(d, "levers", 0, "resolution", 0), ["levers.0.resolution (zone-a.supply-air)"]),
        (lambda d: d["points"][3]["modbus"].update(gateway="plc"), ["gateway plc", "add it under gateways"]),
        (lambda d: d["points"][3]["modbus"].update(gateway="servers"), ["does not fit gateway servers"]),
        (lambda d: d["points"][3]["modbus"].update(address=70000), ["address (outdoor.dry-bulb)", "65535"]),
        (lambda d: d["points"][3]["modbus"].update(type="int17"), ["type (outdoor.dry-bulb)"]),
        (
            lambda d: d["points"][3].update(prometheus={"gateway": "servers", "metric": "x"}),
            ["outdoor.dry-bulb", "two source addresses"],
        ),
        (
            lambda d: put(d, "zones", 0, "limits", {"recommended_max_c": 33}),
            ["zone zone-a", "not in order"],
        ),
        (
            lambda d: d.update(points=[p for p in d["points"] if not p["id"].startswith("zone-c.inlet")]),
            ["zone zone-c", "no inlet_temperature point"],
        ),
        (lambda d: d["tariff"].update(currency="dollars"), ["tariff.currency"]),
        (lambda d: d["tariff"]["periods"][0].update(hours=[24]), ["tariff.periods.0.hours.0"]),
        (lambda d: d["safety"].update(hold_s=-1), ["safety.hold_s", "greater than 0"]),
        (lambda d: d.update(zones=[]), ["key zones", "at least 1"]),
        (lambda d: d.update(levers=[]), ["key levers", "at least 1"]),
        (lambda d: d.update(points=None), ["key points"]),
        (lambda d: d.update(name=5), ["key name"]),
        (lambda d: put(d, "points", 3, "id", "Out Door"), ["points.3.id", "pattern"]),
        (lambda d: put(d, "equipment", 0, "id", "zone-a"), ["owner zone-a", "described twice"]),
        (lambda d: put(d, "equipment", 16, "id", "site"), ["owner site", "described twice"]),
        (lambda d: put(d, "levers", 0, "low", float("nan")), ["levers.0.low", "finite number"]),
        (lambda d: d["levers"][1].update(low=40, high=100), ["zone-a.fan-speed", "40 to 100", "ratio"]),
        (lambda d: d.update(latitude=float("inf")), ["latitude"]),
        (lambda d: d["points"][3]["modbus"].update(scale=0), ["outdoor.dry-bulb", "scale"]),
        (lambda d: d["points"][9]["modbus"].update(table="input"), ["plant.chw-supply.setpoint", "holding"]),
        (lambda d: put(d, "gateways", 0, "poll_s", 0), ["gateways.0.poll_s (bms)"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_file_key_and_mend(
    load: Load, change: Callable[[Described], object], words: list[str]
) -> None:
    line = refusal(load, change)
    for word in words:
        assert word in line, line


def test_several_mistakes_name_the_first_and_count_the_rest(load: Load) -> None:
    assert "(and 1 more)" in refusal(load, lambda d: d.update(nonsense=1, more_nonsense=2))
