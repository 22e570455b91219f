"""A simulated site on ports of its own, and its past."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from end_to_end.programs import ROOT, SPEED, START, World
from loopback import free_port


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of the demo site's past, written by the simulator as a trend export."""
    file = tmp_path_factory.mktemp("past") / "history.parquet"
    days = ["--as-found-days", "3", "--excitation-days", "2"]
    command = [sys.executable, "-m", "sim", "history", "--site", "examples/demo.yaml", "--start", START]
    subprocess.run([*command, "--history", str(file), *days], cwd=ROOT, check=True, timeout=300)
    return file


@pytest.fixture
def world(tmp_path: Path, past: Path) -> Iterator[World]:
    """The demo site, served by the real simulator program on ports of its own."""
    yield from served(tmp_path, past, SPEED, {})


@pytest.fixture
def impatient_world(tmp_path: Path, past: Path) -> Iterator[World]:
    """The same at the plant's own pace, with proposals that end after six seconds."""
    yield from served(tmp_path, past, 1.0, {"proposal_expiry_s": 6})


@pytest.fixture
def slow_world(tmp_path: Path, past: Path) -> Iterator[World]:
    """The same at twice the plant's own pace, with contracts for market-based carbon."""
    yield from served(tmp_path, past, 2.0, {}, reporting=True)


@pytest.fixture
def brisk_world(tmp_path: Path, past: Path) -> Iterator[World]:
    """The same at twenty times the plant's own pace."""
    yield from served(tmp_path, past, 20.0, {})


CONTRACTS = """
schema_version: 1
residual_mix: {g_per_kwh: 450, source: made up for a test, year: 2026}
contracts:
  - id: wind
    kind: ppa
    first_day: 2026-01-01
    last_day: 2026-12-31
    kwh: 4000000
    renewable: true
    evidence: wind.pdf
    factor: {g_per_kwh: 12, source: made up for a test, year: 2026}
"""


def served(
    folder: Path,
    past: Path,
    speed: float,
    safety: dict[str, float],
    *,
    reporting: bool = False,
    example: str = "demo.yaml",
) -> Iterator[World]:
    modbus, exporter = free_port(), free_port()
    described = yaml.safe_load((ROOT / "examples" / example).read_text(encoding="utf-8"))
    described["gateways"][0]["target"] = f"127.0.0.1:{modbus}"
    described["gateways"][1]["target"] = f"http://127.0.0.1:{exporter}/metrics"
    described["safety"].update(safety)
    if reporting:
        (folder / "supplied.yaml").write_text(CONTRACTS, encoding="utf-8")
        described["reporting"] = "supplied.yaml"
    site = folder / "site.yaml"
    site.write_text(yaml.safe_dump(described), encoding="utf-8")
    command = [sys.executable, "-m", "sim", "serve", "--site", str(site), "--start", START]
    command += ["--speed", str(speed), "--watchdog-floor-wall-s", "6"]
    plant = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert plant.stdout is not None
        ready = json.loads(plant.stdout.readline())
        anchor = f"{ready['start']},{ready['epoch_wall']},{speed}"
        yield World(folder, site, modbus, free_port(), past, anchor)
    finally:
        plant.terminate()
        plant.wait(timeout=20)
