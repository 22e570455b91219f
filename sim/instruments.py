"""What the site's sensors say: the true signals, picked for each point, with bias and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.points import ModbusAddress, OwnerId, Point, RegisterType
from plant.quantities import FACTS, Quantity, Role
from plant.site import EquipmentKind, Site
from plant.units import unit
from sim.arrays import Array
from sim.loops import LoopState
from sim.parameters import PlantParameters
from sim.plc import Plc
from sim.state import Flows, PlantState, Weather

Q = Quantity
# Standard deviations of noise and of each sensor's own fixed bias: (absolute, relative).
# Ordinary instruments: room air sensors 0.1 K, immersed water sensors 0.03 K, class-1 meters.
_NOISE: dict[Quantity, tuple[float, float]] = {
    Q.INLET_TEMPERATURE: (0.08, 0.0),
    Q.SUPPLY_AIR_TEMPERATURE: (0.06, 0.0),
    Q.RETURN_AIR_TEMPERATURE: (0.08, 0.0),
    Q.FAN_SPEED: (0.001, 0.0),
    Q.VALVE_POSITION: (0.004, 0.0),
    Q.POWER: (0.02, 0.004),
    Q.IT_POWER: (0.05, 0.002),
    Q.UTILIZATION: (0.004, 0.0),
    Q.CHILLED_WATER_SUPPLY_TEMPERATURE: (0.03, 0.0),
    Q.CHILLED_WATER_RETURN_TEMPERATURE: (0.03, 0.0),
    Q.CONDENSER_WATER_SUPPLY_TEMPERATURE: (0.04, 0.0),
    Q.CHILLED_WATER_FLOW: (0.0, 0.006),
    Q.ECONOMIZER_HEAT: (0.0, 0.01),
    Q.OUTDOOR_DRY_BULB: (0.1, 0.0),
    Q.OUTDOOR_WET_BULB: (0.1, 0.0),
    Q.FACILITY_POWER: (0.1, 0.001),
    Q.COOLING_POWER: (0.05, 0.003),
    Q.WATER_FLOW: (0.0, 0.01),
}
_BIAS_OVER_NOISE = 0.7
_CONTINUOUS = {RegisterType.FLOAT32, RegisterType.FLOAT64, RegisterType.BOOL}


@dataclass(frozen=True)
class Instruments:
    """The site's sensors: `pick` (points × signals) turns true signals into true point values."""

    points: tuple[Point, ...]
    pick: Array
    known: Array
    """Whether this plant has such a thing at all. Shape (points,), 0 or 1."""
    noise_abs: Array
    noise_rel: Array
    bias_abs: Array
    bias_rel: Array
    low: Array
    high: Array
    resolution: Array
    """Smallest step the point's register can show; 0 where it is a float."""

    def true_values(self, signals: Array) -> Array:
        """What perfect sensors would say. Shape (..., signals) → (..., points)."""
        return np.asarray(signals @ self.pick.T)

    def measure(self, signals: Array, rng: np.random.Generator) -> Array:
        """What these sensors say; NaN for a point the plant does not have. Shape (..., points)."""
        true = self.true_values(signals)
        spread = self.noise_abs + self.noise_rel * np.abs(true)
        said = true + self.bias_abs + self.bias_rel * true + spread * rng.standard_normal(true.shape)
        said = np.minimum(np.maximum(said, self.low), self.high)
        # A machine at rest draws nothing and its meter says so.
        said = np.where((self.noise_rel > 0) & (true == 0), 0.0, said)
        coarse = self.resolution > 0
        grain = np.where(coarse, self.resolution, 1.0)
        said = np.where(coarse, np.round(said / grain) * grain, said)
        return np.where(self.known > 0, said, np.nan)


def signals_of(
    p: PlantParameters, state: PlantState, flows: Flows, loops: LoopState, plc: Plc, weather: Weather
) -> Array:
    """Every true quantity of one plant in one vector, laid out as `_layout` says."""
    who, regs = plc.supervision, plc.registers
    ups_kw = flows.facility_kw - flows.cooling_kw - p.power.lighting_kw
    return np.concatenate(
        (
            state.inlet_c.ravel(),
            state.supply_c,
            state.room.hot_c,
            plc.active.fan_ratio,
            loops.valve,
            flows.crah_fan_kw,
            regs.supply_air_c,
            regs.fan_ratio,
            flows.zone_it_kw,
            flows.utilization,
            flows.chiller_kw,
            (flows.chiller_heat_kw > 0).astype(float),
            flows.tower_fan_kw,
            np.array(
                [
                    regs.chilled_c,
                    regs.condenser_c,
                    flows.it_meter_kw,
                    state.chilled_c,
                    flows.chilled_return_c,
                    flows.chilled_kg_s / 998.0,
                    state.condenser_c,
                    flows.economizer_kw,
                    weather.dry_bulb_c,
                    weather.wet_bulb_c,
                    flows.facility_kw,
                    flows.cooling_kw,
                    flows.makeup_kg_s / 998.0,
                    who.heartbeat,
                    float(who.local),
                    flows.chilled_pump_kw,
                    flows.condenser_pump_kw,
                    loops.economizer_on,
                    loops.tower_fan,
                    ups_kw,
                ]
            ),
        )
    )


_SCALARS = (
    "chilled_sp", "condenser_sp", "it_meter", "chilled", "chilled_return", "chilled_flow", "condenser",
    "economizer", "dry", "wet", "facility", "cooling", "makeup", "heartbeat", "local", "chilled_pump",
    "condenser_pump", "economizer_on", "tower_speed", "ups",
)  # fmt: skip


def _layout(p: PlantParameters) -> dict[str, range]:
    zones, crahs = len(p.zones.design_kw), len(p.crahs.zone_of)
    chillers, cells = len(p.chillers.nominal_kw), len(p.loops.tower_fan_kw)
    sizes = {
        "inlet": zones * p.groups, "supply": crahs, "hot": zones, "fan": crahs, "valve": crahs,
        "crah_kw": crahs,
        "sat_sp": crahs, "fan_sp": crahs, "zone_it": zones, "util": zones, "chiller_kw": chillers,
        "chiller_on": chillers, "tower_kw": cells, **dict.fromkeys(_SCALARS, 1),
    }  # fmt: skip
    found, at = {}, 0
    for name, size in sizes.items():
        found[name] = range(at, at + size)
        at += size
    return found


def install(
    site: Site, p: PlantParameters, crah_units: dict[OwnerId, tuple[int, ...]], seed: int
) -> Instruments:
    """Bind each point of the site to true signals, and give each sensor its own bias."""
    layout = _layout(p)
    wiring = _Wiring(site, p, layout, crah_units)
    n = len(site.points)
    width = max(r.stop for r in layout.values())
    pick = np.zeros((n, width))
    known = np.zeros(n)
    for row, point in enumerate(site.points):
        for index, weight in wiring.signals_for(point):
            pick[row, index] += weight
            known[row] = 1.0
    rng = np.random.default_rng([seed, 0x5E05])
    noise = np.array([_NOISE.get(q.quantity, (0.0, 0.0)) for q in site.points])
    bias = noise * _BIAS_OVER_NOISE * np.clip(rng.standard_normal((n, 1)), -2, 2)
    facts = [FACTS[q.quantity] for q in site.points]
    # Outdoor and process temperatures may go anywhere; ratios and amounts stay possible.
    bounded = [f.role is Role.SENSOR and f.inside_unit != "degC" for f in facts]
    return Instruments(
        points=site.points,
        pick=pick,
        known=known,
        noise_abs=noise[:, 0],
        noise_rel=noise[:, 1],
        bias_abs=bias[:, 0],
        bias_rel=bias[:, 1],
        low=np.array([max(f.low, 0.0) if b else -np.inf for f, b in zip(facts, bounded, strict=True)]),
        high=np.array([f.high if b else np.inf for f, b in zip(facts, bounded, strict=True)]),
        resolution=np.array([_resolution(q) for q in site.points]),
    )


def _resolution(point: Point) -> float:
    """The inside-unit worth of one count of an integer register."""
    address = point.address
    if not isinstance(address, ModbusAddress) or address.type in _CONTINUOUS:
        return 0.0
    return abs(address.scale * unit(point.unit).factor)


@dataclass(frozen=True)
class _Wiring:
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
            case Q.UTILIZATION:
                return self._of_zone("util", point)
            case Q.COOLING_POWER:
                if self._zone(point.owner) is None:
                    return self._all("cooling")
                return self._crahs("crah_kw", point.owner, mean=False)
            case Q.POWER | Q.RUN_STATUS:
                return self._machine(point)
            case _:
                return []

    def _all(self, name: str, weight: float = 1.0) -> list[tuple[int, float]]:
        return [(index, weight) for index in self.layout[name]]

    def _kind(self, owner: OwnerId) -> EquipmentKind | None:
        return next((e.kind for e in self.site.equipment if e.id == owner), None)

    def _zone(self, owner: OwnerId) -> int | None:
        return next((i for i, z in enumerate(self.site.zones) if z.id == owner), None)

    def _of_zone(self, name: str, point: Point) -> list[tuple[int, float]]:
        zone = self._zone(point.owner)
        if zone is not None:
            return [(self.layout[name][zone], 1.0)]
        return [(i, 1 / len(self.layout[name])) for i in self.layout[name]]

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
        if kind is EquipmentKind.CRAH or self._zone(point.owner) is not None:
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
}
