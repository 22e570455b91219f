"""A water-side economizer: a plate exchanger between tower water and chilled-water return."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.physics.coil import counterflow_effectiveness


def heat_kw(return_c: Array, tower_c: Array, chilled_kw_k: Array, tower_kw_k: Array, ua_kw_k: Array) -> Array:
    """Most heat the exchanger can take from the chilled-water return. Never negative. [kW]

    Counterflow effectiveness-NTU; a plate exchanger's conductance is taken as constant.
    """
    least = np.maximum(np.minimum(chilled_kw_k, tower_kw_k), 1e-6)
    most = np.maximum(np.maximum(chilled_kw_k, tower_kw_k), 1e-6)
    effectiveness = counterflow_effectiveness(ua_kw_k / least, least / most)
    return np.asanyarray(effectiveness * least * np.maximum(return_c - tower_c, 0.0))


def ua_for_approach_kw_k(capacity_kw: float, range_k: float, approach_k: float) -> float:
    """Conductance that leaves `approach_k` at balanced flows: NTU = range / approach. [kW/K]

    In a balanced counterflow exchanger the temperature difference is constant, so
    Q = UA·approach.
    """
    return capacity_kw / range_k * (range_k / approach_k)
