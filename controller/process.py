"""What answers to a setpoint: the process value behind it, and whether it bears out what a register says."""

from __future__ import annotations

import math
from collections.abc import Mapping

from plant.points import SITE, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import Site
from plant.snapshot import Snapshot

PROCESS: Mapping[Quantity, Quantity] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: Quantity.SUPPLY_AIR_TEMPERATURE,
    Quantity.FAN_SPEED_SETPOINT: Quantity.FAN_SPEED,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE,
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE,
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: Quantity.LIQUID_SUPPLY_TEMPERATURE,
}
"""The measured quantity that follows each setpoint."""

_AGREES_K, _AGREES_RATIO = 1.5, 0.08


def process_points(site: Site, lever: Lever, quantity: Quantity) -> list[PointId]:
    """The process values of the owners of a lever's own registers."""
    points = site.point_by_id
    owners = {points[p].owner for p in lever.points if p in points} | {lever.owner}
    found = [p.id for owner in sorted(owners) for p in site.points_of(owner, quantity)]
    if not found and lever.owner == SITE:
        return [p.id for p in site.points_with(quantity)]
    return found


def process_value(site: Site, lever: Lever, quantity: Quantity, snapshot: Snapshot) -> float:
    """Mean of the usable ones, NaN where there is none."""
    known = [v for v in map(snapshot.value, process_points(site, lever, quantity)) if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan


def borne_out(site: Site, lever: Lever, present: float, snapshot: Snapshot) -> bool:
    """Whether the plant itself stands where a register says: one lying register is not believed."""
    quantity = PROCESS.get(lever.quantity)
    if quantity is None:
        return False
    apart = abs(process_value(site, lever, quantity, snapshot) - present)
    return apart <= (_AGREES_RATIO if lever.quantity is Quantity.FAN_SPEED_SETPOINT else _AGREES_K)
