"""Every true quantity of one plant in one vector: what sensors are wired to.

One table says what there is: a name and how its values are taken. The layout follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim.arrays import Array
from sim.loops import LoopState
from sim.parameters import PlantParameters
from sim.physics import moisture, tank
from sim.plc import Plc
from sim.state import Flows, PlantState, Weather

WATER_KG_M3 = 998.0


class Scene(NamedTuple):
    """A plant at one instant."""

    p: PlantParameters
    state: PlantState
    flows: Flows
    loops: LoopState
    plc: Plc
    weather: Weather


def _air(s: Scene) -> float:
    return s.p.loops.pressure_kpa


_TABLE: dict[str, Callable[[Scene], Array]] = {
    "inlet": lambda s: s.state.inlet_c.ravel(),
    "supply": lambda s: s.state.supply_c,
    "hot": lambda s: s.state.room.hot_c,
    "fan": lambda s: np.maximum(s.plc.active.fan_ratio, s.loops.helping),
    "valve": lambda s: s.loops.valve,
    "crah_kw": lambda s: s.flows.crah_kw,
    "sat_sp": lambda s: s.plc.registers.supply_air_c,
    "fan_sp": lambda s: s.plc.registers.fan_ratio,
    "zone_it": lambda s: s.flows.zone_it_kw,
    "util": lambda s: s.flows.utilization,
    "chiller_kw": lambda s: s.flows.chiller_kw,
    "chiller_on": lambda s: (s.flows.chiller_heat_kw > 0).astype(float),
    "tower_kw": lambda s: s.flows.tower_fan_kw,
    "dew_point": lambda s: moisture.dew_point_c(s.state.humidity_ratio, _air(s)),
    "humidity": lambda s: moisture.relative_humidity(s.state.humidity_ratio, s.state.room.cold_c, _air(s)),
    "damper": lambda s: s.loops.damper,
    "dx_on": lambda s: s.p.crahs.is_dx * (s.loops.valve > 0.03),
    "outdoor_sp": lambda s: s.plc.registers.outdoor_enable,
    "deferred_sp": lambda s: s.plc.registers.deferred_kw,
    "tank_charge": lambda s: tank.charge(s.state.tank, s.p.tanks.design_k),
    "tank_kw": lambda s: s.flows.tank_kw,
    "tank_sp": lambda s: s.plc.registers.tank_kw,
    "liquid": lambda s: s.state.liquid_c,
    "liquid_return": lambda s: s.flows.liquid_return_c,
    "liquid_flow": lambda s: s.p.liquid.flow_kg_s / WATER_KG_M3,
    "liquid_heat": lambda s: s.flows.liquid_heat_kw,
    "liquid_kw": lambda s: s.flows.liquid_kw,
    "liquid_sp": lambda s: s.plc.registers.liquid_c,
}
"""Signals of several values: shapes follow the plant."""

_SCALARS: dict[str, Callable[[Scene], Array | float]] = {
    "chilled_sp": lambda s: s.plc.registers.chilled_c,
    "condenser_sp": lambda s: s.plc.registers.condenser_c,
    "enabled_sp": lambda s: s.plc.registers.chillers_enabled,
    "economizer_sp": lambda s: s.plc.registers.economizer_enable,
    "it_meter": lambda s: s.flows.it_meter_kw,
    "dry": lambda s: s.weather.dry_bulb_c,
    "wet": lambda s: s.weather.wet_bulb_c,
    "facility": lambda s: s.flows.facility_kw,
    "cooling": lambda s: s.flows.cooling_kw,
    "heartbeat": lambda s: s.plc.supervision.heartbeat,
    "local": lambda s: float(s.plc.supervision.local),
    "ups": lambda s: s.flows.facility_kw - s.flows.cooling_kw - s.p.power.lighting_kw,
    "recovered": lambda s: s.flows.recovered_kw,
    "recovery_kw": lambda s: s.flows.recovery_kw,
}
_WATER_SCALARS: dict[str, Callable[[Scene], Array | float]] = {
    "chilled": lambda s: s.state.chilled_c,
    "chilled_return": lambda s: s.flows.chilled_return_c,
    "chilled_flow": lambda s: s.flows.chilled_kg_s / WATER_KG_M3,
    "condenser": lambda s: s.state.condenser_c,
    "economizer": lambda s: s.flows.economizer_kw,
    "makeup": lambda s: s.flows.makeup_kg_s / WATER_KG_M3,
    "chilled_pump": lambda s: s.flows.chilled_pump_kw,
    "condenser_pump": lambda s: s.flows.condenser_pump_kw,
    "economizer_on": lambda s: s.loops.economizer_on,
    "tower_speed": lambda s: s.loops.tower_fan,
}
"""What a site without a water plant does not have."""


def _scalars(p: PlantParameters) -> dict[str, Callable[[Scene], Array | float]]:
    return _SCALARS | _WATER_SCALARS if p.has_water else _SCALARS


def signals_of(
    p: PlantParameters, state: PlantState, flows: Flows, loops: LoopState, plc: Plc, weather: Weather
) -> Array:
    """Every true quantity of one plant in one vector, laid out as `layout_of` says."""
    scene = Scene(p, state, flows, loops, plc, weather)
    single = np.array([take(scene) for take in _scalars(p).values()], float)
    return np.concatenate((*(take(scene) for take in _TABLE.values()), single))


def layout_of(p: PlantParameters) -> dict[str, range]:
    """Where each named signal lies in the vector of `signals_of`."""
    zones, crahs, tanks, cdus = (
        len(p.zones.design_kw), len(p.crahs.zone_of), len(p.tanks.mass_kg), len(p.liquid.flow_kg_s),
    )  # fmt: skip
    by_unit = {"supply", "fan", "valve", "crah_kw", "sat_sp", "fan_sp", "dx_on"}
    odd = {
        "inlet": zones * p.groups,
        "chiller_kw": len(p.chillers.nominal_kw),
        "chiller_on": len(p.chillers.nominal_kw),
        "tower_kw": len(p.loops.tower_fan_kw),
    }
    found, at = {}, 0
    for name in (*_TABLE, *_scalars(p)):
        size = odd.get(name, 1)
        if name in by_unit:
            size = crahs
        elif name.startswith("tank"):
            size = tanks
        elif name.startswith("liquid"):
            size = cdus
        elif name in _TABLE and name not in odd:
            size = zones
        found[name] = range(at, at + size)
        at += size
    return found
