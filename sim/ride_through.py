"""How long a site's own supplies carry it when the utility is gone.

A limit for plans, not a part of the heat balance: while the battery carries the servers nothing
carries the fans and chillers, until a generator does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from plant.site import EquipmentKind, Site
from sim.nameplates import given
from sim.physics.backup import battery_time_s
from sim.state import Flows

GENERATOR_START_S = 30.0
"""From the loss of the utility to a loaded generator: 10 s to start (NFPA 110 type 10), and to transfer."""


@dataclass(frozen=True)
class RideThrough:
    """What happens after the utility fails at this load."""

    battery_s: float
    """How long the battery carries the servers."""
    uncooled_s: float
    """How long nothing cools them: until the generator carries the plant; infinite without one."""
    holds: bool
    """Whether the servers stay up."""


def ride_through(site: Site, flows: Flows) -> RideThrough:
    """What the site's batteries and generators can do at the present load."""
    batteries = site.equipment_of(EquipmentKind.BATTERY)
    generators = site.equipment_of(EquipmentKind.GENERATOR)
    critical_kw = float(flows.facility_kw - flows.cooling_kw)
    rated_kw = sum(given(e.nameplate.power_kw, 1.2 * critical_kw) for e in batteries)
    energy_kwh = sum(
        given(e.nameplate.storage_kwh, given(e.nameplate.power_kw, 1.2 * critical_kw) / 12) for e in batteries
    )
    lasts = 0.0
    if batteries:
        lasts = float(battery_time_s(np.asarray(energy_kwh), np.asarray(rated_kw), np.asarray(critical_kw)))
    can_kw = sum(given(e.nameplate.power_kw, 1.25 * float(flows.facility_kw)) for e in generators)
    carried = bool(generators) and can_kw >= float(flows.facility_kw)
    uncooled = GENERATOR_START_S if carried else math.inf
    return RideThrough(lasts, uncooled, holds=carried and lasts >= GENERATOR_START_S)
