"""The analytic plant's site with the levers of a schedule: machines, economizer, a tank, work that waits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from analytic_plant import outlook

from optimizer.identify.storage import StorageLaw
from optimizer.model import PlantModel
from plant.forecast import Forecast, PriceSeries
from plant.points import SITE, OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import Lever, LeverId
from plant.site import Equipment, EquipmentKind, Nameplate, RunLimits, Site
from plant.snapshot import Snapshot

CAPACITY_KWH, MOST_KW = 2000.0, 400.0
_TANK = OwnerId("tank-1")


def _point(name: str, owner: OwnerId, quantity: Quantity) -> Point:
    units = {Quantity.STORAGE_CHARGE: "ratio", Quantity.CHILLERS_ENABLED_SETPOINT: "count"}
    unit = "ratio" if quantity is Quantity.ECONOMIZER_ENABLE_SETPOINT else units.get(quantity, "kW")
    return Point(PointId(name), owner, quantity, unit, None)


def _lever(name: str, owner: OwnerId, quantity: Quantity, low: float, high: float, move: float) -> Lever:
    at_home = high if move <= 1 else 0.0
    step = 1.0 if move <= 1 else 10.0
    point = PointId(f"{name}.setpoint")
    return Lever(LeverId(name), owner, quantity, (point,), low, high, move, step, at_home, at_home)


TANK = _lever("tank-1.rate", _TANK, Quantity.STORAGE_RATE_SETPOINT, -MOST_KW, MOST_KW, MOST_KW)
CHILLERS = _lever("plant.chillers", SITE, Quantity.CHILLERS_ENABLED_SETPOINT, 0, 2, 1)
ECONOMIZER = _lever(
    "economizer-1.enable", OwnerId("economizer-1"), Quantity.ECONOMIZER_ENABLE_SETPOINT, 0, 1, 1
)
DEFERRAL = _lever("zone-a.deferred", OwnerId("zone-a"), Quantity.DEFERRED_IT_POWER_SETPOINT, 0, 60, 60)


def with_levers(site: Site, *levers: Lever, demand_charge: float = 0.0, start_cost: float = 5.0) -> Site:
    """A site with more levers; room for trips is not asked of it, so that tests see one thing."""
    run = RunLimits(min_on_s=1800, min_off_s=1200, start_cost=start_cost)
    equipment = tuple(replace(e, run=run) if e.kind is EquipmentKind.CHILLER else e for e in site.equipment)
    tank = Equipment(_TANK, EquipmentKind.STORAGE_TANK, None, Nameplate(storage_kwh=CAPACITY_KWH))
    points = [_point(lv.points[0], lv.owner, lv.quantity) for lv in levers]
    if TANK in levers:
        equipment = (*equipment, tank)
        points.append(_point("tank-1.charge", _TANK, Quantity.STORAGE_CHARGE))
    return replace(
        site,
        equipment=equipment,
        points=(*site.points, *points),
        levers=(*site.levers, *levers),
        safety=replace(site.safety, n_minus_one=()),
        tariff=replace(site.tariff, demand_charge_per_kw_month=demand_charge),
    )


def with_tank(model: PlantModel, capacity_kwh: float = CAPACITY_KWH) -> PlantModel:
    """The learned plant with a tank."""
    return replace(model, storage=StorageLaw(capacity_kwh, 0.001, MOST_KW))


def seen(snapshot: Snapshot, site: Site, charge: float = 0.5, **stands: float) -> Snapshot:
    """A snapshot of the wider site; levers stand where the site had them, or as given."""
    values = {p: lv.as_found for lv in site.levers for p in lv.points if p not in snapshot.readings}
    values |= {PointId(k.replace("__", "-").replace("_", ".")): v for k, v in stands.items()}
    values[PointId("tank-1.charge")] = charge
    fresh = {p: Reading(p, snapshot.time, v, Quality.GOOD) for p, v in values.items()}
    return replace(snapshot, site=site, readings={**snapshot.readings, **fresh})


def day(
    site: Site, snapshot: Snapshot, load: float = 0.7, wet_c: float = 18.0, dear: float = 0.3
) -> Forecast:
    """A day whose 6th to 10th hour cost ``dear``, the others 0.1; weather and load do not change."""
    flat = outlook(site, snapshot.time, load_share=load, wet_c=wet_c)
    hours = np.arange(flat.grid.steps) * flat.grid.step_h
    price = np.where((hours >= 6) & (hours < 10), dear, 0.1)
    return replace(flat, price=PriceSeries(flat.grid, price, site.tariff.currency, "two prices"))
