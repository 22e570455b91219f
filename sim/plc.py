"""The site's own controllers, upper half: what they accept from a supervisor, and when they stop.

Written setpoints are clamped to the PLC's own limits and slewed. A heartbeat that stops moving
puts the plant under local control: the PLC overwrites its setpoint registers with its own safe
values and ramps there. It returns to remote only when the heartbeat moves again *and* a setpoint
is written. Supervision is armed by the heartbeat's first move, so a site with no supervisor yet
simply runs as it was found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from plant.points import SITE, OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from sim.arrays import Array
from sim.parameters import CrahParameters, PlantParameters
from sim.room_units import room_units_of


class Registers(NamedTuple):
    """One value for each thing that can be set."""

    supply_air_c: Array
    """Shape (..., crahs)."""
    fan_ratio: Array
    """Shape (..., crahs)."""
    chilled_c: Array
    condenser_c: Array
    chillers_enabled: Array
    """How many chillers may run."""
    economizer_enable: Array
    """Whether the water-side economizer may work: yes from 0.5."""
    outdoor_enable: Array
    """Whether a zone's outdoor-air dampers may open. Shape (..., zones)."""
    tank_kw: Array
    """Shape (..., tanks). Positive charges."""
    liquid_c: Array
    """Shape (..., cdus)."""
    deferred_kw: Array
    """Shape (..., zones)."""


class Supervision(NamedTuple):
    """Who is in charge. Plain numbers: there is one supervisor, not a batch of them."""

    heartbeat: int = 0
    silent_s: float = 0.0
    armed: bool = False
    local: bool = False


class Plc(NamedTuple):
    """What the PLC remembers: registers as written, setpoints as slewed, who is in charge."""

    registers: Registers
    active: Registers
    supervision: Supervision


# The PLC's own limits, wider than any sensible lever range; widened to the site's levers where
# those go further. [inside units]
_CLAMPS: dict[Quantity, tuple[float, float]] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: (15.0, 27.0),
    Quantity.FAN_SPEED_SETPOINT: (0.3, 1.0),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: (5.5, 18.0),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: (12.0, 32.0),
    Quantity.CHILLERS_ENABLED_SETPOINT: (0.0, 64.0),
    Quantity.ECONOMIZER_ENABLE_SETPOINT: (0.0, 1.0),
    Quantity.STORAGE_RATE_SETPOINT: (-50_000.0, 50_000.0),
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: (18.0, 50.0),
    Quantity.DEFERRED_IT_POWER_SETPOINT: (0.0, 50_000.0),
}
_FIELD: dict[Quantity, str] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: "supply_air_c",
    Quantity.FAN_SPEED_SETPOINT: "fan_ratio",
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: "chilled_c",
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: "condenser_c",
    Quantity.CHILLERS_ENABLED_SETPOINT: "chillers_enabled",
    Quantity.ECONOMIZER_ENABLE_SETPOINT: "economizer_enable",
    Quantity.STORAGE_RATE_SETPOINT: "tank_kw",
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: "liquid_c",
    Quantity.DEFERRED_IT_POWER_SETPOINT: "deferred_kw",
}
_AT_ONCE = 1e9
_SLEW_PER_S = Registers(
    supply_air_c=np.asarray(0.5 / 60),
    fan_ratio=np.asarray(0.1 / 60),
    chilled_c=np.asarray(0.4 / 60),
    condenser_c=np.asarray(0.5 / 60),
    chillers_enabled=np.asarray(_AT_ONCE),
    economizer_enable=np.asarray(_AT_ONCE),
    outdoor_enable=np.asarray(_AT_ONCE),
    tank_kw=np.asarray(2.0),
    liquid_c=np.asarray(1.0 / 60),
    deferred_kw=np.asarray(_AT_ONCE),
)
"""Per second, in each register's own unit."""


@dataclass(frozen=True)
class PlcProgram:
    """How one site's PLC is set up: which point moves what, limits, safe values, dead-man time."""

    places: dict[PointId, tuple[str, tuple[int, ...]]]
    """Setpoint point → (register field, indices in it; empty for a plant-wide value)."""
    clamps: dict[PointId, tuple[float, float]]
    heartbeat_point: PointId | None
    initial: Registers
    safe: Registers
    timeout_s: float

    def begin(self) -> Plc:
        """Registers as the site was found, nobody in charge but the site's own people."""
        return Plc(self.initial, self.initial, Supervision())

    def in_range(self, point: PointId, value: float) -> bool:
        """Whether the PLC would take the value as it is."""
        if point == self.heartbeat_point:
            return 0 <= value <= 65_535
        low, high = self.clamps[point]
        # A register's own rounding at the edge of the range is not a violation.
        return low - 1e-6 <= value <= high + 1e-6

    def write(self, plc: Plc, point: PointId, value: float) -> Plc:
        """A supervisor writes one register. Values beyond the clamps are stored clamped.

        In local control a write is ignored while the heartbeat is silent, and takes the plant
        back to remote once it beats again.
        """
        if point == self.heartbeat_point:
            return plc._replace(supervision=_beat(plc.supervision, round(value)))
        supervision = plc.supervision
        if supervision.local:
            if supervision.silent_s >= self.timeout_s:
                return plc
            supervision = supervision._replace(local=False)
        field, units = self.places[point]
        low, high = self.clamps[point]
        values: Array = getattr(plc.registers, field).copy()
        values[(..., list(units)) if units else ...] = min(max(value, low), high)
        return Plc(plc.registers._replace(**{field: values}), plc.active, supervision)

    def read(self, plc: Plc, point: PointId) -> float:
        """What a setpoint register holds."""
        field, units = self.places[point]
        values = getattr(plc.registers, field)
        return float(values[..., units[0]] if units else values)

    def watch(self, plc: Plc, seconds: float) -> Plc:
        """Time passes: supervise the heartbeat. Silence overwrites the registers with safe values."""
        who = plc.supervision
        if not who.armed:
            return plc
        silent = who.silent_s + seconds
        if silent < self.timeout_s:
            return plc._replace(supervision=who._replace(silent_s=silent))
        return plc._replace(registers=self.safe, supervision=who._replace(silent_s=silent, local=True))

    def excuse(self, plc: Plc, seconds: float) -> Plc:
        """Take so much of the silence that is to come as heard. Silence that led to local control stays."""
        who = plc.supervision
        if who.silent_s >= self.timeout_s:
            return plc
        return plc._replace(supervision=who._replace(silent_s=who.silent_s - seconds))

    def quiet_steps(self, plc: Plc, step_s: float, most: int) -> int:
        """How many steps, at least one, have the same registers from their first to their last."""
        who = plc.supervision
        if not who.armed or who.silent_s >= self.timeout_s:
            return most
        before = math.ceil((self.timeout_s - who.silent_s) / step_s - 1e-9) - 1
        return min(max(before, 1), most) if before > 0 else most


def slewed(active: Registers, written: Registers, step_s: float) -> Registers:
    """Active setpoints one step closer to what is written."""
    return Registers(
        *(
            old + np.minimum(np.maximum(new - old, -rate * step_s), rate * step_s)
            for old, new, rate in zip(active, written, _SLEW_PER_S, strict=True)
        )
    )


def _beat(who: Supervision, count: int) -> Supervision:
    if count == who.heartbeat:
        return who
    return who._replace(heartbeat=count, silent_s=0.0, armed=True)


def program_for(site: Site, p: PlantParameters, timeout_s: float) -> PlcProgram:
    """Set up the PLC of a site: any subset of setpoint points is fine."""
    places = {q.id: _place(site, p.crahs, q) for q in site.points if q.quantity in _FIELD}
    lever_of = {point: lever for lever in site.levers for point in lever.points}
    clamps = {}
    initial, safe = _blank(site, p), _blank(site, p)
    for point, (field, units) in places.items():
        low, high = _CLAMPS[site.point_by_id[point].quantity]
        lever = lever_of.get(point)
        if lever is not None:
            low, high = min(low, lever.low), max(high, lever.high)
            where = list(units) if units else ...
            getattr(initial, field)[where] = lever.as_found
            getattr(safe, field)[where] = lever.fallback
        clamps[point] = (low, high)
    heartbeats = site.points_with(Quantity.HEARTBEAT)
    return PlcProgram(
        places=places,
        clamps=clamps,
        heartbeat_point=heartbeats[0].id if heartbeats else None,
        initial=initial,
        safe=safe,
        timeout_s=timeout_s,
    )


def _place(site: Site, crahs: CrahParameters, point: Point) -> tuple[str, tuple[int, ...]]:
    """The register a setpoint point moves, and which of its values."""
    field = _FIELD[point.quantity]
    match field:
        case "supply_air_c" | "fan_ratio":
            return field, crah_units(site, crahs).get(point.owner, ())
        case "tank_kw":
            return field, _machines(site, EquipmentKind.STORAGE_TANK, point.owner)
        case "liquid_c":
            return field, _machines(site, EquipmentKind.CDU, point.owner)
        case "deferred_kw":
            return field, _zones(site, point.owner)
        case "economizer_enable" if _opens_dampers(site, point.owner):
            return "outdoor_enable", _zones(site, point.owner)
        case _:
            return field, ()


def _opens_dampers(site: Site, owner: OwnerId) -> bool:
    outdoor = site.equipment_of(EquipmentKind.AIR_ECONOMIZER)
    if any(e.id == owner for e in outdoor):
        return True
    by_water = site.equipment_of(EquipmentKind.ECONOMIZER)
    return bool(outdoor) and not by_water


def _machines(site: Site, kind: EquipmentKind, owner: OwnerId) -> tuple[int, ...]:
    """The machine itself, or all of them where the owner is none of them."""
    same = site.equipment_of(kind)
    return tuple(i for i, e in enumerate(same) if e.id == owner) or tuple(range(len(same)))


def _zones(site: Site, owner: OwnerId) -> tuple[int, ...]:
    """The zone itself, the zone a machine serves, or all."""
    serves = next((e.zone for e in site.equipment if e.id == owner), None) or owner
    found = tuple(i for i, z in enumerate(site.zones) if z.id == serves)
    return found or tuple(range(len(site.zones)))


def _blank(site: Site, p: PlantParameters) -> Registers:
    """Where things stand that no lever moves."""
    crahs, zones = len(p.crahs.zone_of), len(site.zones)
    return Registers(
        supply_air_c=np.full(crahs, 18.0),
        fan_ratio=np.full(crahs, 0.9),
        chilled_c=np.array(7.0),
        condenser_c=np.array(24.0),
        chillers_enabled=np.array(float(len(p.chillers.nominal_kw))),
        economizer_enable=np.array(1.0),
        outdoor_enable=np.ones(zones),
        tank_kw=np.zeros(len(p.tanks.mass_kg)),
        liquid_c=np.full(len(p.liquid.flow_kg_s), 30.0),
        deferred_kw=np.zeros(zones),
    )


def crah_units(site: Site, crahs: CrahParameters) -> dict[OwnerId, tuple[int, ...]]:
    """Which air-unit indices an owner stands for: a unit itself, all of a zone, or all of the site."""
    everything = tuple(range(len(crahs.zone_of)))
    units: dict[OwnerId, tuple[int, ...]] = {SITE: everything}
    index = 0
    for number, zone in enumerate(site.zones):
        units[zone.id] = tuple(i for i in everything if crahs.zone_of[i] == number)
        found = room_units_of(site, zone.id)
        for offset, equipment in enumerate(found):
            units[equipment.id] = (index + offset,)
        index += max(len(found), 1)
    return units
