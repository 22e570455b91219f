"""What a snapshot looks like as metrics. A point without a usable value gives no sample."""

from __future__ import annotations

import math
from collections import Counter

from controller.metrics_sample import Sample, Samples
from plant.points import SITE, OwnerId, Point
from plant.quantities import Quantity
from plant.readings import Quality
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

_WATTS_PER_KW = 1000.0


_BY_HALL_AND_EQUIPMENT = {
    Quantity.SUPPLY_AIR_TEMPERATURE: "supply_air_temperature_celsius",
    Quantity.RETURN_AIR_TEMPERATURE: "return_air_temperature_celsius",
    Quantity.FAN_SPEED: "fan_speed_ratio",
    Quantity.VALVE_POSITION: "valve_position_ratio",
}
_METERS = {
    Quantity.FACILITY_POWER: "facility",
    Quantity.IT_POWER: "it",
    Quantity.COOLING_POWER: "cooling",
}
_LOOPS = {
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: "chilled_supply",
    Quantity.CHILLED_WATER_RETURN_TEMPERATURE: "chilled_return",
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE: "condenser_supply",
}
_BULBS = {Quantity.OUTDOOR_DRY_BULB: "dry", Quantity.OUTDOOR_WET_BULB: "wet"}
_PLAIN = {
    Quantity.CHILLED_WATER_FLOW: "chilled_water_flow_cubic_meters_per_second",
    Quantity.WATER_FLOW: "makeup_water_flow_cubic_meters_per_second",
    Quantity.LOCAL_CONTROL: "local_control_active",
}


def plant_samples(snapshot: Snapshot) -> Samples:
    """Everything a snapshot says of the plant and of its own data."""
    hall_of = hall_zones(snapshot.site)
    kind_of = {e.id: e.kind.value for e in snapshot.site.equipment}
    for point in snapshot.site.points:
        value = snapshot.value(point.id)
        if not math.isnan(value):
            yield from _point(point, value, hall_of, kind_of)
    yield from setpoint_samples(snapshot.site, "plant", snapshot.setpoints())
    yield from _data(snapshot)


def hall_zones(site: Site) -> dict[OwnerId, str]:
    """The zone label of every owner; what serves the whole site is in `site`."""
    zones = {z.id: str(z.id) for z in site.zones}
    return {SITE: "site", **zones, **{e.id: str(e.zone or "site") for e in site.equipment}}


def _point(point: Point, value: float, hall_of: dict[OwnerId, str], kind_of: dict[OwnerId, str]) -> Samples:
    quantity, owner, hall = point.quantity, str(point.owner), hall_of[point.owner]
    kind = kind_of.get(point.owner, "meter")
    if quantity is Quantity.INLET_TEMPERATURE:
        yield Sample("inlet_temperature_celsius", (hall, str(point.id)), value)
    elif quantity in _BY_HALL_AND_EQUIPMENT:
        yield Sample(_BY_HALL_AND_EQUIPMENT[quantity], (hall, owner), value)
    elif quantity in _METERS and point.owner == SITE:
        yield Sample("meter_power_watts", (_METERS[quantity],), value * _WATTS_PER_KW)
    elif quantity is Quantity.IT_POWER:
        yield Sample("zone_it_power_watts", (hall,), value * _WATTS_PER_KW)
    elif quantity is Quantity.POWER:
        yield Sample("equipment_power_watts", (owner, kind), value * _WATTS_PER_KW)
    elif quantity is Quantity.RUN_STATUS:
        yield Sample("equipment_running", (owner, kind), float(value > 0.5))
    elif quantity is Quantity.ECONOMIZER_HEAT:
        yield Sample("economizer_heat_watts", (owner,), value * _WATTS_PER_KW)
    elif quantity is Quantity.UTILIZATION:
        yield Sample("utilization_ratio", (hall,), value)
    elif quantity in _LOOPS:
        yield Sample("water_temperature_celsius", (_LOOPS[quantity],), value)
    elif quantity in _BULBS:
        yield Sample("outdoor_temperature_celsius", (_BULBS[quantity],), value)
    elif quantity in _PLAIN:
        yield Sample(_PLAIN[quantity], (), value)


def setpoint_samples(site: Site, source: str, setpoints: Setpoints | dict[LeverId, float]) -> Samples:
    """Where one source says the levers stand or should stand."""
    hall_of = hall_zones(site)
    for lever in site.levers:
        if lever.id in setpoints:
            metric = "setpoint_ratio" if "fan_speed" in lever.quantity.value else "setpoint_celsius"
            yield Sample(metric, (str(lever.id), hall_of[lever.owner], source), setpoints[lever.id])


def _data(snapshot: Snapshot) -> Samples:
    yield Sample("snapshot_timestamp_seconds", (), snapshot.time.timestamp())
    counts: Counter[Quality] = Counter(dict.fromkeys(Quality, 0))
    for point in snapshot.site.points:
        reading = snapshot.reading(point.id)
        counts[reading.quality] += 1
        yield Sample("sensor_valid", (str(point.id),), float(reading.usable))
        if reading.quality is not Quality.MISSING:
            yield Sample("reading_timestamp_seconds", (str(point.id),), reading.time.timestamp())
    for quality, count in counts.items():
        yield Sample("sensors", (quality.value,), float(count))


def site_samples(site: Site, version: str) -> Samples:
    """What does not change while the program runs."""
    yield Sample("build_info", (version,), 1.0)
    yield Sample("site_info", (site.name, site.timezone), 1.0)
    for zone in site.zones:
        for name, limit in (
            ("planning", zone.limits.planning_max_c),
            ("recommended", zone.limits.recommended_max_c),
            ("allowable", zone.limits.allowable_max_c),
            ("recommended_min", zone.limits.recommended_min_c),
        ):
            yield Sample("inlet_limit_celsius", (str(zone.id), name), limit)
    yield from setpoint_samples(site, "as_found", site.as_found)
    yield from setpoint_samples(site, "fallback", site.fallback)
