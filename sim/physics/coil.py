"""A CRAH's chilled-water coil: effectiveness-NTU with off-design conductance, dry."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array


def counterflow_effectiveness(ntu: Array, capacity_ratio: Array) -> Array:
    """ε of a counterflow exchanger. [-]

    ε = (1 - e^(-NTU(1-Cr))) / (1 - Cr·e^(-NTU(1-Cr))); NTU/(1+NTU) at Cr = 1. Kays & London,
    Compact Heat Exchangers, 3rd ed., 1984. Cr near one is moved off the removable singularity.
    """
    one_minus = np.maximum(1.0 - capacity_ratio, 1e-6)
    e = np.exp(-ntu * one_minus)
    return np.asarray((1.0 - e) / (1.0 - (1.0 - one_minus) * e))


def ntu_for_effectiveness(effectiveness: float, capacity_ratio: float) -> float:
    """Inverse of `counterflow_effectiveness`, for sizing. 0 < ε < 1. [-]"""
    if abs(1.0 - capacity_ratio) < 1e-6:
        return effectiveness / (1.0 - effectiveness)
    top = (effectiveness - 1.0) / (effectiveness * capacity_ratio - 1.0)
    return float(np.log(top) / (capacity_ratio - 1.0))


ENERGYPLUS_HOT_SIDE_RATIO = 1 / 3.3
"""(hA)_a/(hA)_w at design as EnergyPlus sizes Coil:Cooling:Water: inside 3.3 times outside."""


def off_design_ua_kw_k(
    ua_kw_k: Array,
    air_ratio: Array,
    water_ratio: Array,
    hot_side_ratio: float = 2 / 3,
    warmth: tuple[Array | float, Array | float] = (1.0, 1.0),
) -> Array:
    """Conductance away from design flows. [kW/K]

    1/UA = 1/(hA)_w + 1/(hA)_a with (hA)_w ∝ m_w^0.85, (hA)_a ∝ m_a^0.8 and a nominal ratio
    (hA)_a/(hA)_w of 2/3 (LBNL Modelica Buildings, HADryCoil defaults). `warmth` is what
    `warmth_factors` says of either side, where temperatures are far from design too.
    """
    air = ua_kw_k * (1.0 + hot_side_ratio) * air_ratio**0.8 * warmth[0]
    water = ua_kw_k * (1.0 + hot_side_ratio) / hot_side_ratio * water_ratio**0.85 * warmth[1]
    return np.asarray(air * water / (air + water))


def warmth_factors(
    air_in_c: Array, water_in_c: Array, design_air_c: float, design_water_c: float
) -> tuple[Array, Array]:
    """Change of (hA)_a and (hA)_w with entering temperatures. [-]

    1 + 0.004769·(T_a - T_a0) and 1 + 0.014/(1 + 0.014·T_w0)·(T_w - T_w0): M. Wetter, "Simulation
    Model Finned Water-Air-Coil Without Condensation," LBNL-42355, 1999, as EnergyPlus and Modelica
    Buildings have it.
    """
    air = 1.0 + 4.769e-3 * (air_in_c - design_air_c)
    water = 1.0 + 0.014 / (1.0 + 0.014 * design_water_c) * (water_in_c - design_water_c)
    return np.asarray(air), np.asarray(water)


def coil_heat_kw(
    air_in_c: Array, water_in_c: Array, air_kw_k: Array, water_kw_k: Array, ua_kw_k: Array
) -> Array:
    """Sensible heat from air to water: ε·Cmin·(T_air - T_water). Never negative. [kW]

    `air_kw_k` and `water_kw_k` are m·cp of the streams, both above zero.
    """
    least = np.minimum(air_kw_k, water_kw_k)
    ratio = least / np.maximum(air_kw_k, water_kw_k)
    effectiveness = counterflow_effectiveness(ua_kw_k / least, ratio)
    return np.asarray(effectiveness * least * np.maximum(air_in_c - water_in_c, 0.0))
