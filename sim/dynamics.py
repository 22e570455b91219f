"""One step of the whole plant: rooms, coils, chilled water, condenser water, meters.

Every kilowatt that enters is stored, rejected by the tower or vented: each node is advanced with
the very fluxes that are booked on the other side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.physics import chiller, coil, economizer, fans, it_load, power_chain, pumps, room, tower, water
from sim.state import Actuators, Flows, PlantState, Weather

LOOP_CONTROL_S = 120.0
"""How fast chillers and exchanger correct the chilled-water temperature."""
MIN_FLOW_PER_CHILLER = 0.35
"""Least evaporator flow over design; a bypass keeps it."""


class _It(NamedTuple):
    zone_kw: Array
    airflow_kg_s: Array
    meter_kw: Array
    input_kw: Array
    room_heat_kw: Array
    vented_kw: Array


class _Air(NamedTuple):
    room: room.RoomState
    inlet_c: Array
    supply_c: Array
    heat_kw: Array
    fan_kw: Array
    water_kg_s: Array


class _Chilled(NamedTuple):
    chilled_c: Array
    return_c: Array
    flow_kg_s: Array
    pump_kw: Array
    chiller_heat_kw: Array
    chiller_kw: Array
    economizer_kw: Array
    capacity_kw: Array


class _Condenser(NamedTuple):
    condenser_c: Array
    raw_c: Array
    heat_kw: Array
    fan_kw: Array
    pump_kw: Array
    makeup_kg_s: Array


def step_plant(
    p: PlantParameters, state: PlantState, act: Actuators, weather: Weather, utilization: Array, step_s: float
) -> tuple[PlantState, Flows]:
    """Advance the plant by `step_s` with actuators, weather and work held.

    `utilization` has shape (..., zones). Returns the new state and the step's flows.
    """
    it = _it_side(p, state, utilization)
    air = _air_side(p, state, act, it, step_s)
    chilled = _chilled_side(p, state, act, air, step_s)
    condenser = _condenser_side(p, state, act, chilled, weather, step_s)
    cooling_kw = (
        air.fan_kw.sum(axis=-1)
        + chilled.chiller_kw.sum(axis=-1)
        + chilled.pump_kw
        + condenser.pump_kw
        + condenser.fan_kw.sum(axis=-1)
    )
    new = PlantState(air.room, air.inlet_c, air.supply_c, chilled.chilled_c, condenser.condenser_c)
    flows = Flows(
        utilization=utilization,
        zone_it_kw=it.zone_kw,
        crah_fan_kw=air.fan_kw,
        crah_heat_kw=air.heat_kw,
        return_c=air.room.hot_c,
        chilled_return_c=chilled.return_c,
        chilled_kg_s=chilled.flow_kg_s,
        chiller_kw=chilled.chiller_kw,
        chiller_heat_kw=chilled.chiller_heat_kw,
        economizer_kw=chilled.economizer_kw,
        tower_raw_c=condenser.raw_c,
        tower_heat_kw=condenser.heat_kw,
        tower_fan_kw=condenser.fan_kw,
        chilled_pump_kw=chilled.pump_kw,
        condenser_pump_kw=condenser.pump_kw,
        it_meter_kw=it.meter_kw,
        cooling_kw=cooling_kw,
        facility_kw=it.input_kw + cooling_kw + p.power.lighting_kw,
        vented_kw=it.vented_kw,
        makeup_kg_s=condenser.makeup_kg_s,
        capacity_kw=chilled.capacity_kw,
    )
    return new, flows


def _it_side(p: PlantParameters, state: PlantState, utilization: Array) -> _It:
    """Servers answer to the inlet of a moment ago; PDU and UPS lose on top."""
    z, law = p.zones, p.server
    reference = it_load.reference_power_kw(utilization, z.design_kw, law)
    fan = it_load.fan_speed_ratio(state.inlet_c, law)
    ratio = it_load.power_ratio(fan, state.inlet_c, law)
    zone_kw = reference * ratio.mean(axis=-1)
    airflow = it_load.airflow_m3_s(reference, z.design_kw, z.design_airflow_m3_s, fan.mean(axis=-1), law)
    servers = zone_kw.sum(axis=-1)
    pdu = power_chain.loss_kw(servers, np.asarray(p.power.pdu_rated_kw), power_chain.PDU)
    ups_out = servers + pdu
    ups = power_chain.loss_kw(ups_out, np.asarray(p.power.ups_rated_kw), power_chain.UPS_MODERN)
    indoors = pdu + p.power.ups_indoor_share * ups + p.power.lighting_kw
    return _It(
        zone_kw=zone_kw,
        airflow_kg_s=RHO_AIR * airflow,
        meter_kw=ups_out if p.power.it_at_ups else servers,
        input_kw=ups_out + ups,
        room_heat_kw=zone_kw + z.heat_share * indoors[..., None],
        vented_kw=(1.0 - p.power.ups_indoor_share) * ups,
    )


def _air_side(p: PlantParameters, state: PlantState, act: Actuators, it: _It, step_s: float) -> _Air:
    """CRAHs blow, coils cool, zones mix."""
    z, c = p.zones, p.crahs
    air_kg_s = RHO_AIR * c.airflow_m3_s * act.fan
    fan_kw = c.fan_kw * fans.power_ratio(act.fan, fans.EC_PLUG)
    wanted = c.water_kg_s * act.valve
    throttled = np.minimum(p.loops.chilled_max_kg_s / np.maximum(wanted.sum(axis=-1), 1e-6), 1.0)
    water_kg_s = wanted * throttled[..., None]
    air_kw_k = CP_AIR * air_kg_s
    ua = coil.off_design_ua_kw_k(c.ua_kw_k, act.fan, water_kg_s / c.water_kg_s)
    hot = state.room.hot_c[..., c.zone_of]
    heat = coil.coil_heat_kw(hot, state.chilled_c[..., None], air_kw_k, CP_WATER * water_kg_s, ua)
    supply = hot + (fan_kw - heat) / air_kw_k
    zone_air = air_kg_s @ c.zone_sum
    zone_supply = ((air_kg_s * supply) @ c.zone_sum) / zone_air
    recirculation = room.recirculation_share(zone_air, it.airflow_kg_s, z.leak, z.knee, z.softness)
    new = room.step_room(
        state.room, zone_supply, zone_air, it.airflow_kg_s, recirculation, it.room_heat_kw,
        z.cold_kj_k, z.hot_kj_k, z.mass_kj_k, z.mass_ua_kw_k, step_s,
    )  # fmt: skip
    # Booked with the new return temperature, as the room did: so the two sides agree exactly.
    booked = air_kw_k * (new.hot_c[..., c.zone_of] - supply) + fan_kw
    inlet = room.inlets_c(new.cold_c, zone_supply, new.hot_c, recirculation, z.exposure, z.offset_k)
    return _Air(new, inlet, supply, booked, fan_kw, water_kg_s)


def _chilled_side(
    p: PlantParameters, state: PlantState, act: Actuators, air: _Air, step_s: float
) -> _Chilled:
    """Coil heat is met by the exchanger first, then by the chillers that run."""
    loops, ch = p.loops, p.chillers
    running = act.chillers_on.sum(axis=-1)
    least = MIN_FLOW_PER_CHILLER * loops.chilled_max_kg_s / len(ch.nominal_kw) * running
    flow = np.maximum(np.maximum(air.water_kg_s.sum(axis=-1), least), 0.02 * loops.chilled_max_kg_s)
    share = np.minimum(flow / loops.chilled_max_kg_s, 1.0)
    pump_kw = loops.chilled_pump_kw * pumps.power_ratio(share, pumps.CHILLED_WATER)
    load = air.heat_kw.sum(axis=-1) + pump_kw
    return_c = state.chilled_c + load / (CP_WATER * flow)
    correction = loops.chilled_kj_k * (state.chilled_c - act.chilled_target_c) / LOOP_CONTROL_S
    needed = np.maximum(load + correction, 0.0)

    tower_kw_k = CP_WATER * _condenser_flow_kg_s(p, act)
    most = economizer.heat_kw(
        return_c, state.condenser_c, CP_WATER * flow, tower_kw_k, np.asarray(loops.exchanger_ua_kw_k)
    )
    free = act.economizer_on * np.minimum(most, needed)

    entering = np.maximum(state.condenser_c, ch.curves.entering_c[0])[..., None]
    leaving = state.chilled_c[..., None]
    available = chiller.available_kw(ch.reference_kw, ch.curves, leaving, entering) * act.chillers_on
    capacity = available.sum(axis=-1)
    part = np.minimum((needed - free) / np.maximum(capacity, 1e-6), ch.curves.plr_max * act.chiller_ramp)
    heat = available * part[..., None]
    power = act.chillers_on * chiller.compressor_kw(
        heat, available, ch.cop_reference, ch.curves, leaving, entering
    )
    removed = heat.sum(axis=-1) + free
    chilled = state.chilled_c + step_s * (load - removed) / loops.chilled_kj_k
    return _Chilled(chilled, return_c, flow, pump_kw, heat, power, free, capacity)


def _condenser_flow_kg_s(p: PlantParameters, act: Actuators) -> Array:
    """Constant-speed pumps: one per running chiller, at least one for the exchanger."""
    pumps_on = np.maximum(act.chillers_on.sum(axis=-1), act.economizer_on)
    return np.asarray(p.loops.condenser_max_kg_s * pumps_on / len(p.chillers.nominal_kw))


def _condenser_side(
    p: PlantParameters, state: PlantState, act: Actuators, chilled: _Chilled, weather: Weather, step_s: float
) -> _Condenser:
    """Rejected heat goes to the tower; the tower's bypass keeps the water from getting too cold."""
    loops = p.loops
    flow = _condenser_flow_kg_s(p, act)
    runs = flow > 0.0
    pump_kw = loops.condenser_pump_kw * flow / loops.condenser_max_kg_s
    rejected = chilled.chiller_heat_kw.sum(axis=-1) + chilled.chiller_kw.sum(axis=-1)
    rejected = rejected + chilled.economizer_kw + pump_kw
    stream = np.maximum(CP_WATER * flow, 1e-6)
    entering = state.condenser_c + rejected / stream
    ratio = tower.liquid_to_gas(flow / loops.tower_water_kg_s, act.tower_fan)
    raw = tower.leaving_water_c(entering, weather.wet_bulb_c, ratio)
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
    return _Condenser(condenser, raw, heat, fan_kw, pump_kw, makeup)
