"""What carries the site when the utility is gone: a limit on ride-through, not a part of the heat balance."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

PEUKERT = 1.15
"""Valve-regulated lead-acid; lithium is nearer 1.05 (IEEE 1184)."""


def battery_time_s(energy_kwh: Array, rated_kw: Array, load_kw: Array, peukert: float = PEUKERT) -> Array:
    """How long a battery carries a load: t = E/P_rated · (P_rated/P)^k, Peukert's law. [s]

    `energy_kwh` is what it gives at `rated_kw`. Zero where the load is beyond its rating.
    """
    load = np.maximum(load_kw, 1e-6)
    seconds = 3600.0 * energy_kwh / rated_kw * (rated_kw / load) ** peukert
    return np.where(load_kw > rated_kw, 0.0, seconds)


def heat_up_k_per_s(power_kw: Array, stored_kj_k: Array) -> Array:
    """How fast a room warms with no cooling at all: dT/dt = P / C. [K/s]

    Air alone: 49.7 K/min per kW/m³.
    """
    return np.asanyarray(power_kw / stored_kj_k)
