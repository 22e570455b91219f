"""The simulated site as a child process: started, waited for, ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from controller.clock import AcceleratedClock
from plant.errors import ConfigError, CoolwrightError


class SimulatorDied(CoolwrightError):
    """The simulator ended before it was ready, for no fault of the person who started it."""


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What the simulator is told. `history` is where it leaves the site's past."""

    site: Path
    weather: str
    start: str
    speed: float
    seed: int
    as_found_days: int
    excitation_days: int
    history: Path


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that answers on its ports."""

    clock: AcceleratedClock
    modbus: str
    exporter: str


@contextmanager
def simulator(options: SimulatorOptions) -> Iterator[RunningSimulator]:
    """Run the simulator for the length of a ``with`` block.

    Its progress goes to our standard error as it is.

    Raises
    ------
    ConfigError
        If it refused its input: its own one line, passed on.
    SimulatorDied
        If it ended for another reason.
    """
    process = subprocess.Popen(
        _command(options), stdout=subprocess.PIPE, stderr=None, text=True, stdin=subprocess.DEVNULL
    )
    try:
        yield _ready(process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(o: SimulatorOptions) -> list[str]:
    return [
        *(sys.executable, "-m", "sim", "serve", "--site", str(o.site)),
        *("--weather", o.weather, "--start", o.start, "--speed", f"{o.speed:g}", "--seed", str(o.seed)),
        *("--history", str(o.history)),
        *("--as-found-days", str(o.as_found_days), "--excitation-days", str(o.excitation_days)),
    ]


def _ready(process: subprocess.Popen[str]) -> RunningSimulator:
    assert process.stdout is not None  # asked for as a pipe above
    line = process.stdout.readline()
    if not line:
        code = process.wait()
        if code == 2:
            raise ConfigError("demo", "the simulator refused its input", "see the line above")
        raise SimulatorDied(f"the simulator ended with code {code} before it was ready")
    said = json.loads(line)
    clock = AcceleratedClock.parse(f"{said['start']},{said['epoch_wall']},{said['speed']}")
    return RunningSimulator(clock, said["modbus"], said["exporter"])
