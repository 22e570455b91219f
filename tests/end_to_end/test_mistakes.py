"""A person's mistakes: one line that names the thing and the mend, exit code 2, nothing half-written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml
from end_to_end.programs import ROOT, coolwright
from loopback import free_port

DEMO = ROOT / "examples" / "demo.yaml"


def changed(tmp_path: Path, change: object) -> str:
    described = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    change(described)  # type: ignore[operator]
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return str(file)


def one_line(*arguments: str, **environment: str) -> str:
    done = coolwright(*arguments, **environment)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    last = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(last) == 1, done.stderr
    return last[0]


def test_an_unknown_key_in_a_site_file(tmp_path: Path) -> None:
    file = changed(tmp_path, lambda d: d["zones"][1].update(raks=3))
    said = one_line("check", file)
    assert "zones.1.raks (zone-b)" in said
    assert "remove it or correct its spelling" in said


def test_a_site_file_that_is_not_there() -> None:
    assert "no-such.yaml: does not exist" in one_line("check", "no-such.yaml")


def test_overlapping_registers(tmp_path: Path) -> None:
    def overlap(described: dict[str, list[dict[str, dict[str, int]]]]) -> None:
        floats = [p for p in described["points"] if p.get("modbus", {}).get("address") == 102]
        floats[0]["modbus"]["address"] = 101

    said = one_line("check", changed(tmp_path, overlap))
    assert "utility-meter.power" in said
    assert "it-meter.power" in said


def test_an_unknown_setting() -> None:
    said = one_line("run", str(DEMO), COOLWRIGHT_DATABSE="sqlite://")
    assert "COOLWRIGHT_DATABSE" in said
    assert "COOLWRIGHT_DATABASE" in said


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        database = f"sqlite:///{tmp_path / 'c.sqlite'}"
        said = one_line("run", str(DEMO), "--port", port, "--database", database)
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said
    assert not (tmp_path / "c.sqlite").exists(), "nothing is half-written"


def test_a_missing_weather_file(tmp_path: Path) -> None:
    port = str(free_port())
    arguments = ("demo", "--weather", "nowhere.epw", "--for", "1h", "--port", port, "--data", str(tmp_path))
    done = coolwright(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "nowhere.epw" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("length", ["soon", "-3h", "24", ""])
def test_a_length_of_time_that_is_none(length: str) -> None:
    assert "90m, 24h or 7d" in one_line("demo", "--for", length)


def test_a_verb_without_a_controller() -> None:
    said = one_line("status", COOLWRIGHT_URL="http://127.0.0.1:9", COOLWRIGHT_TOKEN="x")
    assert "does not answer" in said


def test_a_history_that_is_no_history(tmp_path: Path) -> None:
    garbage = tmp_path / "trend.csv"
    garbage.write_text("a;b\n1;2\n", encoding="utf-8")
    said = one_line("import", str(garbage), "--historian", f"sqlite:///{tmp_path / 'h.sqlite'}")
    assert "trend.csv" in said
