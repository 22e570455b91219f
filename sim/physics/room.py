"""One air-side zone: cold aisle, hot aisle, and the mass of racks and floor.

The air volumes are well mixed. A share φ of what servers breathe is their own exhaust; what the
CRAHs supply beyond that bypasses the servers. Energy closes exactly: what the nodes store is what
came in minus what left (implicit Euler on a linear system, so any step is stable).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_AIR
from sim.arrays import Array


class RoomState(NamedTuple):
    """Temperatures of the three nodes. Shape (..., zones). [°C]"""

    cold_c: Array
    hot_c: Array
    mass_c: Array


def recirculation_share(
    supply_kg_s: Array, server_kg_s: Array, floor: Array, knee: Array, softness: float
) -> Array:
    """Share of server air that is recirculated exhaust: a leak plus what the CRAHs fail to supply. [-]

    φ = floor + softness·ln(1 + exp((knee - r)/softness)) with r = supply / server airflow. With
    knee ≥ 1 it is never below 1 - r, which mass balance demands. The form follows the falling
    recirculation with relative airflow of Tang, Gupta, Varsamopoulos (IEEE TPDS 19(11), 2008:
    a matrix valid at one airflow) smoothed into a hinge; its parameters are this plant's own.
    """
    short = (knee - supply_kg_s / np.maximum(server_kg_s, 1e-6)) / softness
    hinge = np.maximum(short, 0.0) + np.log1p(np.exp(-np.abs(short)))
    return np.minimum(floor + softness * hinge, 0.95)


def step_room(
    state: RoomState,
    supply_c: Array,
    supply_kg_s: Array,
    server_kg_s: Array,
    recirculation: Array,
    heat_kw: Array,
    cold_kj_k: Array,
    hot_kj_k: Array,
    mass_kj_k: Array,
    mass_ua_kw_k: Array,
    step_s: float,
) -> RoomState:
    """Advance the three nodes by one implicit step.

    Parameters
    ----------
    supply_c, supply_kg_s : Array
        What the CRAHs blow in. Shape (..., zones). [°C], [kg/s]
    server_kg_s, recirculation : Array
        Air through the servers and the share of it that is exhaust. [kg/s], [-]
    heat_kw : Array
        All heat released in the zone. [kW]

    Notes
    -----
    The heat the zone gave to the CRAHs in the step is exactly
    ``supply_kg_s · cp · (hot_c_new - supply_c)``.
    """
    direct = CP_AIR * (1.0 - recirculation) * server_kg_s
    again = CP_AIR * recirculation * server_kg_s
    through = CP_AIR * server_kg_s
    bypass = CP_AIR * supply_kg_s - direct
    # Mass node eliminated: m' = (Cm·m + dt·UA·c') / (Cm + dt·UA)
    mass_gain = mass_ua_kw_k * mass_kj_k / (mass_kj_k + step_s * mass_ua_kw_k)
    cold_rate = cold_kj_k / step_s
    hot_rate = hot_kj_k / step_s
    a11 = cold_rate + through + mass_gain
    b1 = cold_rate * state.cold_c + direct * supply_c + mass_gain * state.mass_c
    # Hot node: in = servers' exhaust + bypass, out = CRAH return + recirculation.
    a22 = hot_rate + through + bypass
    b2 = hot_rate * state.hot_c + heat_kw + bypass * supply_c
    determinant = a11 * a22 - again * through
    cold = (b1 * a22 + again * b2) / determinant
    hot = (a11 * b2 + through * b1) / determinant
    mass = (mass_kj_k * state.mass_c + step_s * mass_ua_kw_k * cold) / (mass_kj_k + step_s * mass_ua_kw_k)
    return RoomState(cold, hot, mass)
