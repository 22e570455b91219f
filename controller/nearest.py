"""Where nothing feasible exists: what stands in the way in each zone, and the smallest change that would do.

Reckoned with the calibrated laws and every lever where it helps most, at the load as measured. The
answer is for a person: shed so much load, allow air so much cooler, or accept the limit passed by so much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.points import SITE, OwnerId
from plant.quantities import Quantity
from plant.site import Site, Zone
from plant.snapshot import Snapshot

_WORTH_KW, _WORTH_K = 0.5, 0.05


@dataclass(frozen=True, slots=True)
class Nearest:
    """One zone that cannot keep its limit, and each single change that would let it."""

    zone: OwnerId
    best_c: float
    """Warmest inlet with every lever where it helps most. [°C]"""
    limit_c: float
    shed_kw: float
    """Least IT load to move elsewhere; infinite where no load is small enough. [kW]"""
    cooler_k: float
    """How much cooler supply air would have to be than levers and water allow. [K]"""

    @property
    def sentence(self) -> str:
        """In plant words."""
        less = f"{self.shed_kw:.0f} kW less load there, or " if math.isfinite(self.shed_kw) else ""
        return (
            f"{self.zone}: with every lever where it helps most its warmest rack settles at "
            f"{self.best_c:.1f} °C, limit {self.limit_c:g} °C; {less}supply air {self.cooler_k:.1f} K cooler "
            "than can be made, would do"
        )


def nearest_changes(site: Site, model: PlantModel | None, snapshot: Snapshot) -> tuple[Nearest, ...]:
    """Every zone that cannot keep its recommended limit, and the nearest change; empty without a model."""
    if model is None:
        return ()
    found = (_of_zone(site, zone, law, snapshot) for zone, law in zip(site.zones, model.zones, strict=True))
    return tuple(n for n in found if n is not None)


def _of_zone(site: Site, zone: Zone, law: ZoneModel, snapshot: Snapshot) -> Nearest | None:
    load = snapshot.mean(zone.id, Quantity.IT_POWER)
    if math.isnan(load):
        return None
    limit = zone.limits.recommended_max_c
    best = _best_c(site, zone, law, snapshot, load)
    if not best > limit + _WORTH_K:
        return None
    low, high = 0.0, load
    if _best_c(site, zone, law, snapshot, 0.0) > limit:
        return Nearest(zone.id, best, limit, math.inf, best - limit)
    while high - low > _WORTH_KW:
        middle = (low + high) / 2
        low, high = (middle, high) if _best_c(site, zone, law, snapshot, middle) <= limit else (low, middle)
    return Nearest(zone.id, best, limit, load - low, best - limit)


def _best_c(site: Site, zone: Zone, law: ZoneModel, snapshot: Snapshot, load_kw: float) -> float:
    """Warmest settled inlet with most air, coolest air and coldest water. [°C]"""
    speed = _end(site, zone.id, Quantity.FAN_SPEED_SETPOINT, snapshot, most=True)
    asked = _end(site, zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, snapshot, most=False)
    water = _end(site, SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT, snapshot, most=False)
    heat = load_kw + float(law.fans.power_kw(np.asarray(speed)))
    supply = float(law.coil.coolest_supply_c(speed, heat, water)) if not math.isnan(water) else asked
    supply = max(asked, supply)
    return float(np.max(law.inlets.settled_c(supply, load_kw, speed)))


def _end(site: Site, owner: OwnerId, quantity: Quantity, snapshot: Snapshot, *, most: bool) -> float:
    """The end of the lever's range that cools most; where there is no lever, where things stand."""
    owners = {owner, *(e.id for e in site.equipment if (e.zone or SITE) == owner)}
    levers = [lv for lv in site.levers if lv.owner in owners and lv.quantity is quantity]
    if levers:
        return min(lv.high for lv in levers) if most else max(lv.low for lv in levers)
    if quantity is Quantity.FAN_SPEED_SETPOINT:
        return snapshot.zone_mean(owner, Quantity.FAN_SPEED)
    if owner == SITE:
        return snapshot.mean(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
    return snapshot.zone_mean(owner, Quantity.SUPPLY_AIR_TEMPERATURE)
