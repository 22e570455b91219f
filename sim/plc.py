"""The site's own controllers, upper half: what they accept from a supervisor, and when they stop.

Written setpoints are clamped to the PLC's own limits and slewed. A heartbeat that stops moving
puts the plant under local control: the PLC overwrites its setpoint registers with its own safe
values and ramps there. It returns to remote only when the heartbeat moves again *and* a setpoint
is written. Supervision is armed by the heartbeat's first move, so a site with no supervisor yet
simply runs as it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from plant.points import SITE, OwnerId, PointId
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from sim.arrays import Array
from sim.parameters import CrahParameters


class Registers(NamedTuple):
    """One value for each thing that can be set. Shapes (..., crahs) twice, then (...) twice."""

    supply_air_c: Array
    fan_ratio: Array
    chilled_c: Array
    condenser_c: Array


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
# those go further. [°C, -, °C, °C]
_CLAMPS: dict[Quantity, tuple[float, float]] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: (15.0, 27.0),
    Quantity.FAN_SPEED_SETPOINT: (0.3, 1.0),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: (5.5, 18.0),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: (12.0, 32.0),
}
_DEFAULTS = (18.0, 0.9, 7.0, 24.0)
_SLEW_PER_S = Registers(
    np.asarray(0.5 / 60), np.asarray(0.1 / 60), np.asarray(0.4 / 60), np.asarray(0.5 / 60)
)  # K/s, 1/s, K/s, K/s
_FIELD = {quantity: index for index, quantity in enumerate(_CLAMPS)}


@dataclass(frozen=True)
class PlcProgram:
    """How one site's PLC is set up: which point moves what, limits, safe values, dead-man time."""

    places: dict[PointId, tuple[int, tuple[int, ...]]]
    """Setpoint point → (register field, unit indices; empty for a plant-wide value)."""
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
        values = plc.registers[field].copy()
        values[(..., list(units)) if units else ...] = min(max(value, low), high)
        registers = Registers(*(values if i == field else old for i, old in enumerate(plc.registers)))
        return Plc(registers, plc.active, supervision)

    def read(self, plc: Plc, point: PointId) -> float:
        """What a setpoint register holds."""
        field, units = self.places[point]
        values = plc.registers[field]
        return float(values[..., units[0]] if units else values)

    def tick(self, plc: Plc, step_s: float) -> Plc:
        """Time passes: supervise the heartbeat, slew the active setpoints."""
        who = plc.supervision
        registers = plc.registers
        if who.armed:
            silent = who.silent_s + step_s
            if silent >= self.timeout_s:
                who = who._replace(silent_s=silent, local=True)
                registers = self.safe
            else:
                who = who._replace(silent_s=silent)
        active = Registers(
            *(
                old + np.minimum(np.maximum(new - old, -rate * step_s), rate * step_s)
                for old, new, rate in zip(plc.active, registers, _SLEW_PER_S, strict=True)
            )
        )
        return Plc(registers, active, who)


def _beat(who: Supervision, count: int) -> Supervision:
    if count == who.heartbeat:
        return who
    return who._replace(heartbeat=count, silent_s=0.0, armed=True)


def program_for(site: Site, crahs: CrahParameters, timeout_s: float) -> PlcProgram:
    """Set up the PLC of a site: any subset of setpoint points is fine."""
    units_of = crah_units(site, crahs)
    places = {
        point.id: (
            _FIELD[point.quantity],
            units_of.get(point.owner, ()) if _FIELD[point.quantity] < 2 else (),
        )
        for point in site.points
        if point.quantity in _FIELD
    }
    lever_of = {p: lever for lever in site.levers for p in lever.points}
    clamps = {}
    initial, safe = _blank(len(crahs.zone_of)), _blank(len(crahs.zone_of))
    for point, (field, units) in places.items():
        low, high = _CLAMPS[site.point_by_id[point].quantity]
        lever = lever_of.get(point)
        if lever is not None:
            low, high = min(low, lever.low), max(high, lever.high)
            where = list(units) if units else ...
            initial[field][where] = lever.as_found
            safe[field][where] = lever.fallback
        clamps[point] = (low, high)
    heartbeats = site.points_with(Quantity.HEARTBEAT)
    return PlcProgram(
        places=places,
        clamps=clamps,
        heartbeat_point=heartbeats[0].id if heartbeats else None,
        initial=Registers(*initial),
        safe=Registers(*safe),
        timeout_s=timeout_s,
    )


def _blank(crahs: int) -> list[Array]:
    sat, fan, chilled, condenser = _DEFAULTS
    return [np.full(crahs, sat), np.full(crahs, fan), np.array(chilled), np.array(condenser)]


def crah_units(site: Site, crahs: CrahParameters) -> dict[OwnerId, tuple[int, ...]]:
    """Which CRAH indices an owner stands for: a CRAH itself, all of a zone, or all of the site."""
    everything = tuple(range(len(crahs.zone_of)))
    units: dict[OwnerId, tuple[int, ...]] = {SITE: everything}
    index = 0
    for number, zone in enumerate(site.zones):
        units[zone.id] = tuple(i for i in everything if crahs.zone_of[i] == number)
        found = site.equipment_of(EquipmentKind.CRAH, zone.id)
        for offset, equipment in enumerate(found):
            units[equipment.id] = (index + offset,)
        index += max(len(found), 1)
    return units
