"""The process EnergyPlus runs in: one simulation, stepped by lines of JSON.

EnergyPlus drives its own clock and keeps its state in a library that holds one run well; so it gets a
process of its own (``python -m sim.foreign.energyplus_worker``). The first line on standard input is the
order; each further line sets actuators and asks for a number of zone time steps. One line comes back for
each: the values at the end, or ``failed``. The end of standard input is the end of the run.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pyenergyplus.api import EnergyPlusAPI

J_PER_KWH = 3.6e6


@dataclass
class Conversation:
    """One run of EnergyPlus: a callback at the end of every zone time step, and what it is told."""

    api: Any
    order: Mapping[str, Any]
    replies: TextIO
    asks: TextIO
    _step: int = 0
    _wanted: int = 0
    """The step at whose end the next reply is due."""
    _handles: dict[str, tuple[str, int]] = field(default_factory=dict)
    _actuators: dict[str, int] = field(default_factory=dict)
    _joules: dict[str, float] = field(default_factory=dict)
    _since: int = 0
    told_failure: bool = False

    def run(self) -> int:
        """Run until the input ends. The exit code is EnergyPlus's own."""
        state = self.api.state_manager.new_state()
        runtime, exchange = self.api.runtime, self.api.exchange
        runtime.set_console_output_status(state, False)
        for variable, key in self._variables():
            exchange.request_variable(state, variable, key)
        self._wanted = int(self.order["steps_to_start"])
        runtime.callback_end_zone_timestep_after_zone_reporting(state, self._ended)
        folder = self.order["folder"]
        code = runtime.run_energyplus(state, ["-w", self.order["weather"], "-d", folder, self.order["model"]])
        if code != 0 and not self.told_failure:
            self._fail(first_severe(Path(folder) / "eplusout.err"))
        return int(code)

    def _variables(self) -> list[tuple[str, str]]:
        told = self.order["tells"].values()
        return [(t["variable"], t["key"]) for t in told if "variable" in t]

    def _ended(self, state: Any) -> None:
        exchange = self.api.exchange
        if not exchange.api_data_fully_ready(state) or exchange.warmup_flag(state):
            return
        if not self._handles and not self._find_handles(state):
            return
        self._step += 1
        for name, (kind, handle) in self._handles.items():
            if kind == "meter":
                self._joules[name] = self._joules.get(name, 0.0) + exchange.get_meter_value(state, handle)
        if self._step < self._wanted:
            return
        self._answer({"values": self._values(state)})
        self._listen(state)

    def _find_handles(self, state: Any) -> bool:
        """Handles exist once the model is read; what has none is a mistake in the map."""
        exchange = self.api.exchange
        for name, told in self.order["tells"].items():
            if "meter" in told:
                kind, handle = "meter", exchange.get_meter_handle(state, told["meter"])
            else:
                kind = "variable"
                handle = exchange.get_variable_handle(state, told["variable"], told["key"])
            if handle < 0:
                return self._refuse(state, f"tells.{name}: the model has no {' / '.join(told.values())}")
            self._handles[name] = (kind, handle)
        for name, taken in self.order["takes"].items():
            of = (taken["component"], taken["control"], taken["key"])
            self._actuators[name] = exchange.get_actuator_handle(state, *of)
            if self._actuators[name] < 0:
                return self._refuse(state, f"takes.{name}: the model has no actuator {' / '.join(of)}")
        for name, value in self.order["initial"].items():
            exchange.set_actuator_value(state, self._actuators[name], value)
        return True

    def _refuse(self, state: Any, why: str) -> bool:
        self._fail(why)
        self._handles.clear()
        self.api.runtime.stop_simulation(state)
        return False

    def _values(self, state: Any) -> dict[str, float]:
        exchange = self.api.exchange
        hours = max(self._step - self._since, 1) * exchange.zone_time_step(state)
        if self._since == 0 and self._step > 1:
            hours = self._step * exchange.zone_time_step(state)
        values = {
            # A meter is what it counted since the last answer, as mean power.
            name: self._joules[name] / J_PER_KWH / hours
            if kind == "meter"
            else exchange.get_variable_value(state, handle)
            for name, (kind, handle) in self._handles.items()
        }
        self._joules.clear()
        self._since = self._step
        return values

    def _listen(self, state: Any) -> None:
        line = self.asks.readline()
        if not line:
            self.told_failure = True  # nobody is there to be told anything
            self._wanted = sys.maxsize
            self.api.runtime.stop_simulation(state)
            return
        asked = json.loads(line)
        for name, value in asked["set"].items():
            self.api.exchange.set_actuator_value(state, self._actuators[name], value)
        self._wanted = self._step + int(asked["steps"])

    def _fail(self, why: str) -> None:
        if not self.told_failure:
            self.told_failure = True
            self._answer({"failed": why})

    def _answer(self, what: Mapping[str, object]) -> None:
        self.replies.write(json.dumps(what) + "\n")
        self.replies.flush()


def first_severe(errors: Path) -> str:
    """The first severe or fatal line of EnergyPlus's error file, in one line."""
    try:
        lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it ended without an error file"
    bad: Sequence[int] = [n for n, line in enumerate(lines) if "** Severe" in line or "**  Fatal" in line]
    if not bad:
        return "it ended early and gave no reason"
    told = [lines[bad[0]].split("**")[-1].strip()]
    for line in lines[bad[0] + 1 :]:
        if "**   ~~~   **" not in line:
            break
        told.append(line.split("**")[-1].strip())
    return " ".join(told)[:300]


def main() -> int:
    """Speak on what was standard output; EnergyPlus itself gets nowhere to print."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    return Conversation(EnergyPlusAPI(), order, replies, sys.stdin).run()


if __name__ == "__main__":
    sys.exit(main())
