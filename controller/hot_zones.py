"""Zones that may only be cooled further, and why: too warm, not seen well enough, or short of running units.

A zone's warmest usable inlet counts, never a mean; a zone that is not seen counts as hot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from plant.idle_units import seen_running
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site, Zone
from plant.snapshot import Snapshot

_AIR_UNITS = frozenset({EquipmentKind.CRAH, EquipmentKind.DX_UNIT})
MIN_USABLE_INLETS = 0.5
"""A zone with a smaller share of its inlet sensors usable counts as unseen."""


def hot_zones(site: Site, snapshot: Snapshot) -> Mapping[OwnerId, str]:
    """Zones that may only be cooled further, and why: too warm, or not seen well enough."""
    found = {zone.id: _zone_concern(site, zone, snapshot) for zone in site.zones}
    return {zone: concern for zone, concern in found.items() if concern}


def seen_inlets_c(site: Site, zone: Zone, snapshot: Snapshot) -> list[float]:
    """Usable, fresh inlet temperatures of a zone; empty when too few of its sensors are. [°C]"""
    sensors = site.points_of(zone.id, Quantity.INLET_TEMPERATURE)
    fresh = [snapshot.value(p.id) for p in sensors if abs(snapshot.age_s(p.id)) <= site.safety.max_data_age_s]
    seen = [value for value in fresh if not math.isnan(value)]
    return seen if seen and len(seen) >= MIN_USABLE_INLETS * len(sensors) else []


def _zone_concern(site: Site, zone: Zone, snapshot: Snapshot) -> str:
    seen = seen_inlets_c(site, zone, snapshot)
    if not seen:
        return "too few of its inlet sensors are usable"
    idle = _too_few_units(site, zone, snapshot)
    if idle:
        return idle
    worst = max(seen)
    if worst >= zone.limits.recommended_max_c:
        return f"worst inlet {worst:.1f} °C is at the limit {zone.limits.recommended_max_c:.1f} °C"
    return ""


def _too_few_units(site: Site, zone: Zone, snapshot: Snapshot) -> str:
    """Why too few air units run; what does not say whether it runs counts only where one is enough."""
    units = [e for e in site.equipment if e.zone == zone.id and e.kind in _AIR_UNITS]
    shown = [seen_running(e.id, snapshot) for e in units]
    running = sum(s is True for s in shown)
    unknown = sum(s is None for s in shown)
    if not units or running >= zone.min_units_running or (zone.min_units_running <= 1 and unknown):
        return ""
    return f"{running} of its air units are seen to run, {zone.min_units_running} must"
