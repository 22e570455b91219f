"""What a point usually reads, narrower than what its quantity can be."""

from __future__ import annotations

from plant.points import SITE, Point
from plant.quantities import Quantity
from plant.site import Site

# Ordinary operation, in the inside unit. A value outside may be right, but deserves a look.
_USUAL: dict[Quantity, tuple[float, float]] = {
    Quantity.INLET_TEMPERATURE: (12, 45),
    Quantity.SUPPLY_AIR_TEMPERATURE: (8, 35),
    Quantity.RETURN_AIR_TEMPERATURE: (14, 55),
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: (10, 32),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: (3, 30),
    Quantity.CHILLED_WATER_RETURN_TEMPERATURE: (4, 38),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: (4, 25),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE: (3, 42),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: (5, 38),
    Quantity.CHILLED_WATER_FLOW: (0, 1),
    Quantity.OUTDOOR_DRY_BULB: (-40, 52),
    Quantity.OUTDOOR_WET_BULB: (-40, 35),
}
_POWERS = (Quantity.POWER, Quantity.IT_POWER, Quantity.FACILITY_POWER, Quantity.COOLING_POWER)


def usual_range(site: Site, point: Point) -> tuple[float, float]:
    """The lowest and highest value that would not surprise, in the inside unit."""
    low, high = point.facts.low, point.facts.high
    lever = next((lv for lv in site.levers if point.id in lv.points), None)
    if lever is not None:
        return min(lever.low, lever.fallback), max(lever.high, lever.fallback)
    if point.quantity in _USUAL:
        return _USUAL[point.quantity]
    if point.quantity in _POWERS:
        return max(low, -0.5), min(high, _most_power_kw(site, point))
    if point.quantity is Quantity.ECONOMIZER_HEAT:
        return low, min(high, _nameplate(site, point, "capacity_kw", 1.5))
    return low, high


def _most_power_kw(site: Site, point: Point) -> float:
    """Twice the nameplate; where there is none, three times the design IT power of what is metered."""
    found = _nameplate(site, point, "power_kw", 2.0)
    if found < float("inf"):
        return found
    zones = [z for z in site.zones if point.owner in (z.id, SITE)] or list(site.zones)
    design = sum(z.it_design_kw for z in zones)
    return design * (1.5 if point.quantity is Quantity.IT_POWER else 3.0)


def _nameplate(site: Site, point: Point, key: str, factor: float) -> float:
    for equipment in site.equipment:
        if equipment.id == point.owner:
            value = getattr(equipment.nameplate, key)
            return float("inf") if value is None else float(value) * factor
    return float("inf")
