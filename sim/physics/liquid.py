"""Direct-to-chip liquid: a coolant distribution unit between the chips' loop and facility water."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.physics.coil import counterflow_effectiveness


def most_heat_kw(
    return_c: Array, facility_c: Array, liquid_kw_k: Array, facility_kw_k: Array, ua_kw_k: Array
) -> Array:
    """Heat the unit's plate exchanger could give to facility water at full flow. [kW]

    Counterflow effectiveness-NTU (Kays & London). Never negative.
    """
    least = np.minimum(liquid_kw_k, facility_kw_k)
    ratio = least / np.maximum(liquid_kw_k, facility_kw_k)
    effectiveness = counterflow_effectiveness(ua_kw_k / least, ratio)
    return np.asanyarray(effectiveness * least * np.maximum(return_c - facility_c, 0.0))


def chip_leakage_ratio(liquid_c: Array, per_k: float, reference_c: float) -> Array:
    """Power of liquid-cooled chips over that at a reference supply: leakage, linear. [-]"""
    return np.asanyarray(1.0 + per_k * np.maximum(liquid_c - reference_c, 0.0))
