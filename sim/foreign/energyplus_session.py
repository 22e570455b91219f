"""A running EnergyPlus model, stepped from outside: start it at an instant, set actuators, read values."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from plant.errors import ConfigError

HORIZON = timedelta(days=360)
"""A run is asked of EnergyPlus for so long; it is stopped when nobody asks any more."""


@dataclass(frozen=True)
class Told:
    """What a model tells: an output variable of a key, or a meter (as mean power, kW)."""

    variable: str = ""
    key: str = ""
    meter: str = ""

    def as_dict(self) -> dict[str, str]:
        """For the worker."""
        return {"meter": self.meter} if self.meter else {"variable": self.variable, "key": self.key}


@dataclass(frozen=True)
class Taken:
    """What a model takes: an EMS actuator."""

    component: str
    control: str
    key: str

    def as_dict(self) -> dict[str, str]:
        """For the worker."""
        return {"component": self.component, "control": self.control, "key": self.key}


@dataclass(frozen=True)
class Model:
    """A model file (epJSON), its weather (EPW), and the names the two sides talk in."""

    epjson: Mapping[str, Any]
    weather: Path
    tells: Mapping[str, Told]
    takes: Mapping[str, Taken]
    name: str = "model"

    @property
    def step(self) -> timedelta:
        """The zone time step."""
        each = next(iter(self.epjson["Timestep"].values()))
        return timedelta(hours=1) / int(each["number_of_timesteps_per_hour"])

    def zone(self) -> timezone:
        """Local standard time, as the weather file has it."""
        with self.weather.open(encoding="utf-8", errors="replace") as file:
            fields = file.readline().split(",")
        try:
            return timezone(timedelta(hours=float(fields[8])))
        except (IndexError, ValueError):
            raise ConfigError(
                f"weather file {self.weather}", "is not an EPW", "give EnergyPlus weather (.epw)"
            ) from None


@dataclass
class EnergyPlusSession:
    """One run. The process ends with this object, or at `close`."""

    model: Model
    _folder: tempfile.TemporaryDirectory[str] = field(init=False, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)

    def start(self, at: datetime, values: Mapping[str, float]) -> dict[str, float]:
        """Begin so that a zone time step ends at ``at``, with actuators held at ``values``.

        EnergyPlus warms the building up on the day's weather and then runs from local midnight.

        Raises
        ------
        ConfigError
            If EnergyPlus is not installed, refuses the model, or ``at`` is not on its grid.
        """
        self.close()
        if find_spec("pyenergyplus") is None:
            raise ConfigError(
                f"EnergyPlus model {self.model.name}",
                "needs the optional extra energyplus, which is not installed",
                "run pip install 'coolwright[energyplus]'",
            )
        local = at.astimezone(self.model.zone())
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight == local:
            midnight -= timedelta(days=1)
        self._folder = tempfile.TemporaryDirectory(prefix="energyplus-")
        file = Path(self._folder.name) / "model.epJSON"
        file.write_text(json.dumps(_from(self.model.epjson, midnight)), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sim.foreign.energyplus_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self._ask(
            {
                "model": str(file),
                "weather": str(self.model.weather),
                "folder": self._folder.name,
                "steps_to_start": self.steps(local - midnight),
                "tells": {name: told.as_dict() for name, told in self.model.tells.items()},
                "takes": {name: taken.as_dict() for name, taken in self.model.takes.items()},
                "initial": dict(values),
            }
        )

    def step(self, values: Mapping[str, float], length: timedelta) -> dict[str, float]:
        """Hold actuators at ``values`` for a time; every told value at its end.

        Raises
        ------
        ConfigError
            If EnergyPlus gave up, or the time is not a number of its steps.
        """
        return self._ask({"set": dict(values), "steps": self.steps(length)})

    def steps(self, length: timedelta) -> int:
        """A time as a number of zone time steps."""
        count, rest = divmod(length, self.model.step)
        if rest or count < 1:
            minutes = self.model.step / timedelta(minutes=1)
            raise ConfigError(
                f"EnergyPlus model {self.model.name}",
                f"goes in steps of {minutes:g} min and cannot be asked for {length.total_seconds():g} s",
                "make tick_s and the times of faults whole steps, or raise the model's Timestep",
            )
        return count

    def close(self) -> None:
        """End the run, if one is on. Safe to repeat."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._folder.cleanup()

    def __del__(self) -> None:
        self.close()

    def _ask(self, what: Mapping[str, object]) -> dict[str, float]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ConfigError(f"EnergyPlus model {self.model.name}", "is not running", "reset it first")
        try:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"failed": "its process ended"}
        if "failed" in answer:
            self.close()
            raise ConfigError(
                f"EnergyPlus model {self.model.name}", answer["failed"], "mend the model or its map"
            )
        return {name: float(value) for name, value in answer["values"].items()}


def _from(epjson: Mapping[str, Any], midnight: datetime) -> dict[str, Any]:
    """The model with one run period that begins on a day, and nothing else to simulate."""
    end = midnight + HORIZON
    period = {
        "begin_month": midnight.month,
        "begin_day_of_month": midnight.day,
        "begin_year": midnight.year,
        "end_month": end.month,
        "end_day_of_month": end.day,
        "end_year": end.year,
        "use_weather_file_holidays_and_special_days": "No",
        "use_weather_file_daylight_saving_period": "No",
    }
    control = {
        "run_simulation_for_sizing_periods": "No",
        "run_simulation_for_weather_file_run_periods": "Yes",
    }
    kept = next(iter(epjson.get("SimulationControl", {"control": {}}).values()))
    return {
        **epjson,
        "RunPeriod": {"as asked": period},
        "SimulationControl": {"control": {**kept, **control}},
    }


def utc(at: datetime) -> datetime:
    """An instant in UTC."""
    return at.astimezone(UTC)
