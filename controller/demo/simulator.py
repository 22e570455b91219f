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
from plant.errors import AlreadyTold, CannotGoOn


class SimulatorDied(CannotGoOn):
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


def write_past(options: SimulatorOptions) -> None:
    """Let the simulator write the site's past, as a trend export would hold it.

    Raises
    ------
    AlreadyTold
        If it refused its input: its own one line stands on standard error.
    SimulatorDied
        If it ended for another reason.
    """
    past = ["--history", str(options.history), "--as-found-days", str(options.as_found_days)]
    command = [*_command("history", options), *past, "--excitation-days", str(options.excitation_days)]
    _check(subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode)


@contextmanager
def simulator(options: SimulatorOptions) -> Iterator[RunningSimulator]:
    """Run the simulator for the length of a ``with`` block.

    Its progress goes to our standard error as it is.

    Raises
    ------
    AlreadyTold
        If it refused its input: its own one line stands on standard error.
    SimulatorDied
        If it ended for another reason.
    """
    process = subprocess.Popen(
        [*_command("serve", options), "--speed", f"{options.speed:g}"],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield _ready(process, options.speed)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(verb: str, o: SimulatorOptions) -> list[str]:
    plant = ["--site", str(o.site), "--weather", o.weather, "--start", o.start, "--seed", str(o.seed)]
    return [sys.executable, "-m", "sim", verb, *plant]


def _ready(process: subprocess.Popen[str], speed: float) -> RunningSimulator:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        _check(process.wait() or 1)
    said = json.loads(line)
    clock = AcceleratedClock.parse(f"{said['start']},{said['epoch_wall']},{speed}")
    return RunningSimulator(clock, said["modbus"], said["exporter"])


def _check(code: int) -> None:
    if code == 2:
        raise AlreadyTold("the simulator refused its input")
    if code != 0:
        raise SimulatorDied(f"the simulator ended with code {code} before it was ready")
