"""The condenser-water side: pumps, heat recovery, towers, make-up water."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_WATER
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.parts.chilled import ChilledFlows
from sim.parts.liquid import LiquidFlows
from sim.physics import fans, heat_pump, merkel, tower, water
from sim.state import Actuators, PlantState, Weather

RECOVERY_LEAST_C = 18.0
"""A heat pump leaves tower water no colder than this."""


class CondenserFlows(NamedTuple):
    """What happened outdoors."""

    condenser_c: Array
    raw_c: Array
    heat_kw: Array
    fan_kw: Array
    pump_kw: Array
    makeup_kg_s: Array
    recovered_kw: Array
    recovery_kw: Array


def pumped_kg_s(p: PlantParameters, act: Actuators) -> Array:
    """Constant-speed pumps: one per running chiller, at least one for the exchanger."""
    pumps_on = np.maximum(act.chillers_on.sum(axis=-1), act.economizer_on)
    return np.asanyarray(p.loops.condenser_max_kg_s * pumps_on / len(p.chillers.nominal_kw))


def no_condenser_water(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    chilled: ChilledFlows,
    liquid: LiquidFlows,
    weather: Weather,
    step_s: float,
) -> CondenserFlows:
    """A site without a water plant: nothing moves."""
    none = 0.0 * state.condenser_c
    cells = none[..., None] * p.loops.tower_fan_kw
    return CondenserFlows(state.condenser_c, state.condenser_c, none, cells, none, none, none, none)


def condenser_water(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    chilled: ChilledFlows,
    liquid: LiquidFlows,
    weather: Weather,
    step_s: float,
) -> CondenserFlows:
    """Rejected heat goes to the tower; the tower's bypass keeps the water from getting too cold."""
    loops = p.loops
    machines = pumped_kg_s(p, act)
    flow = machines + liquid.facility_kg_s
    runs = flow > 0.0
    pump_kw = loops.condenser_pump_kw * machines / loops.condenser_max_kg_s
    given = chilled.chiller_heat_kw.sum(axis=-1) + chilled.chiller_kw.sum(axis=-1)
    given = given + chilled.economizer_kw + pump_kw + liquid.facility_heat_kw
    taken, recovery_kw = p.plan.recovery(p, state, weather, given, flow, liquid)
    rejected = given - taken
    stream = np.maximum(CP_WATER * flow, 1e-6)
    entering = state.condenser_c + rejected / stream
    raw = p.plan.tower(p, entering, weather.wet_bulb_c, flow, act.tower_fan)
    leaving = np.minimum(np.maximum(raw, act.condenser_target_c), entering)
    # The basin mixes toward the leaving water; exact for a step with constant leaving water.
    mixed = -np.expm1(-step_s * CP_WATER * flow / loops.condenser_kj_k)
    condenser = state.condenser_c + (leaving - state.condenser_c) * mixed
    heat = rejected - loops.condenser_kj_k * (condenser - state.condenser_c) / step_s
    speed = np.where(runs, act.tower_fan, 0.0)
    fan_kw = loops.tower_fan_kw * fans.power_ratio(speed, fans.TOWER)[..., None]
    air = loops.tower_air_kg_s * np.maximum(speed, tower.FREE_CONVECTION_AIR)
    evaporated = water.evaporation_kg_s(
        np.maximum(heat, 0.0), air, weather.dry_bulb_c, weather.wet_bulb_c, loops.pressure_kpa
    )
    evaporated = np.where(runs, evaporated, 0.0)
    makeup = water.makeup_kg_s(evaporated, flow, loops.cycles_of_concentration)
    return CondenserFlows(condenser, raw, heat, fan_kw, pump_kw, makeup, taken + recovery_kw, recovery_kw)


# -- towers -------------------------------------------------------------------------------------


def york_tower(p: PlantParameters, entering_c: Array, wet_bulb_c: Array, flow: Array, fan: Array) -> Array:
    """Leaving water by the YorkCalc correlation. [°C]"""
    ratio = tower.liquid_to_gas(flow / p.loops.tower_water_kg_s, fan)
    return tower.leaving_water_c(entering_c, wet_bulb_c, ratio)


def merkel_tower(p: PlantParameters, entering_c: Array, wet_bulb_c: Array, flow: Array, fan: Array) -> Array:
    """Leaving water by Merkel's theory. [°C]"""
    loops = p.loops
    air = np.maximum(fan, tower.FREE_CONVECTION_AIR)
    share = np.minimum(np.maximum(flow / loops.tower_water_kg_s, 0.1), 1.2)
    ua = loops.tower_ua_kw_k * merkel.conductance_ratio(25.56 - wet_bulb_c, air, share)
    return merkel.leaving_water_c(
        entering_c, wet_bulb_c, flow, loops.tower_air_kg_s * air, ua, loops.pressure_kpa
    )


# -- heat recovery --------------------------------------------------------------------------------


def no_recovery(
    p: PlantParameters, state: PlantState, weather: Weather, given_kw: Array, flow: Array, liquid: LiquidFlows
) -> tuple[Array, Array]:
    """All heat goes to the tower."""
    return 0.0 * given_kw, 0.0 * given_kw


def recovery_from_machines(
    p: PlantParameters, state: PlantState, weather: Weather, given_kw: Array, flow: Array, liquid: LiquidFlows
) -> tuple[Array, Array]:
    """A heat pump takes what a network wants from all water on its way to the tower.

    Returns the heat taken and the power drawn. [kW]
    """
    return _lifted(p, state, weather, given_kw, flow)


def recovery_from_liquid(
    p: PlantParameters, state: PlantState, weather: Weather, given_kw: Array, flow: Array, liquid: LiquidFlows
) -> tuple[Array, Array]:
    """The same from the water that comes back warm from coolant distribution units, before it mixes."""
    return _lifted(p, state, weather, liquid.facility_heat_kw, liquid.facility_kg_s)


def _lifted(
    p: PlantParameters, state: PlantState, weather: Weather, given_kw: Array, flow: Array
) -> tuple[Array, Array]:
    r = p.recovery
    stream = np.maximum(CP_WATER * flow, 1e-6)
    source = state.condenser_c + given_kw / stream
    most = np.minimum(np.maximum(given_kw, 0.0), np.maximum(source - RECOVERY_LEAST_C, 0.0) * stream)
    taken = np.minimum(r.most_kw * heat_pump.demand_share(weather.dry_bulb_c), most)
    taken = np.where(flow > 0.0, taken, 0.0)
    cop = heat_pump.cop(source, r.sink_c, r.cop, 30.0)
    return taken, taken / (cop - 1.0)
