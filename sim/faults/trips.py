"""A plant in which one machine has just tripped: a copy, so that "what if" costs nothing."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from plant.errors import BrokenPromise
from plant.points import OwnerId
from plant.site import EquipmentKind
from sim.arrays import Array
from sim.faults.fault import Fault, make_fault
from sim.faults.machines import upset_by, worn
from sim.plant import SimulatedPlant

_TRIPS = {
    EquipmentKind.CRAH: ("failed_fan",),
    EquipmentKind.DX_UNIT: ("failed_fan", "compressor_trip"),
    EquipmentKind.CHILLER: ("chiller_trip",),
}
"""What the trip of a machine may be, as faults: of a DX unit the compressors may stop, and its fan go on."""


def units_that_may_trip(plant: SimulatedPlant) -> tuple[OwnerId, ...]:
    """Every machine of the plant that this simulator can trip, of the kinds its site names."""
    kinds = [k for k in plant.site.safety.n_minus_one if k in _TRIPS]
    return tuple(e.id for e in plant.site.equipment if e.kind in kinds)


def tripped(plant: SimulatedPlant, unit: OwnerId, how: int = 0) -> SimulatedPlant:
    """A copy of the plant in which a machine stops now, in the first (or another) of the ways there are.

    Raises
    ------
    BrokenPromise
        If the site has no such machine, or it is of a kind that does not trip.
    """
    kind = next((e.kind for e in plant.site.equipment if e.id == unit), None)
    if kind not in _TRIPS:
        raise BrokenPromise(f"{unit} is nothing that trips")
    fault: Fault = make_fault(_TRIPS[kind][how], plant.now, plant.now + timedelta(days=1), unit)
    twin = plant.copy()
    twin.parameters = worn(plant.parameters, [fault], plant.site)
    twin.upset = upset_by([fault], plant.site, plant.parameters)
    return twin


def ride(plant: SimulatedPlant, unit: OwnerId, seconds: float, step_s: float = 30.0) -> Array:
    """Warmest true inlet of each zone while a machine is out, nobody acting but the PLC. Shape (zones,).

    Of the ways in which the machine may trip each zone's worst.
    """
    ways = [_TRIPS.get(e.kind, ()) for e in plant.site.equipment if e.id == unit]
    warmest = np.full(len(plant.site.zones), -math.inf)
    for how in range(max((len(w) for w in ways), default=1) or 1):
        twin = tripped(plant, unit, how)
        for _ in range(max(1, math.ceil(seconds / step_s))):
            twin.step(step_s)
            warmest = np.maximum(warmest, twin.true_inlets_c().max(axis=-1))
    return warmest
