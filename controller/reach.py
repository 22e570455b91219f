"""Whose air a lever moves: the zone of the machine it is of, or the whole plant's.

A site file may give a lever to a zone, to a machine in a zone (a cooling distribution unit, an outdoor-air
damper) or to a machine of the plant room (a tank, an economizer). Whoever asks for a zone's mode, hold,
heat or doubt must ask for all of them, and finds out here whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from plant.points import SITE, OwnerId
from plant.setpoints import Lever
from plant.site import Site


def home_of(site: Site, owner: OwnerId) -> OwnerId:
    """The zone an owner is, or is in; `SITE` for everything that serves all of them."""
    if owner in site.zone_by_id:
        return owner
    zone = next((e.zone for e in site.equipment if e.id == owner), None)
    return SITE if zone is None else zone


def reaches(site: Site, lever: Lever, zones: Iterable[OwnerId]) -> bool:
    """Whether a lever moves the air of any of these zones; the plant's levers move that of every zone."""
    home, asked = home_of(site, lever.owner), frozenset(zones)
    return bool(asked) if home == SITE else home in asked
