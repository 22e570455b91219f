"""EnergyPlus as a plant: a model of yours, and a map from the site's points to its variables and actuators.

``--plant sim.foreign.energyplus:beside_site`` plays the model that ``energyplus.yaml`` beside the site
file names. Time goes in the model's zone time steps; between commands EnergyPlus's own controls work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from plant.commands import Command
from plant.errors import ConfigError
from plant.readings import Quality, Reading, missing
from plant.site import Site
from plant.yaml_file import YamlFile
from sim.foreign.energyplus_session import EnergyPlusSession, Model, Taken, Told
from sim.weather import weather_file

MAP_FILE = "energyplus.yaml"
_EXAMPLE = "write one; examples/energyplus/energyplus.yaml shows how"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _ToldIn(_Part):
    """An output variable of a key, or a meter (mean power, kW)."""

    variable: str | None = None
    key: str = ""
    meter: str | None = None
    scale: float = 1.0
    offset: float = 0.0

    @model_validator(mode="after")
    def _one_source(self) -> _ToldIn:
        if (self.variable is None) == (self.meter is None):
            raise ValueError("give a variable with its key, or a meter")
        return self


class _TakenIn(_Part):
    """An EMS actuator."""

    component: str
    control: str
    key: str


class _MapFile(_Part):
    """``energyplus.yaml``."""

    schema_version: Literal[1]
    model: str
    weather: str
    takes: dict[str, _TakenIn]
    tells: dict[str, _ToldIn]


@dataclass(frozen=True)
class Scale:
    """value · factor + offset: EnergyPlus's unit into the point's own."""

    factor: float
    offset: float


class EnergyPlusPlant:
    """Satisfies `plant.ports.Plant`.

    Every setpoint point is told back as it stands. Points the map does not name are missing.
    """

    def __init__(
        self, site: Site, model: Model, scales: Mapping[str, Scale], input_files: tuple[Path, ...] = ()
    ) -> None:
        self.input_files = input_files
        """What a run's folder keeps of this plant."""
        self._site = site
        self._model = model
        self._scales = scales
        self._session = EnergyPlusSession(model)

    def reset(self, start: datetime) -> Sequence[Reading]:
        """Begin with every lever as it was found."""
        self._now = start
        self._set = {
            str(p): lever.as_found
            for lever in self._site.levers
            for p in lever.points
            if p in self._model.takes
        }
        return self._readings(self._session.start(start, self._set))

    def advance(self, commands: Sequence[Command], seconds: float) -> Sequence[Reading]:
        """Set the actuators that are commanded, let EnergyPlus go on."""
        self._set.update({str(c.point): c.value for c in commands if c.point in self._model.takes})
        length = timedelta(seconds=seconds)
        values = self._session.step(self._set, length)
        self._now += length
        return self._readings(values)

    def close(self) -> None:
        """End EnergyPlus."""
        self._session.close()

    def _readings(self, values: Mapping[str, float]) -> list[Reading]:
        told = {name: s.factor * values[name] + s.offset for name, s in self._scales.items()} | self._set
        return [
            Reading(p.id, self._now, told[p.id], Quality.GOOD) if p.id in told else missing(p.id, self._now)
            for p in self._site.points
        ]


def beside_site(site: Site, seed: int) -> EnergyPlusPlant:
    """The plant that ``energyplus.yaml`` beside the site file describes. ``seed`` varies nothing.

    Raises
    ------
    ConfigError
        If the map, the model or the weather cannot be used.
    """
    if site.source_file is None:
        raise ConfigError(f"site {site.id}", "has no file", "read it from one")
    return from_map(site, site.source_file.parent / MAP_FILE)


def from_map(site: Site, file: Path) -> EnergyPlusPlant:
    """The plant a map file describes.

    Raises
    ------
    ConfigError
        If the map, the model or the weather cannot be used.
    """
    described = YamlFile(file, "EnergyPlus map", _EXAMPLE, _EXAMPLE).described(_MapFile)
    _check_points(described, site, file)
    model = Model(
        epjson=_read_model(file.parent / described.model),
        weather=_weather(described.weather, file.parent),
        tells={n: Told(t.variable or "", t.key, t.meter or "") for n, t in described.tells.items()},
        takes={n: Taken(t.component, t.control, t.key) for n, t in described.takes.items()},
        name=described.model,
    )
    scales = {n: Scale(t.scale, t.offset) for n, t in described.tells.items()}
    own_weather = [file.parent / described.weather] if described.weather.endswith(".epw") else []
    return EnergyPlusPlant(site, model, scales, (file, file.parent / described.model, *own_weather))


def _check_points(described: _MapFile, site: Site, file: Path) -> None:
    known = {str(p.id) for p in site.points}
    strange = next((n for n in (*described.takes, *described.tells) if n not in known), None)
    if strange is not None:
        raise ConfigError(
            f"EnergyPlus map {file}, point {strange}", "is not in the site file", "correct its name"
        )
    levers = {str(p): lever for lever in site.levers for p in lever.points}
    lacking = next((p for p in levers if p not in described.takes), None)
    if lacking is not None:
        raise ConfigError(
            f"EnergyPlus map {file}",
            f"does not say what takes {lacking}, which lever {levers[lacking].id} writes",
            "add it to takes, or leave the lever out of the site file",
        )


def _read_model(file: Path) -> Mapping[str, Any]:
    where = f"EnergyPlus model {file}"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(where, "does not exist", "correct the key model in the map") from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            where,
            f"is not epJSON ({type(error).__name__})",
            "convert an IDF with EnergyPlus's ConvertInputFormat",
        ) from None
    if not isinstance(data, dict) or "Timestep" not in data:
        raise ConfigError(where, "has no Timestep", "add one, 12 an hour or more")
    return data


def _weather(name: str, folder: Path) -> Path:
    file = weather_file(name) if not name.endswith(".epw") else folder / name
    if file.suffix != ".epw" or not file.is_file():
        raise ConfigError(
            f"weather {name!r}", "is not an EPW", "name one of the extra energyplus, or give a file"
        )
    return file
