"""EnergyPlus as a plant: stepped by its adapter alone. `tests/scenario` runs the controller on it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

pytest.importorskip("pyenergyplus")

from plant.commands import Command
from plant.errors import ConfigError
from plant.points import PointId
from plant.readings import Quality, Reading
from plant.site_file import load_site
from sim.foreign.energyplus import EnergyPlusPlant, beside_site

EXAMPLE = Path(__file__).parents[2] / "examples" / "energyplus"
START = datetime(2026, 7, 20, 5, tzinfo=UTC)


def values(readings: Sequence[Reading]) -> dict[str, float]:
    return {str(r.point): r.value for r in readings}


@pytest.fixture
def plant() -> EnergyPlusPlant:
    return beside_site(load_site(EXAMPLE / "site.yaml"), seed=1)


def test_time_is_local_standard_time_of_the_weather_file(plant: EnergyPlusPlant) -> None:
    # Tampa's file at 17:00 on 20 July, local standard time (22:00 UTC): read from its line by eye.
    line = next(
        text
        for text in plant._model.weather.read_text(encoding="latin-1").splitlines()
        if text.split(",")[1:4] == ["7", "20", "17"]
    )
    said = values(plant.reset(datetime(2026, 7, 20, 22, tzinfo=UTC)))
    assert said["outdoor.dry-bulb"] == pytest.approx(float(line.split(",")[6]), abs=0.01)
    plant.close()


def test_what_is_commanded_is_what_the_air_becomes(plant: EnergyPlusPlant) -> None:
    before = values(plant.reset(START))
    assert before["crah-1.supply-air"] == pytest.approx(18.0, abs=0.1)
    commands = [
        Command(PointId("crah-1.supply-air.setpoint"), 21.0),
        Command(PointId("crah-2.fan-speed.setpoint"), 0.7),
        Command(PointId("heartbeat-of-nobody"), 1.0),
    ]
    after = values(plant.advance(commands, 1800.0))
    assert after["crah-1.supply-air.setpoint"] == 21.0
    assert after["crah-1.supply-air"] == pytest.approx(21.0, abs=0.1)
    assert after["crah-2.supply-air"] == pytest.approx(18.0, abs=0.1)
    assert after["crah-2.fan-speed"] == pytest.approx(0.7, abs=0.01)
    assert after["row-a.inlet-2"] > before["row-a.inlet-2"] + 2.5
    plant.close()


def test_an_hour_in_one_step_is_twelve_of_five_minutes(plant: EnergyPlusPlant) -> None:
    plant.reset(START)
    whole = values(plant.advance([], 3600.0))
    plant.reset(START)
    parts = [values(plant.advance([], 300.0)) for _ in range(12)]
    assert parts[-1]["plant.chw-return"] == whole["plant.chw-return"]
    # A meter is mean power since the last answer.
    mean = sum(p["facility.power"] for p in parts) / 12
    assert whole["facility.power"] == pytest.approx(mean, rel=1e-9)
    plant.close()


def test_a_day_s_energy_balance_closes(plant: EnergyPlusPlant) -> None:
    plant.reset(START)
    day = [values(plant.advance([], 300.0)) for _ in range(288)]

    def mean(name: str) -> float:
        return sum(row[name] for row in day) / len(day)

    # The power supplies lose 5 %: 1/0.95 - 1 of what they pass on. Everything else is a named machine.
    losses = mean("it.power") * (1 / 0.95 - 1)
    assert mean("facility.power") == pytest.approx(
        mean("it.power") + mean("cooling.power") + losses, rel=0.01
    )
    machines = ("chiller-1", "chw-pumps", "cw-pumps", "tower-1", "crah-1", "crah-2")
    assert mean("cooling.power") == pytest.approx(sum(mean(f"{m}.power") for m in machines), rel=1e-6)
    # All heat of the room leaves with the water: IT, CRAH fans, 30 % of the losses; moisture adds a little.
    span = sum((r["plant.chw-return"] - r["plant.chw-supply"]) * r["plant.chw-flow"] for r in day) / len(day)
    heat = mean("it.power") + mean("crah-1.power") + mean("crah-2.power") + 0.3 * losses
    assert span * 4.19 * 1000 == pytest.approx(heat, rel=0.04)
    plant.close()


def test_what_the_model_does_not_tell_is_missing(tmp_path: Path) -> None:
    site = _copied(tmp_path, lambda m: m["tells"].pop("it.power"))
    plant = beside_site(load_site(site), seed=1)
    said = {r.point: r for r in plant.reset(START)}
    assert said[PointId("it.power")].quality is Quality.MISSING
    plant.close()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m["tells"]["it.power"].update(meter="No such"), "has no No such"),
        (lambda m: m["takes"]["plant.chw-supply.setpoint"].update(key="x"), "has no actuator"),
        (lambda m: m["takes"].pop("plant.chw-supply.setpoint"), "plant.chilled-water writes"),
        (lambda m: m["tells"].update(nobody={"meter": "IT"}), "is not in the site file"),
        (
            lambda m: m["tells"]["it.power"].update(variable="Both"),
            "give a variable with its key, or a meter",
        ),
        (lambda m: m.update(weather="greensboro"), "is not an EPW"),
        (lambda m: m.update(model="none.epJSON"), "does not exist"),
    ],
)
def test_a_mistake_in_the_map_is_one_line(tmp_path: Path, change: object, problem: str) -> None:
    site = _copied(tmp_path, change)
    with pytest.raises(ConfigError, match=problem) as told:
        beside_site(load_site(site), seed=1).reset(START)
    assert "\n" not in str(told.value)


def test_a_model_energyplus_refuses_is_told_by_its_own_first_severe_line(tmp_path: Path) -> None:
    site = _copied(tmp_path, lambda m: None)
    model = site.parent / "hall.epJSON"
    text = model.read_text(encoding="utf-8").replace(
        '"outside_layer": "concrete"', '"outside_layer": "cheese"'
    )
    model.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?i)cheese"):
        beside_site(load_site(site), seed=1).reset(START)


def test_time_off_the_model_s_grid_is_refused(plant: EnergyPlusPlant) -> None:
    plant.reset(START)
    with pytest.raises(ConfigError, match="goes in steps of 5 min"):
        plant.advance([], 60.0)
    with pytest.raises(ConfigError, match="goes in steps of 5 min"):
        plant.reset(START + timedelta(seconds=100))


def test_its_process_ends_with_the_plant(plant: EnergyPlusPlant) -> None:
    plant.reset(START)
    process = plant._session._process
    assert process is not None
    assert process.poll() is None
    plant.close()
    assert process.poll() is not None


def _copied(folder: Path, change: object) -> Path:
    """The example with a changed map; its site file."""
    shutil.copytree(EXAMPLE, folder / "hall")
    file = folder / "hall" / "energyplus.yaml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(described)  # type: ignore[operator]
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return folder / "hall" / "site.yaml"
