"""A cooling tower by Merkel's enthalpy difference, effectiveness-NTU form."""

from __future__ import annotations

import math

import numpy as np

from plant.psychrometrics import CP_WATER
from sim.arrays import Array
from sim.physics.water import saturation_ratio


def saturated_enthalpy_kj_kg(temperature_c: Array, pressure_kpa: Array | float) -> Array:
    """Enthalpy of saturated air. [kJ/kg]"""
    ratio = saturation_ratio(temperature_c, pressure_kpa)
    return np.asanyarray(1.006 * temperature_c + ratio * (2501.0 + 1.86 * temperature_c))


def conductance_ratio(wet_bulb_drop_k: Array, air_ratio: Array, water_ratio: Array) -> Array:
    """UA over design UA: f_wb·f_air·f_water. [-]

    f_wb = 1 + 0.0081·(design wet bulb - wet bulb), f_air = 1.3x - 0.3x²,
    f_water = 0.1082 + 1.667x - 0.7713x² (Scheier's adjustments in EnergyPlus
    CoolingTower:VariableSpeed:Merkel, after LBNL Modelica `Merkel.mo`).
    """
    by_wet = 1.0 + 0.0081 * wet_bulb_drop_k
    by_air = air_ratio * (1.3 - 0.3 * air_ratio)
    by_water = 0.1082 + water_ratio * (1.667 - 0.7713 * water_ratio)
    return np.asanyarray(by_wet * by_air * by_water)


def leaving_water_c(
    entering_c: Array,
    wet_bulb_c: Array,
    water_kg_s: Array,
    air_kg_s: Array,
    ua_kw_k: Array,
    pressure_kpa: Array | float,
) -> Array:
    """Leaving water of a counterflow tower. Between wet bulb and entering. [°C]

    The air is a stream of equivalent specific heat c_e = Δh_sat/ΔT between the entering wet bulb and
    that of the leaving air, and UA_e = UA·c_e/cp_air (EnergyPlus Engineering Reference, Merkel's
    theory). c_e depends on the answer; four damped substitutions settle it.
    """
    h_in = saturated_enthalpy_kj_kg(wet_bulb_c, pressure_kpa)
    water = CP_WATER * np.maximum(water_kg_s, 1e-6)
    out_wet = 0.5 * (entering_c + wet_bulb_c)
    leaving = out_wet
    for _ in range(6):
        gap = np.maximum(out_wet - wet_bulb_c, 0.05)
        specific = (saturated_enthalpy_kj_kg(wet_bulb_c + gap, pressure_kpa) - h_in) / gap
        air = np.maximum(air_kg_s, 1e-6) * specific
        least = np.minimum(water, air)
        ratio = least / np.maximum(water, air)
        ntu = ua_kw_k * specific / 1.006 / least
        one_minus = np.maximum(1.0 - ratio, 1e-6)
        e = np.exp(-ntu * one_minus)
        effectiveness = (1.0 - e) / (1.0 - (1.0 - one_minus) * e)
        heat = effectiveness * least * np.maximum(entering_c - wet_bulb_c, 0.0)
        leaving = entering_c - heat / water
        out_wet = 0.5 * (out_wet + wet_bulb_c + heat / air)
    return np.asanyarray(leaving)


def design_ua_kw_k(
    heat_kw: float, water_kg_s: float, air_kg_s: float, wet_bulb_c: float, range_k: float, approach_k: float
) -> float:
    """Conductance at which design water leaves at the design approach, by bisection. [kW/K]"""
    entering = np.asarray(wet_bulb_c + approach_k + range_k)
    low, high = 1e-3, 50.0 * heat_kw
    for _ in range(60):
        middle = math.sqrt(low * high)
        left = leaving_water_c(
            entering, np.asarray(wet_bulb_c), np.asarray(water_kg_s), np.asarray(air_kg_s),
            np.asarray(middle), 101.325,
        )  # fmt: skip
        low, high = (middle, high) if float(left) > wet_bulb_c + approach_k else (low, middle)
    return middle
