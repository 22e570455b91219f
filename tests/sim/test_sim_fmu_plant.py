"""The example's FMU: valid by FMPy's own checks, and a plant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import fmpy
import pytest
from fmpy.validation import validate_fmu

from examples.fmu.fmu_plant import FmuPlant, build
from plant.commands import Command
from plant.points import PointId
from plant.site_file import load_site

START = datetime(2026, 7, 20, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "examples" / "demo.yaml"


@pytest.fixture(scope="module")
def fmu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("fmu") / "room.fmu")


def test_it_is_an_fmu_by_another_program(fmu: Path) -> None:
    assert validate_fmu(str(fmu)) == []
    start = {"it_kw": 180.0, "supply_c": 20.0, "fan_speed": 1.0}
    last = fmpy.simulate_fmu(str(fmu), stop_time=7200, output_interval=300, start_values=start)[-1]
    # By hand: 20 + 0.1 · 180 / (300 / 9); fans 0.045 · 300.
    assert last["inlet_c"] == pytest.approx(20.54)
    assert last["fan_kw"] == pytest.approx(13.5)


def test_a_room_s_setpoint_warms_that_room_alone(fmu: Path) -> None:
    plant = FmuPlant(load_site(DEMO), fmu)
    before = {str(r.point): r.value for r in plant.reset(START)}
    told = [Command(PointId(f"crah-{n}.supply-air.setpoint"), 22.0) for n in (1, 2)]
    after = {str(r.point): r.value for r in plant.advance(told, 7200.0)}
    assert after["zone-a.inlet-1"] - before["zone-a.inlet-1"] == pytest.approx(4.0, abs=0.01)
    assert after["zone-b.inlet-1"] == pytest.approx(before["zone-b.inlet-1"])
    again = {str(r.point): r.value for r in plant.reset(START)}
    assert again == before
