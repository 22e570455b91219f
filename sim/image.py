"""An image of a plant: everything that changes, and the first one, settled as the site was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.arrays import Array
from sim.loops import LoopState, begin_loops
from sim.parameters import PlantParameters
from sim.plc import Plc, PlcProgram
from sim.settled import first_flows, settled_state
from sim.state import Flows, PlantState, Weather
from sim.totals import Tally, begin_tally


@dataclass(frozen=True)
class PlantImage:
    """Everything that changes: enough to go on from here, cheap to keep and to pickle."""

    unix_s: float
    state: PlantState
    flows: Flows
    loops: LoopState
    plc: Plc
    weather: Weather
    tally: Tally
    noise: Mapping[str, Any]
    """State of the sensor-noise generator (NumPy's own form)."""


def first_image(
    p: PlantParameters,
    program: PlcProgram,
    weather: Weather,
    utilization: Array,
    step_s: float,
    unix_s: float,
    noise: Mapping[str, Any],
) -> PlantImage:
    """The plant at rest under the setpoints its PLC begins with, totals at zero."""
    plc = program.begin()
    state, loops = settled_state(p, plc, weather), begin_loops(p)
    flows = first_flows(p, state, loops, plc, weather, utilization, step_s)
    return PlantImage(unix_s, state, flows, loops, plc, weather, begin_tally(len(utilization)), noise)
