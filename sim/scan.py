"""One scan of the plant and its controllers: setpoints slew, loops answer, physics moves, meters count.

A pure function of arrays. `SimulatedPlant` calls it step by step; `sim.kernel` compiles this very
function.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from sim.arrays import Array
from sim.dynamics import step_plant
from sim.kernel.leaves import rebuild
from sim.loops import LoopState, control
from sim.parameters import PlantParameters
from sim.plc import Registers, slewed
from sim.state import Actuators, Flows, PlantState, Weather
from sim.totals import Tally


class Upset(Protocol):
    """Machines that do not do what their controllers tell them (see `sim.faults`)."""

    def hold(self, loops: LoopState, actuators: Actuators) -> tuple[LoopState, Actuators]:
        """Loops and actuators as broken machines leave them."""
        ...


class Carry(NamedTuple):
    """What is carried from scan to scan."""

    state: PlantState
    flows: Flows
    loops: LoopState
    active: Registers
    """Setpoints as slewed so far."""
    tally: Tally


class Drive(NamedTuple):
    """What the world does during a step, or during each of many (steps first)."""

    weather: Weather
    utilization: Array
    """Shape (..., zones)."""


def scan(
    p: PlantParameters,
    carry: Carry,
    written: Registers,
    drive: Drive,
    step_s: float,
    upset: Upset | None = None,
) -> Carry:
    """One step of controllers and plant under the setpoints `written`."""
    return _step(p, carry, slewed(carry.active, written, step_s), drive, step_s, upset)


def _step(
    p: PlantParameters, carry: Carry, active: Registers, drive: Drive, step_s: float, upset: Upset | None
) -> Carry:
    loops, actuators = control(p, carry.loops, active, carry.state, carry.flows, drive.weather, step_s)
    if upset is not None:
        loops, actuators = upset.hold(loops, actuators)
    state, flows = step_plant(p, carry.state, actuators, drive.weather, drive.utilization, step_s)
    worst = state.inlet_c.max(axis=-1)
    tally = carry.tally.add(flows, worst, p.zones.recommended_max_c, step_s)
    return Carry(state, flows, loops, active, tally)


Scans: TypeAlias = Callable[[PlantParameters, Carry, Registers, Drive, float, Upset | None], Carry]
"""Many scans of one length: as many as the drive has."""


def one_by_one(
    p: PlantParameters, carry: Carry, written: Registers, drive: Drive, step_s: float, upset: Upset | None
) -> Carry:
    """Many scans in NumPy. Setpoints that have arrived are not slewed any further."""
    arrived = False
    for i in range(len(drive.utilization)):
        active = carry.active if arrived else slewed(carry.active, written, step_s)
        if not arrived:
            arrived = all(np.array_equal(a, b) for a, b in zip(active, carry.active, strict=True))
        carry = _step(p, carry, active, rebuild(drive, itemgetter(i)), step_s, upset)
    return carry
