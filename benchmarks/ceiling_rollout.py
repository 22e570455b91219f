"""Many setpoint paths at once through the simulator's own physics, the weather and work to come known.

The black box of the ceiling: true parameters, true drivers, the compiled scan. Nothing of this is
ever seen by a controller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from plant.site import Site
from plant.timegrid import TimeGrid
from sim.kernel.compiled import BATCH_LANES, CompiledScan, drive_table, stacked
from sim.kernel.leaves import flat, unflat
from sim.plant import SimulatedPlant
from sim.plc import Registers
from sim.scan import Carry, Drive
from sim.totals import _FIELDS as TALLIED

Array = NDArray[np.float64]

PERIOD_S = 300
"""Setpoints are held this long, as a supervisor holds them."""
_LITERS_PER_M3 = 1000.0


@dataclass(frozen=True)
class Money:
    """What energy costs in each period, carbon inside, and water. [currency/kWh], [currency/m³]"""

    per_kwh: Array
    water_per_m3: float

    def of(self, kwh: Array, water_l: Array) -> Array:
        """Cost of each period; periods last."""
        return np.asarray(kwh * self.per_kwh + water_l / _LITERS_PER_M3 * self.water_per_m3)


@dataclass(frozen=True)
class Rolled:
    """What paths lead to. Shapes (paths, periods), `inlet_c` (paths, periods, zones)."""

    facility_kwh: Array
    water_l: Array
    inlet_c: Array
    """Warmest true rack group at the end of each period."""
    peak_c: Array
    """Warmest of all rack groups within each period."""


class Rollouts:
    """The plant as it stands now, ready to be run under many paths.

    Parameters
    ----------
    plant
        Where every path begins; it is not changed. Nobody may be supervising its heartbeat.
    periods
        Length of a path, in periods of `PERIOD_S`.
    step_s
        Physics step. Twice the plant's own is half the work and changes little. [s]
    """

    def __init__(self, plant: SimulatedPlant, periods: int, step_s: float = 60.0) -> None:
        self.site, self.periods = plant.site, periods
        self.per_period = round(PERIOD_S / step_s)
        i = plant.image
        carry = Carry(i.state, i.flows, i.loops, i.plc.active, i.tally)
        self._kernel = CompiledScan(plant.parameters, carry, step_s, BATCH_LANES)
        self._carry, self._held = stacked([carry]), stacked([i.plc.registers])
        slots = unflat(carry, np.arange(float(len(self._carry))))
        sums = slots.tally.sums.astype(int)
        self._facility, self._water = sums[TALLIED.index("facility")], sums[TALLIED.index("water")]
        self._worst = int(slots.tally.worst_c)
        self._inlets = slots.state.inlet_c.astype(int)
        self._levers = _lever_slots(plant, i.plc.registers)
        middles: Array = i.unix_s + step_s * (np.arange(float(periods * self.per_period)) + 0.5)
        self._drive = drive_table(Drive(*plant.drive(middles)))
        registers = flat(i.plc.registers)
        self.present = np.array([registers[where[0]] for where in self._levers])
        """Where each lever of the site stands. Shape (levers,)."""

    def roll(self, paths: Array) -> Rolled:
        """Run paths of shape (paths, periods, levers) side by side."""
        count = len(paths)
        lanes = count + -count % BATCH_LANES
        padded = np.concatenate([paths, np.repeat(paths[:1], lanes - count, axis=0)])
        carry = np.repeat(self._carry, lanes, axis=1)
        held = np.repeat(self._held, lanes, axis=1)
        amounts = np.empty((2, self.periods + 1, lanes))
        amounts[:, 0] = carry[[self._facility, self._water]]
        inlets, peaks = (
            np.empty((self.periods, self._inlets.shape[0], lanes)),
            np.empty((self.periods, lanes)),
        )
        for k in range(self.periods):
            for lever, where in enumerate(self._levers):
                held[where] = padded[:, k, lever]
            carry[self._worst] = -np.inf
            part = self._drive[k * self.per_period : (k + 1) * self.per_period]
            drive = np.ascontiguousarray(np.repeat(part[..., None], lanes, axis=2))
            self._kernel.run_batch(carry, held, drive)
            amounts[:, k + 1] = carry[[self._facility, self._water]]
            inlets[k], peaks[k] = carry[self._inlets].max(axis=1), carry[self._worst]
        spent = np.diff(amounts, axis=1)[..., :count]
        return Rolled(
            spent[0].T / 3600, spent[1].T, inlets[..., :count].transpose(2, 0, 1), peaks[:, :count].T
        )


def _lever_slots(plant: SimulatedPlant, registers: Registers) -> list[NDArray[np.intp]]:
    """Which places of the flat registers each lever of the site moves."""
    numbers = unflat(registers, np.arange(float(flat(registers).size)))
    found = []
    for lever in plant.site.levers:
        mine: list[int] = []
        for point in lever.points:
            field, units = plant.program.places[point]
            places = getattr(numbers, field).astype(int)
            mine += places[list(units)].tolist() if units else np.ravel(places).tolist()
        found.append(np.array(mine))
    return found


def ramped(site: Site, present: Array, targets: Array) -> Array:
    """Paths toward targets (…, periods, levers), within range and one `max_move` a period."""
    low = np.array([v.low for v in site.levers])
    high = np.array([v.high for v in site.levers])
    most = np.array([v.max_move for v in site.levers])
    wanted = np.clip(targets, low, high)
    out, at = np.empty_like(wanted), present
    for k in range(targets.shape[-2]):
        at = np.minimum(np.maximum(wanted[..., k, :], at - most), at + most)
        out[..., k, :] = at
    return out


def period_grid(start: datetime, periods: int) -> TimeGrid:
    """The periods as a grid, to ask feeds on."""
    return TimeGrid(start, PERIOD_S, periods)
