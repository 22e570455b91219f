"""Room units and the rooms they blow into: mixing, cooling, moisture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_AIR, CP_WATER, RHO_AIR
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.parts.servers import ItFlows
from sim.physics import coil, dx, fans, moisture, recirculation, room
from sim.physics.water import saturation_ratio
from sim.state import Actuators, PlantState, Weather

COIL_SURFACE_SHARE = 0.35
"""A coil's coldest surface: this far from the water it gets to the air it makes."""
EVAPORATOR_COLDER_K = 3.0
"""An evaporator's coldest surface below the air it makes."""


class AirFlows(NamedTuple):
    """What happened in the rooms. Units last, zones last, or site-wide."""

    room: room.RoomState
    humidity_ratio: Array
    inlet_c: Array
    supply_c: Array
    entering_c: Array
    heat_kw: Array
    latent_kw: Array
    fan_kw: Array
    unit_kw: Array
    water_kg_s: Array
    water_heat_kw: Array
    """Heat given to chilled water by each unit."""
    exchange_kw: Array
    dx_rejected_kw: Array
    outside_kw: Array
    relief_kw: Array


class Cooling(NamedTuple):
    """What units can do to the air now. Shape (..., crahs)."""

    heat_kw: Array
    water_kg_s: Array
    surface_is_water: Array
    """1 where the coldest surface follows the water, 0 where it follows the air made."""
    kw_per_kw: Array
    """Compressor power over heat moved."""


class Entering(NamedTuple):
    """Air into the coils, and outdoor air in it. Units last, zones last."""

    share: Array
    entering_c: Array


def rooms(
    p: PlantParameters, state: PlantState, act: Actuators, it: ItFlows, weather: Weather, step_s: float
) -> AirFlows:
    """Units blow, coils cool, zones mix; water condenses."""
    z, c = p.zones, p.crahs
    zone_of = list(c.zone_of)
    speed = fans.shared_plenum_flow(act.fan, c.airflow_m3_s / c.plenum_m3_s, c.zone_sum, c.zone_of)
    air_kg_s = RHO_AIR * c.airflow_m3_s * speed
    air_kw_k = CP_AIR * air_kg_s
    fan_kw = c.fan_kw * fans.power_ratio(act.fan, fans.EC_PLUG)
    zone_air = air_kg_s @ c.zone_sum
    mixed = p.plan.entering(p, state, act, weather, zone_air)
    cooling = p.plan.cooling(p, state, act, weather, mixed.entering_c, air_kw_k, speed)
    supply = mixed.entering_c + (fan_kw - cooling.heat_kw) / air_kw_k
    zone_supply = ((air_kg_s * supply) @ c.zone_sum) / zone_air
    recirculation_share = room.recirculation_share(zone_air, it.airflow_kg_s, z.leak, z.knee, z.softness)
    leak_kw = CP_AIR * z.leak_kg_s * (weather.dry_bulb_c[..., None] - state.room.hot_c)
    new = room.step_room(
        state.room, zone_supply, zone_air, it.airflow_kg_s, recirculation_share, it.room_heat_kw + leak_kw,
        z.cold_kj_k, z.hot_kj_k, z.mass_kj_k, z.mass_ua_kw_k, step_s,
    )  # fmt: skip
    inlet = recirculation.inlets_c(
        new.cold_c,
        zone_supply,
        new.hot_c,
        recirculation_share,
        z.exposure,
        z.mixing,
        state.inlet_c,
        z.offset_k,
    )
    # Booked with the new return temperature, as the room did: so the two sides agree exactly.
    hot, outdoor_c = new.hot_c[..., zone_of], weather.dry_bulb_c[..., None]
    blown_off = air_kw_k * mixed.share[..., zone_of] * (hot - outdoor_c)
    heat = air_kw_k * (hot - supply) - blown_off + fan_kw
    wet = _moisture(p, state, weather, cooling, mixed, supply, air_kg_s, zone_air, step_s)
    latent = moisture.HEAT_OF_VAPOR_KJ_KG * wet.condensed_kg_s
    compressor = (heat + latent) * cooling.kw_per_kw
    condenser_fan = c.condenser_fan_kw * act.valve
    relief_kw = p.plan.relief(p, mixed.share, zone_air)
    return AirFlows(
        room=new,
        humidity_ratio=wet.ratio,
        inlet_c=inlet,
        supply_c=supply,
        entering_c=mixed.entering_c,
        heat_kw=heat,
        latent_kw=latent,
        fan_kw=fan_kw,
        unit_kw=fan_kw + compressor + condenser_fan,
        water_kg_s=cooling.water_kg_s,
        water_heat_kw=(heat + latent) * (1.0 - c.is_dx),
        exchange_kw=leak_kw.sum(axis=-1) - blown_off.sum(axis=-1) + wet.brought_kw,
        dx_rejected_kw=((heat + latent + compressor) * c.is_dx).sum(axis=-1),
        outside_kw=condenser_fan.sum(axis=-1) + relief_kw,
        relief_kw=relief_kw,
    )


class _Wet(NamedTuple):
    ratio: Array
    condensed_kg_s: Array
    """Shape (..., crahs)."""
    brought_kw: Array


def _moisture(
    p: PlantParameters,
    state: PlantState,
    weather: Weather,
    cooling: Cooling,
    mixed: Entering,
    supply: Array,
    air_kg_s: Array,
    zone_air: Array,
    step_s: float,
) -> _Wet:
    """Each zone's coils together are one wet surface; what it condenses is dealt out by contact."""
    z, c = p.zones, p.crahs
    by_water = state.flow_pipe_c[..., -1:] * (1.0 - COIL_SURFACE_SHARE) + COIL_SURFACE_SHARE * supply
    surface = by_water * cooling.surface_is_water + (supply - EVAPORATOR_COLDER_K) * (
        1.0 - cooling.surface_is_water
    )
    contact = air_kg_s * moisture.contact_share(mixed.entering_c, supply, surface)
    in_zone = contact @ c.zone_sum
    full = saturation_ratio(surface, p.loops.pressure_kpa)
    zone_full = ((contact * full) @ c.zone_sum + 1e-12) / np.maximum(in_zone, 1e-9)
    zone_full = np.where(in_zone > 1e-6, zone_full, 1.0)
    exchange = z.leak_kg_s + mixed.share * zone_air
    outdoor = weather.humidity_ratio[..., None]
    moist = moisture.step_moisture(
        state.humidity_ratio, outdoor, z.moist_kg, exchange, in_zone, zone_full, step_s
    )
    dealt = (moist.condensed_kg_s / np.maximum(in_zone, 1e-9))[..., list(c.zone_of)]
    brought = moisture.HEAT_OF_VAPOR_KJ_KG * (exchange * (outdoor - moist.ratio)).sum(axis=-1)
    return _Wet(moist.ratio, dealt * contact, brought)


# -- air into the coils -----------------------------------------------------------------------


def return_air(
    p: PlantParameters, state: PlantState, act: Actuators, weather: Weather, zone_air: Array
) -> Entering:
    """A closed room: coils get what comes back."""
    return Entering(0.0 * zone_air, state.room.hot_c[..., list(p.crahs.zone_of)])


def outdoor_and_return_air(
    p: PlantParameters, state: PlantState, act: Actuators, weather: Weather, zone_air: Array
) -> Entering:
    """Dampers let outdoor air in and push as much return air out (air-side economizer)."""
    share = act.damper * np.minimum(RHO_AIR * p.zones.outdoor_m3_s / zone_air, 1.0)
    mixed = state.room.hot_c + share * (weather.dry_bulb_c[..., None] - state.room.hot_c)
    return Entering(share, mixed[..., list(p.crahs.zone_of)])


def no_relief(p: PlantParameters, share: Array, zone_air: Array) -> Array:
    """No relief fans."""
    return np.asanyarray(0.0 * zone_air.sum(axis=-1))


def relief_fans(p: PlantParameters, share: Array, zone_air: Array) -> Array:
    """Fans that push return air out, by the cube of what they move. They stand in the air they throw out."""
    part = share * zone_air / np.maximum(RHO_AIR * p.zones.outdoor_m3_s, 1e-6)
    return np.asanyarray((p.zones.outdoor_fan_kw * part * part * part).sum(axis=-1))


# -- what cools it ------------------------------------------------------------------------------


def water_coils(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    weather: Weather,
    entering_c: Array,
    air_kw_k: Array,
    speed: Array,
) -> Cooling:
    """Chilled-water coils behind valves; weak pumps are shared by all."""
    c = p.crahs
    wanted = c.water_kg_s * act.valve * (1.0 - c.is_dx)
    throttled = np.minimum(p.loops.chilled_max_kg_s / np.maximum(wanted.sum(axis=-1), 1e-6), 1.0)
    water_kg_s = wanted * throttled[..., None]
    stream = np.maximum(water_kg_s, 1e-3)
    ua = coil.off_design_ua_kw_k(c.ua_kw_k, speed, stream / c.water_kg_s)
    water_c = state.flow_pipe_c[..., -1:]
    heat = coil.coil_heat_kw(entering_c, water_c, air_kw_k, CP_WATER * stream, ua)
    return Cooling(heat, water_kg_s, 1.0 - c.is_dx, 0.0 * heat)


def dx_circuits(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    weather: Weather,
    entering_c: Array,
    air_kw_k: Array,
    speed: Array,
) -> Cooling:
    """Compressors in the units: capacity by entering wet bulb and outdoor air, power by part load."""
    c = p.crahs
    outdoor_c = weather.dry_bulb_c[..., None]
    ratio = state.humidity_ratio[..., list(c.zone_of)]
    wet = moisture.wet_bulb_c(entering_c, ratio, p.loops.pressure_kpa)
    # Little air gives little capacity: E+'s usual flow modifier is about 0.8 + 0.2 x.
    capacity = c.dx_kw * dx.capacity_ratio(wet, outdoor_c) * (0.8 + 0.2 * speed)
    # Nothing is cooled below 5 °C: the low-pressure control unloads first.
    heat = np.minimum(capacity * act.valve, air_kw_k * np.maximum(entering_c - 5.0, 0.0))
    eir = dx.energy_input_ratio(wet, outdoor_c) / c.dx_cop / dx.part_load_factor(act.valve)
    return Cooling(heat, 0.0 * heat, 0.0 * heat, eir * c.is_dx)


def coils_and_dx(
    p: PlantParameters,
    state: PlantState,
    act: Actuators,
    weather: Weather,
    entering_c: Array,
    air_kw_k: Array,
    speed: Array,
) -> Cooling:
    """Some units of either kind."""
    wet = water_coils(p, state, act, weather, entering_c, air_kw_k, speed)
    dry = dx_circuits(p, state, act, weather, entering_c, air_kw_k, speed)
    is_dx = p.crahs.is_dx
    return Cooling(
        wet.heat_kw * (1.0 - is_dx) + dry.heat_kw * is_dx, wet.water_kg_s, wet.surface_is_water, dry.kw_per_kw
    )
