"""A stratified chilled-water tank: a cold zone below, a warm zone above, a thermocline that moves.

Two-zone (moving-interface) model: Dincer and Rosen, Thermal Energy Storage, 2nd ed., ch. 9; the
inlet diffusers' mixing is what keeps the figure of merit of real tanks at 0.85 to 0.95.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_WATER
from sim.arrays import Array

LEAST_SHARE = 0.03
"""Neither zone ever vanishes: diffusers and headers keep this much."""
INLET_MIXING = 0.05
"""Share of the flow in that drags as much across the thermocline (figure of merit about 0.9)."""


class TankState(NamedTuple):
    """Shapes (..., tanks). Share of the mass that is cold [-], and the two temperatures. [°C]"""

    cold_share: Array
    cold_c: Array
    warm_c: Array


def step_tank(
    state: TankState,
    in_kg_s: Array,
    cold_in_c: Array,
    out_kg_s: Array,
    warm_in_c: Array,
    mass_kg: Array,
    interface_kw_k: Array,
    step_s: float,
    gain_kw: Array | float = 0.0,
) -> TankState:
    """Charge with `in_kg_s` of water at `cold_in_c`, or discharge with `out_kg_s` returned warm.

    Charging pushes as much warm water out at the top as comes in at the bottom; discharging the
    other way round. The heat the tank gained is exactly
    ``step · cp · (in · (cold_in - warm) + out · (warm_in - cold))`` with the old zone temperatures.
    The flows must leave both zones `LEAST_SHARE` (see `room_to_charge_kg_s`). `gain_kw` comes in
    through the walls, to each zone by its share; what crosses the interface stays in the tank.
    """
    gain_kj = step_s * gain_kw
    cold_kg, warm_kg = mass_kg * state.cold_share, mass_kg * (1.0 - state.cold_share)
    moved = step_s * (in_kg_s - out_kg_s)
    dragged = INLET_MIXING * step_s * (in_kg_s + out_kg_s)
    across_kj = (interface_kw_k * step_s + dragged * CP_WATER) * (state.warm_c - state.cold_c)
    # Never more than evens the two out.
    most_kj = 0.5 * CP_WATER * np.minimum(cold_kg, warm_kg) * np.maximum(state.warm_c - state.cold_c, 0.0)
    across_kj = np.minimum(across_kj, most_kj)
    cold_kj = CP_WATER * (cold_kg * state.cold_c + step_s * (in_kg_s * cold_in_c - out_kg_s * state.cold_c))
    warm_kj = CP_WATER * (warm_kg * state.warm_c + step_s * (out_kg_s * warm_in_c - in_kg_s * state.warm_c))
    cold_kg, warm_kg = cold_kg + moved, warm_kg - moved
    return TankState(
        cold_kg / mass_kg,
        (cold_kj + across_kj + gain_kj * state.cold_share) / (CP_WATER * cold_kg),
        (warm_kj - across_kj + gain_kj * (1.0 - state.cold_share)) / (CP_WATER * warm_kg),
    )


def wall_gain_kw(state: TankState, outdoor_c: Array, wall_kw_k: Array) -> Array:
    """Heat that comes in through the walls. [kW]"""
    mean = state.cold_share * state.cold_c + (1.0 - state.cold_share) * state.warm_c
    return np.asanyarray(wall_kw_k * (outdoor_c - mean))


def stored_kj(state: TankState, mass_kg: Array) -> Array:
    """Heat in the water relative to 0 °C. [kJ]"""
    share = state.cold_share
    return np.asanyarray(mass_kg * CP_WATER * (share * state.cold_c + (1.0 - share) * state.warm_c))


def room_to_charge_kg_s(state: TankState, mass_kg: Array, step_s: float) -> Array:
    """Most that can flow in during a step. [kg/s]"""
    return np.maximum(1.0 - LEAST_SHARE - state.cold_share, 0.0) * mass_kg / step_s


def left_to_discharge_kg_s(state: TankState, mass_kg: Array, step_s: float) -> Array:
    """Most that can flow out during a step. [kg/s]"""
    return np.maximum(state.cold_share - LEAST_SHARE, 0.0) * mass_kg / step_s


def charge(state: TankState, design_k: Array) -> Array:
    """Cold in the tank over what it holds at its design difference, 0 to 1. [-]"""
    full = state.cold_share * (state.warm_c - state.cold_c) / ((1.0 - LEAST_SHARE) * design_k)
    return np.minimum(np.maximum(full, 0.0), 1.0)
