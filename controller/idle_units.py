"""Air units that stand still already: what they would give after another's trip, nobody is to count on.

A unit that does not say whether it runs is taken to run. One that stands still as a standby counts as
standing still: that it would start is declared nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.hot_zones import seen_running
from plant.points import OwnerId
from plant.redundancy import AirTrip, Redundancy, air_shares
from plant.site import Site
from plant.snapshot import Snapshot


def idle_share(site: Site, zone: OwnerId, snapshot: Snapshot) -> float:
    """Share of a zone's rated air that belongs to units seen to stand still. [-]"""
    shares = air_shares(site, zone)
    return sum(share for unit, share in shares.items() if seen_running(site, unit, snapshot) is False)


def worst_trips(site: Site, facts: Redundancy, snapshot: Snapshot) -> Iterable[AirTrip]:
    """Each zone's trip of a unit that runs which leaves it least air: the others are no worse."""
    found: dict[OwnerId, AirTrip] = {}
    for trip in facts.air:
        if seen_running(site, trip.unit, snapshot) is False:
            continue
        left = max(0.0, trip.left - idle_share(site, trip.zone, snapshot))
        if trip.zone not in found or left < found[trip.zone].left:
            found[trip.zone] = replace(trip, left=left)
    return found.values()
