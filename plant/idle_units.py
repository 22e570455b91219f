"""Air units that stand still already: what they would give after another's trip, nobody is to count on.

A unit that does not say whether it runs is taken to run. One that stands still as a standby counts as
standing still: that it would start is declared nowhere. Planner and supervisor ask here, so that neither
counts on a unit the other does not.
"""

from __future__ import annotations

import math
from dataclasses import replace

from plant.points import OwnerId
from plant.quantities import Quantity
from plant.redundancy import AirTrip, Redundancy, air_shares, declared_redundancy
from plant.site import Site
from plant.snapshot import Snapshot

_SHOWS = ((Quantity.RUN_STATUS, 0.5), (Quantity.FAN_SPEED, 0.05), (Quantity.POWER, 0.05))
"""What tells whether a unit runs, first that which says it outright, and from which value on it does."""


def seen_running(unit: OwnerId, snapshot: Snapshot) -> bool | None:
    """Whether a unit runs by its own status, fan speed or power; None where nothing usable says."""
    for quantity, least in _SHOWS:
        value = snapshot.mean(unit, quantity)
        if not math.isnan(value):
            return value > least
    return None


def running_speed(site: Site, zone: OwnerId, snapshot: Snapshot) -> float:
    """Mean fan speed of a zone's air units that do not stand still; NaN where none tells. [-]"""
    each = [
        snapshot.mean(unit, Quantity.FAN_SPEED)
        for unit in air_shares(site, zone)
        if seen_running(unit, snapshot) is not False
    ]
    known = [speed for speed in each if not math.isnan(speed)]
    return sum(known) / len(known) if known else snapshot.zone_mean(zone, Quantity.FAN_SPEED)


def seen_in(site: Site, zone: OwnerId, quantity: Quantity, snapshot: Snapshot) -> float:
    """Where a zone stands by its measurements: its mean, of fans that do not stand still; NaN if unknown."""
    if quantity is Quantity.FAN_SPEED:
        return running_speed(site, zone, snapshot)
    return snapshot.zone_mean(zone, quantity)


def redundancy_now(site: Site, snapshot: Snapshot) -> Redundancy:
    """What the site declares, less the air units that stand still: they neither trip nor help.

    Of each zone one trip is left, that of a running unit which leaves it least air: the others are no worse.
    """
    facts = declared_redundancy(site)
    idle = {zone.id: _idle_share(site, zone.id, snapshot) for zone in site.zones}
    worst: dict[OwnerId, AirTrip] = {}
    for trip in facts.air:
        if seen_running(trip.unit, snapshot) is False:
            continue
        left = max(0.0, trip.left - idle[trip.zone])
        if trip.zone not in worst or left < worst[trip.zone].left:
            worst[trip.zone] = replace(trip, left=left)
    return replace(facts, air=tuple(worst.values()), idle=idle)


def _idle_share(site: Site, zone: OwnerId, snapshot: Snapshot) -> float:
    """Share of a zone's rated air that belongs to units seen to stand still. [-]"""
    shares = air_shares(site, zone)
    return sum(share for unit, share in shares.items() if seen_running(unit, snapshot) is False)
