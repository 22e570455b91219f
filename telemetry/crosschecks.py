"""Do the meters agree with each other? Laws that hold over a whole site, not rules for one sensor.

When a law is broken, one of several readings is wrong and nobody can say which from here, so no
reading is flagged: the finding names them all, for an alarm and for the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plant.points import SITE, PointId
from plant.quantities import Quantity
from plant.site import EquipmentKind
from plant.snapshot import Snapshot

_WATER_KJ_PER_M3_K = 4.19 * 999.7
"""Heat capacity of water at 10 °C, 4.19 kJ/(kg·K) times 999.7 kg/m³ (CRC Handbook)."""
_METER = 0.05
"""Two meters of class 1 with their transformers, not read at the same instant, agree to this. [-]"""
_HEAT = 0.15
"""Heat on the water side against heat on the air side (domain notes 6.4). [-]"""
_COOLING_KINDS = (
    EquipmentKind.CRAH,
    EquipmentKind.CHILLER,
    EquipmentKind.CHILLED_WATER_PUMP,
    EquipmentKind.CONDENSER_WATER_PUMP,
    EquipmentKind.TOWER_CELL,
)


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One law, whether it holds, what was found, and the points to look at."""

    name: str
    holds: bool
    told: str
    points: tuple[PointId, ...]


def cross_checks(snapshot: Snapshot) -> list[CrossCheck]:
    """Every law whose readings are all there. What cannot be checked is left out."""
    laws: tuple[Callable[[Snapshot], Iterator[CrossCheck]], ...] = (
        _facility_holds_it_and_cooling,
        _cooling_is_the_sum_of_its_machines,
        _it_is_the_sum_of_its_zones,
        _return_is_warmer_than_supply,
        _water_carries_the_heat,
    )
    return [check for law in laws for check in law(snapshot)]


def _facility_holds_it_and_cooling(snapshot: Snapshot) -> Iterator[CrossCheck]:
    facility = snapshot.mean(SITE, Quantity.FACILITY_POWER)
    parts = snapshot.mean(SITE, Quantity.IT_POWER) + snapshot.mean(SITE, Quantity.COOLING_POWER)
    if math.isnan(facility + parts):
        return
    # What is left over is losses, lights and offices: something, but not half as much as all else.
    holds = parts * (1 - _METER) <= facility <= parts * 1.5
    told = f"facility meter {facility:.0f} kW, IT and cooling together {parts:.0f} kW"
    wanted = (Quantity.FACILITY_POWER, Quantity.IT_POWER, Quantity.COOLING_POWER)
    yield CrossCheck("facility meter", holds, told, _ids(snapshot, *wanted))


def _cooling_is_the_sum_of_its_machines(snapshot: Snapshot) -> Iterator[CrossCheck]:
    site = snapshot.site
    machines = [e.id for kind in _COOLING_KINDS for e in site.equipment_of(kind)]
    metered = [m for m in machines if site.points_of(m, Quantity.POWER)]
    cooling = snapshot.mean(SITE, Quantity.COOLING_POWER)
    total = snapshot.total(Quantity.POWER, metered)
    if not metered or math.isnan(cooling + total):
        return
    # A machine without a meter of its own is allowed to be in the cooling meter.
    low = cooling * (1 - _METER) - 1
    holds = total <= cooling * (1 + _METER) + 1 and (len(metered) < len(machines) or total >= low)
    told = f"cooling meter {cooling:.1f} kW, {len(metered)} machines together {total:.1f} kW"
    yield CrossCheck("cooling meter", holds, told, _ids(snapshot, Quantity.COOLING_POWER))


def _it_is_the_sum_of_its_zones(snapshot: Snapshot) -> Iterator[CrossCheck]:
    zones = [z.id for z in snapshot.site.zones]
    if not all(snapshot.site.points_of(z, Quantity.IT_POWER) for z in zones):
        return
    metered, total = snapshot.mean(SITE, Quantity.IT_POWER), snapshot.total(Quantity.IT_POWER, zones)
    if math.isnan(metered + total):
        return
    holds = abs(metered - total) <= _METER * max(metered, total) + 1
    told = f"IT meter {metered:.0f} kW, the zones together {total:.0f} kW"
    yield CrossCheck("IT meter", holds, told, _ids(snapshot, Quantity.IT_POWER))


def _return_is_warmer_than_supply(snapshot: Snapshot) -> Iterator[CrossCheck]:
    supply = snapshot.mean(SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
    back = snapshot.mean(SITE, Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
    if math.isnan(supply + back):
        return
    told = f"chilled water leaves at {supply:.1f} °C and returns at {back:.1f} °C"
    wanted = (Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE, Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
    yield CrossCheck("chilled water direction", back >= supply - 0.5, told, _ids(snapshot, *wanted))


def _water_carries_the_heat(snapshot: Snapshot) -> Iterator[CrossCheck]:
    """All that is drawn in the hall becomes heat, and the chilled water takes it away."""
    crahs = [e.id for e in snapshot.site.equipment_of(EquipmentKind.CRAH)]
    drawn = snapshot.mean(SITE, Quantity.IT_POWER) + snapshot.total(Quantity.POWER, crahs)
    rise = snapshot.mean(SITE, Quantity.CHILLED_WATER_RETURN_TEMPERATURE) - snapshot.mean(
        SITE, Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE
    )
    taken = _WATER_KJ_PER_M3_K * snapshot.mean(SITE, Quantity.CHILLED_WATER_FLOW) * rise
    if math.isnan(drawn + taken):
        return
    holds = abs(taken - drawn) <= _HEAT * max(taken, drawn)
    told = f"chilled water takes {taken:.0f} kW, IT and CRAH fans draw {drawn:.0f} kW"
    wanted = (Quantity.CHILLED_WATER_FLOW, Quantity.CHILLED_WATER_RETURN_TEMPERATURE, Quantity.IT_POWER)
    yield CrossCheck("heat balance", holds, told, _ids(snapshot, *wanted))


def _ids(snapshot: Snapshot, *quantities: Quantity) -> tuple[PointId, ...]:
    return tuple(p.id for q in quantities for p in snapshot.site.points_of(SITE, q))
