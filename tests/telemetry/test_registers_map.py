from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from telemetry_kit import modbus_point, small_site

from plant.errors import ConfigError
from plant.points import GatewayId, ModbusAddress, ModbusTable, PointId, RegisterType, WordOrder
from plant.quantities import Quantity
from plant.site_file import load_site
from telemetry.registers import check_register_map, load_register_map, plan_blocks, split

DEMO = Path(__file__).parents[2] / "examples" / "demo.yaml"


def test_neighbors_are_read_together_up_to_the_gap_limit() -> None:
    points = [modbus_point(f"p{a}", a) for a in (0, 1, 5, 15)]
    assert [(b.start, b.count) for b in plan_blocks(points, gap_limit=3)] == [(0, 6), (15, 1)]
    assert [(b.start, b.count) for b in plan_blocks(points, gap_limit=2)] == [(0, 2), (5, 1), (15, 1)]


def test_no_block_asks_for_more_than_125_registers_or_cuts_a_value_in_two() -> None:
    points = [modbus_point(f"p{i}", 2 * i, kind=RegisterType.FLOAT32) for i in range(200)]
    blocks = plan_blocks(points, gap_limit=10)
    assert max(b.count for b in blocks) == 124
    assert sum(b.count for b in blocks) == 400
    assert len(blocks) == 4


def test_devices_and_tables_are_never_mixed_in_a_block() -> None:
    points = [
        modbus_point("a", 0),
        modbus_point("b", 1, table=ModbusTable.INPUT),
        modbus_point("c", 1, device=2),
    ]
    assert len(plan_blocks(points, gap_limit=10)) == 3


def test_a_refused_block_is_halved_until_one_point_is_left() -> None:
    (block,) = plan_blocks([modbus_point(f"p{a}", a) for a in range(3)], gap_limit=0)
    halves = split(block)
    assert [[p.id for p in half.points] for half in halves] == [["p0"], ["p1", "p2"]]


def test_two_points_on_one_register_are_refused_by_name() -> None:
    site = small_site([modbus_point("flow", 10, kind=RegisterType.FLOAT32), modbus_point("level", 11)])
    with pytest.raises(ConfigError, match=r"point level: register 11 overlaps registers 10-11 of point flow"):
        check_register_map(site)


def test_a_wide_value_is_found_to_overlap_beyond_its_neighbor() -> None:
    site = small_site(
        [modbus_point("e", 0, kind=RegisterType.UINT64), modbus_point("b", 4), modbus_point("c", 3)]
    )
    with pytest.raises(ConfigError, match="point c: register 3 overlaps registers 0-3 of point e"):
        check_register_map(site)


def test_bits_of_one_status_word_do_not_overlap_but_the_same_bit_does() -> None:
    bits = [modbus_point(f"b{n}", 7, Quantity.RUN_STATUS, bit=n) for n in (0, 1)]
    check_register_map(small_site(bits))
    with pytest.raises(ConfigError, match="overlaps"):
        check_register_map(small_site([*bits, modbus_point("again", 7, Quantity.RUN_STATUS, bit=1)]))


def test_the_same_address_in_another_table_or_device_is_another_register() -> None:
    check_register_map(
        small_site(
            [
                modbus_point("a", 0),
                modbus_point("b", 0, device=2),
                modbus_point("c", 0, table=ModbusTable.INPUT),
            ]
        )
    )


def test_a_setpoint_in_a_read_only_table_is_refused() -> None:
    wrong = modbus_point("sp", 0, Quantity.FAN_SPEED_SETPOINT, table=ModbusTable.INPUT)
    with pytest.raises(ConfigError, match="use a holding register"):
        check_register_map(small_site([wrong]))


def test_the_demo_register_map_is_sound() -> None:
    check_register_map(load_site(DEMO))


def test_a_map_in_csv_gives_addresses(tmp_path: Path) -> None:
    file = tmp_path / "bms.csv"
    file.write_text(
        "\ufeff# exported by the integrator\npoint;table;address;type;scale;word_order\n"
        "flow;input;14;float32;;CDAB\nlevel;holding;3;;0.1;\n",
        encoding="utf-8",
    )
    found = load_register_map(file, GatewayId("bms"))
    assert found[PointId("flow")] == ModbusAddress(
        GatewayId("bms"), ModbusTable.INPUT, 14, RegisterType.FLOAT32, word_order=WordOrder.CDAB
    )
    assert found[PointId("level")].scale == 0.1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("point,table,address\nflow,input,99999\n", "line 2, column address"),
        ("point,table,address\nflow,inputs,1\n", "line 2, column table"),
        ("point,table,address\nflow,input,1\nflow,input,2\n", "line 3: point flow is in the map twice"),
        ("point,table,adress\nflow,input,1\n", "unknown column 'adress'"),
        ("point,table\nflow,input\n", "no column 'address'"),
        ("", "is empty"),
        ("point,table,address\n,input,1\n", "line 2: names no point"),
    ],
)
def test_a_wrong_map_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bms.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_register_map(file, GatewayId("bms"))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def site_with_map(tmp_path: Path, rows: str) -> Path:
    data = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    data["gateways"][0]["register_map"] = "bms.csv"
    next(p for p in data["points"] if p["id"] == "plant.chw-supply").pop("modbus")
    (tmp_path / "bms.csv").write_text("point,table,address,type,scale\n" + rows, encoding="utf-8")
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return file


def test_a_point_without_an_address_takes_it_from_the_map_beside_the_site_file(tmp_path: Path) -> None:
    site = load_site(site_with_map(tmp_path, "plant.chw-supply,input,12,int16,0.01\n"))
    original = load_site(DEMO)
    assert site.point_by_id[PointId("plant.chw-supply")] == original.point_by_id[PointId("plant.chw-supply")]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("unheard-of,input,12,int16,1\n", "not in the site file"),
        ("it-meter.power,input,9,,\n", "already has"),
    ],
)
def test_a_map_that_does_not_fit_the_site_is_refused(tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_site(site_with_map(tmp_path, row))


def test_an_enumeration_is_written_the_same_in_yaml_and_in_a_map(tmp_path: Path) -> None:
    file = tmp_path / "bms.csv"
    file.write_text("point,table,address,values\nrun,input,110,0=0 3=1 7=1\n", encoding="utf-8")
    mapped = load_register_map(file, GatewayId("bms"))[PointId("run")]
    data = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    chiller = next(p for p in data["points"] if p["id"] == "chiller-1.run")
    chiller["modbus"] |= {"values": {0: 0, 3: 1, 7: 1}}
    site_file = tmp_path / "site.yaml"
    site_file.write_text(yaml.safe_dump(data), encoding="utf-8")
    in_site = load_site(site_file).point_by_id[PointId("chiller-1.run")].address
    assert isinstance(in_site, ModbusAddress)
    assert mapped.values == in_site.values == ((0, 0.0), (3, 1.0), (7, 1.0))


@pytest.mark.parametrize("written", ["running", "0=off", "=1"])
def test_an_enumeration_that_cannot_be_read_is_told(tmp_path: Path, written: str) -> None:
    file = tmp_path / "bms.csv"
    file.write_text(f"point,table,address,values\nrun,input,110,{written}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2, column values"):
        load_register_map(file, GatewayId("bms"))


@pytest.mark.parametrize("change", [{"type": "float32"}, {"scale": 0.1}])
def test_an_enumeration_is_of_whole_numbers_as_they_are(tmp_path: Path, change: dict[str, object]) -> None:
    data = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    chiller = next(p for p in data["points"] if p["id"] == "chiller-1.run")
    chiller["modbus"] |= {"values": {0: 0, 3: 1}, **change}
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigError, match="enumeration"):
        check_register_map(load_site(file))
