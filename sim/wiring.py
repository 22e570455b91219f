"""Which true signals, with which weights, a point of the site shows."""

from __future__ import annotations

from dataclasses import dataclass

from plant.points import OwnerId, Point
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site
from sim.parameters import PlantParameters

Q = Quantity


@dataclass(frozen=True)
class Wiring:
    """Which signals, with which weights, make up a point."""

    site: Site
    p: PlantParameters
    layout: dict[str, range]
    crah_units: dict[OwnerId, tuple[int, ...]]

    def signals_for(self, point: Point) -> list[tuple[int, float]]:
        """(signal index, weight) pairs; empty where this plant has no such thing."""
        single = _SINGLE.get(point.quantity)
        if single is not None:
            return self._all(single)
        by_zone = _BY_ZONE.get(point.quantity)
        if by_zone is not None:
            return self._of_zone(by_zone, point)
        by_machine = _BY_MACHINE.get(point.quantity)
        if by_machine is not None:
            return self._of_machine(*by_machine, point)
        match point.quantity:
            case Q.INLET_TEMPERATURE:
                return self._inlet(point)
            case Q.SUPPLY_AIR_TEMPERATURE:
                return self._crahs("supply", point.owner, mean=True)
            case Q.RETURN_AIR_TEMPERATURE:
                zones = {self.p.crahs.zone_of[i] for i in self.crah_units.get(point.owner, ())}
                return [(self.layout["hot"][z], 1 / len(zones)) for z in zones]
            case Q.FAN_SPEED:
                if self._kind(point.owner) is EquipmentKind.TOWER_CELL:
                    return self._all("tower_speed")
                return self._crahs("fan", point.owner, mean=True)
            case Q.VALVE_POSITION:
                return self._crahs("valve", point.owner, mean=True)
            case Q.SUPPLY_AIR_TEMPERATURE_SETPOINT:
                return self._crahs("sat_sp", point.owner, mean=True)
            case Q.FAN_SPEED_SETPOINT:
                return self._crahs("fan_sp", point.owner, mean=True)
            case Q.IT_POWER:
                return (
                    self._all("it_meter")
                    if self._zone(point.owner) is None
                    else self._of_zone("zone_it", point)
                )
            case Q.ECONOMIZER_ENABLE_SETPOINT:
                kind = self._kind(point.owner)
                by_air = kind is EquipmentKind.AIR_ECONOMIZER or not self.site.equipment_of(
                    EquipmentKind.ECONOMIZER
                )
                return self._of_zone("outdoor_sp", point) if by_air else self._all("economizer_sp")
            case Q.COOLING_POWER:
                if self._zone(point.owner) is None:
                    return self._all("cooling")
                return self._crahs("crah_kw", point.owner, mean=False)
            case Q.POWER | Q.RUN_STATUS:
                return self._machine(point)
            case _:
                return []

    def _all(self, name: str, weight: float = 1.0) -> list[tuple[int, float]]:
        return [(index, weight) for index in self.layout.get(name, ())]

    def _kind(self, owner: OwnerId) -> EquipmentKind | None:
        return next((e.kind for e in self.site.equipment if e.id == owner), None)

    def _zone(self, owner: OwnerId) -> int | None:
        return next((i for i, z in enumerate(self.site.zones) if z.id == owner), None)

    def _of_zone(self, name: str, point: Point) -> list[tuple[int, float]]:
        serves = next((e.zone for e in self.site.equipment if e.id == point.owner), None)
        zone = self._zone(serves or point.owner)
        if zone is not None:
            return [(self.layout[name][zone], 1.0)]
        return [(i, 1 / len(self.layout[name])) for i in self.layout[name]]

    def _of_machine(self, name: str, kind: EquipmentKind, point: Point) -> list[tuple[int, float]]:
        """The machine's own signal; the mean (a sum for amounts of heat) of all where it is of none."""
        same = self.site.equipment_of(kind)
        place = next((i for i, e in enumerate(same) if e.id == point.owner), None)
        if place is not None:
            return [(self.layout[name][place], 1.0)]
        whole = point.quantity in _SUMMED
        return self._all(name, 1.0 if whole else 1.0 / max(len(same), 1))

    def _crahs(self, name: str, owner: OwnerId, mean: bool) -> list[tuple[int, float]]:
        units = self.crah_units.get(owner, ())
        return [(self.layout[name][i], 1 / len(units) if mean else 1.0) for i in units]

    def _inlet(self, point: Point) -> list[tuple[int, float]]:
        zone = self._zone(point.owner)
        if zone is None:
            return []
        number = self.site.points_of(point.owner, Q.INLET_TEMPERATURE).index(point)
        return [(self.layout["inlet"][zone * self.p.groups + number], 1.0)]

    def _machine(self, point: Point) -> list[tuple[int, float]]:
        kind = self._kind(point.owner)
        power = point.quantity is Q.POWER
        if kind is EquipmentKind.DX_UNIT and not power:
            return self._crahs("dx_on", point.owner, mean=True)
        if kind in (EquipmentKind.CRAH, EquipmentKind.DX_UNIT) or self._zone(point.owner) is not None:
            return self._crahs("crah_kw", point.owner, mean=False) if power else []
        if kind is None or kind is EquipmentKind.METER:
            return self._all("facility") if power else []
        same = self.site.equipment_of(kind)
        place = next(i for i, e in enumerate(same) if e.id == point.owner)
        match kind, power:
            case EquipmentKind.CHILLER, _:
                return [(self.layout["chiller_kw" if power else "chiller_on"][place], 1.0)]
            case EquipmentKind.TOWER_CELL, True:
                return [(self.layout["tower_kw"][place], 1.0)]
            case EquipmentKind.CHILLED_WATER_PUMP, True:
                return self._all("chilled_pump", 1 / len(same))
            case EquipmentKind.CONDENSER_WATER_PUMP, True:
                return self._all("condenser_pump", 1 / len(same))
            case EquipmentKind.UPS, True:
                return self._all("ups", 1 / len(same))
            case EquipmentKind.ECONOMIZER, False:
                return self._all("economizer_on")
            case EquipmentKind.AIR_ECONOMIZER, False:
                return self._of_zone("damper", point)
            case EquipmentKind.CDU, True:
                return [(self.layout["liquid_kw"][place], 1.0)]
            case EquipmentKind.HEAT_RECOVERY, True:
                return self._all("recovery_kw", 1 / len(same))
            case _:
                return []


_SINGLE: dict[Quantity, str] = {
    Q.CHILLED_WATER_SUPPLY_TEMPERATURE: "chilled",
    Q.CHILLED_WATER_RETURN_TEMPERATURE: "chilled_return",
    Q.CHILLED_WATER_FLOW: "chilled_flow",
    Q.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: "chilled_sp",
    Q.CONDENSER_WATER_SUPPLY_TEMPERATURE: "condenser",
    Q.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: "condenser_sp",
    Q.ECONOMIZER_HEAT: "economizer",
    Q.OUTDOOR_DRY_BULB: "dry",
    Q.OUTDOOR_WET_BULB: "wet",
    Q.FACILITY_POWER: "facility",
    Q.WATER_FLOW: "makeup",
    Q.HEARTBEAT: "heartbeat",
    Q.HEARTBEAT_ECHO: "heartbeat",
    Q.LOCAL_CONTROL: "local",
    Q.CHILLERS_ENABLED_SETPOINT: "enabled_sp",
    Q.RECOVERED_HEAT: "recovered",
}
_BY_ZONE: dict[Quantity, str] = {
    Q.UTILIZATION: "util",
    Q.ZONE_DEW_POINT: "dew_point",
    Q.RELATIVE_HUMIDITY: "humidity",
    Q.OUTDOOR_AIR_DAMPER: "damper",
    Q.DEFERRED_IT_POWER_SETPOINT: "deferred_sp",
}
_BY_MACHINE: dict[Quantity, tuple[str, EquipmentKind]] = {
    Q.STORAGE_CHARGE: ("tank_charge", EquipmentKind.STORAGE_TANK),
    Q.STORAGE_RATE: ("tank_kw", EquipmentKind.STORAGE_TANK),
    Q.STORAGE_RATE_SETPOINT: ("tank_sp", EquipmentKind.STORAGE_TANK),
    Q.LIQUID_SUPPLY_TEMPERATURE: ("liquid", EquipmentKind.CDU),
    Q.LIQUID_RETURN_TEMPERATURE: ("liquid_return", EquipmentKind.CDU),
    Q.LIQUID_FLOW: ("liquid_flow", EquipmentKind.CDU),
    Q.LIQUID_HEAT: ("liquid_heat", EquipmentKind.CDU),
    Q.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: ("liquid_sp", EquipmentKind.CDU),
}
_SUMMED = {Q.STORAGE_RATE, Q.LIQUID_FLOW, Q.LIQUID_HEAT}
