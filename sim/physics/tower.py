"""Cooling towers: the YorkCalc approach correlation, solved for the leaving temperature."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

_C = np.array(
    [
        -0.359741205, -0.055053608, 0.0023850432,
        0.173926877, -0.0248473764, 0.00048430224,
        -0.005589849456, 0.0005770079712, -0.00001342427256,
        2.84765801111111, -0.121765149, 0.0014599242,
        1.680428651, -0.0166920786, -0.0007190532,
        -0.025485194448, 0.0000487491696, 0.00002719234152,
        -0.0653766255555556, -0.002278167, 0.0002500254,
        -0.0910565458, 0.00318176316, 0.000038621772,
        -0.0034285382352, 0.00000856589904, -0.000001516821552,
    ]
).reshape(3, 3, 3)  # fmt: skip
"""York International's 27 coefficients; axes: L/G power, range power, wet-bulb power."""

WET_BULB_RANGE_C = (-34.4, 26.67)
RANGE_LIMITS_K = (1.1, 22.2)
LEAST_APPROACH_K = 1.1
MAX_LIQUID_TO_GAS = 8.0
FREE_CONVECTION_AIR = 0.125
"""Air a cell draws with its fan off, over design air (EnergyPlus default 12.5 % of capacity)."""
_P = tuple(tuple(tuple(float(v) for v in row) for row in plane) for plane in _C)


def _range_polynomial(wet_bulb_c: Array, liquid_to_gas: Array) -> tuple[Array, Array, Array]:
    """The approach as a0 + a1·R + a2·R² at a wet bulb and L/G."""
    w, g = wet_bulb_c, liquid_to_gas
    a = []
    for r in range(3):
        planes = [_P[k][r][0] + w * (_P[k][r][1] + w * _P[k][r][2]) for k in range(3)]
        a.append(planes[0] + g * (planes[1] + g * planes[2]))
    return a[0], a[1], a[2]


def liquid_to_gas(water_ratio: Array, air_ratio: Array) -> Array:
    """Water flow ratio over air flow ratio, at most 8 where the correlation ends. [-]"""
    return np.minimum(water_ratio / np.maximum(air_ratio, FREE_CONVECTION_AIR), MAX_LIQUID_TO_GAS)


def approach_k(wet_bulb_c: Array, range_k: Array, liquid_to_gas_ratio: Array) -> Array:
    """Approach of the leaving water to the wet bulb at a given range. [K]

    YorkCalc as published in EnergyPlus (CoolingTower:VariableSpeed) and LBNL Modelica
    `yorkCalc.mo`. Wet bulb and range are held at the correlation's limits.
    """
    w = np.minimum(np.maximum(wet_bulb_c, WET_BULB_RANGE_C[0]), WET_BULB_RANGE_C[1])
    r = np.minimum(np.maximum(range_k, RANGE_LIMITS_K[0]), RANGE_LIMITS_K[1])
    a0, a1, a2 = _range_polynomial(w, liquid_to_gas_ratio)
    return np.maximum(a0 + r * (a1 + a2 * r), LEAST_APPROACH_K)


def leaving_water_c(entering_c: Array, wet_bulb_c: Array, liquid_to_gas_ratio: Array) -> Array:
    """Leaving water for water entering at a temperature. Never above entering. [°C]

    entering - R = wet bulb + approach(R): the approach is quadratic in the range R, so R has a
    closed form. Outside the range limits the approach at the limit is used.
    """
    w = np.minimum(np.maximum(wet_bulb_c, WET_BULB_RANGE_C[0]), WET_BULB_RANGE_C[1])
    a0, a1, a2 = _range_polynomial(w, liquid_to_gas_ratio)
    b, c = 1.0 + a1, a0 - (entering_c - wet_bulb_c)
    root = np.sqrt(np.maximum(b * b - 4.0 * a2 * c, 0.0))
    # The form that stays exact as a2 → 0.
    r = np.minimum(np.maximum(-2.0 * c / (b + root), RANGE_LIMITS_K[0]), RANGE_LIMITS_K[1])
    approach = np.maximum(a0 + r * (a1 + a2 * r), LEAST_APPROACH_K)
    return np.minimum(np.maximum(entering_c - RANGE_LIMITS_K[1], wet_bulb_c + approach), entering_c)
