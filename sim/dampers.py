"""Outdoor-air dampers of an air-side economizer: how far the site's own controllers open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plant.psychrometrics import CP_AIR, RHO_AIR
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.physics import moisture
from sim.state import Flows, PlantState, Weather

if TYPE_CHECKING:
    from sim.plc import Registers

DAMPER_STROKE_S, OUTDOOR_COOLER_K, DEW_POINT_BAND_K = 90.0, 1.0, 1.0


def no_dampers(
    p: PlantParameters,
    damper: Array,
    sp: Registers,
    state: PlantState,
    last: Flows,
    weather: Weather,
    step_s: float,
) -> Array:
    """A closed room."""
    return damper


def mixing_dampers(
    p: PlantParameters,
    damper: Array,
    sp: Registers,
    state: PlantState,
    last: Flows,
    weather: Weather,
    step_s: float,
) -> Array:
    """As much outdoor air as mixes the supply air wanted, where moisture allows it.

    Differential dry bulb with dew-point limits. The humidifier is off, so dry outdoor air is let in
    only as long as the room stays above its lowest dew point.
    """
    z, c = p.zones, p.crahs
    air_kg_s = RHO_AIR * c.airflow_m3_s * sp.fan_ratio
    zone_kg_s = air_kg_s @ c.zone_sum
    wanted_c = ((air_kg_s * sp.supply_air_c - last.crah_fan_kw / CP_AIR) @ c.zone_sum) / zone_kg_s
    hot, outdoor = state.room.hot_c, weather.dry_bulb_c[..., None]
    share = np.minimum(np.maximum((hot - wanted_c) / np.maximum(hot - outdoor, OUTDOOR_COOLER_K), 0.0), 1.0)
    share = np.where(hot - outdoor > OUTDOOR_COOLER_K, share, 0.0)
    opening = share * zone_kg_s / np.maximum(RHO_AIR * z.outdoor_m3_s, 1e-6)
    outdoor_dew = moisture.dew_point_c(weather.humidity_ratio, p.loops.pressure_kpa)[..., None]
    room_dew = moisture.dew_point_c(state.humidity_ratio, p.loops.pressure_kpa)
    humid = (z.dew_point_max_c - outdoor_dew) / DEW_POINT_BAND_K
    dry = np.maximum(room_dew - z.dew_point_min_c, outdoor_dew - z.dew_point_min_c) / DEW_POINT_BAND_K
    leave = np.minimum(np.maximum(np.minimum(humid, dry), 0.0), 1.0)
    target = np.where(sp.outdoor_enable < 0.5, 0.0, leave * np.minimum(opening, 1.0))
    stroke = step_s / DAMPER_STROKE_S
    return damper + np.minimum(np.maximum(target - damper, -stroke), stroke)
