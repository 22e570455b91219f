"""Moisture: where humidity is measured, what it leaves of a lever's range. It only ever narrows.

Three rules. Nothing that carries a liquid to a rack may be colder than the room's dew point and a
margin: it would drip. Supply air is not asked for below the dew point: the coil would only dry the
room. And in a room that is too moist, water and air that dry it may not be warmed further. Sensors
that are there and say nothing close what they would have judged.
"""

from __future__ import annotations

import math

import numpy as np

from controller.reach import home_of
from plant.points import SITE, OwnerId
from plant.psychrometrics import dew_point_c
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import Site, Zone
from plant.snapshot import Snapshot

LIQUID_ABOVE_DEW_K = 2.0
"""What ASHRAE TC 9.9 asks of facility and technology water over the room's dew point. [K]"""

_LIQUID = Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT
_AIR = Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT
_DRYING = frozenset({_AIR, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT})
_JUDGED = _DRYING | {_LIQUID}


def moisture_limits(site: Site, lever: Lever, snapshot: Snapshot) -> tuple[tuple[float, float, str], ...]:
    """Ranges (low, high, why) that the moisture of the lever's rooms allows; none where none is measured."""
    if lever.quantity not in _JUDGED:
        return ()
    present = snapshot.lever_value(lever)
    found: list[tuple[float, float, str]] = []
    for zone in _zones(site, lever.owner):
        if not _sensors(site, zone.id):
            continue
        dew, moist = dew_point_of(site, zone.id, snapshot), humidity_of(site, zone.id, snapshot)
        if math.isnan(dew) and math.isnan(moist):
            found.append((present, present, f"{zone.id}: its humidity sensors are not usable"))
            continue
        found += _rules(lever, zone, dew, moist, present)
    return tuple(found)


def dew_point_of(site: Site, zone: OwnerId, snapshot: Snapshot) -> float:
    """The highest dew point the zone's sensors show, from humidity and supply air if need be. [°C]"""
    shown = [snapshot.value(p.id) for p in site.points_in(zone, Quantity.ZONE_DEW_POINT)]
    known = [v for v in shown if not math.isnan(v)]
    if known:
        return max(known)
    moist, air = humidity_of(site, zone, snapshot), snapshot.inlets_c(zone)
    if math.isnan(moist) or not air.size or moist <= 0:
        return math.nan
    return float(dew_point_c(np.asarray(float(np.median(air))), np.asarray(moist)))


def humidity_of(site: Site, zone: OwnerId, snapshot: Snapshot) -> float:
    """The highest relative humidity the zone's sensors show. [ratio]"""
    shown = [snapshot.value(p.id) for p in site.points_in(zone, Quantity.RELATIVE_HUMIDITY)]
    return max((v for v in shown if not math.isnan(v)), default=math.nan)


def _rules(
    lever: Lever, zone: Zone, dew: float, moist: float, present: float
) -> list[tuple[float, float, str]]:
    found: list[tuple[float, float, str]] = []
    limits = zone.humidity
    if lever.quantity is _LIQUID and not math.isnan(dew):
        floor = dew + LIQUID_ABOVE_DEW_K
        found.append(
            (floor, math.inf, f"{zone.id}: dew point {dew:.1f} °C, liquid stays above {floor:.1f} °C")
        )
    if lever.quantity is _AIR and not math.isnan(dew):
        found.append((dew, math.inf, f"{zone.id}: supply air stays above the dew point, {dew:.1f} °C"))
    if lever.quantity in _DRYING and (dew > limits.dew_point_max_c or moist > limits.relative_humidity_max):
        said = f"dew point {dew:.1f} °C" if dew > limits.dew_point_max_c else f"humidity {moist:.0%}"
        found.append(
            (-math.inf, present, f"{zone.id}: {said} is above its limit; nothing that dries is warmed")
        )
    return found


def _zones(site: Site, owner: OwnerId) -> tuple[Zone, ...]:
    """The rooms a lever of this owner reaches: its own, or all."""
    home = home_of(site, owner)
    return tuple(z for z in site.zones if home in (SITE, z.id))


def _sensors(site: Site, zone: OwnerId) -> bool:
    kinds = (Quantity.ZONE_DEW_POINT, Quantity.RELATIVE_HUMIDITY)
    return any(site.points_in(zone, quantity) for quantity in kinds)
