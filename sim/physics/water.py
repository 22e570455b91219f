"""Water a tower uses: evaporation, drift, blowdown."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

DRIFT_SHARE = 0.00008
"""Drift over circulated water (EnergyPlus default 0.008 %)."""


def saturation_ratio(temperature_c: Array, pressure_kpa: Array | float) -> Array:
    """Humidity ratio of saturated air over water (Magnus, Sonntag 1990). [kg/kg]"""
    vapor = 0.6112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return np.asanyarray(0.622 * vapor / (pressure_kpa - vapor))


def evaporation_kg_s(
    heat_kw: Array, air_kg_s: Array, dry_bulb_c: Array, wet_bulb_c: Array, pressure_kpa: Array | float
) -> Array:
    """Water evaporated while air takes up `heat_kw` and leaves saturated. [kg/s]

    The EnergyPlus "SaturatedExit" balance: the leaving state is the saturated one whose enthalpy
    is entering enthalpy + heat / air flow; evaporation is air flow times the rise in humidity
    ratio. Entering enthalpy is that of saturation at the wet bulb. In cold weather part of the
    heat leaves as warm air, so less evaporates than 1.48 L/kWh. Never negative.
    """
    w_wet = saturation_ratio(wet_bulb_c, pressure_kpa)
    w_in = ((2501.0 - 2.326 * wet_bulb_c) * w_wet - 1.006 * (dry_bulb_c - wet_bulb_c)) / (
        2501.0 + 1.86 * dry_bulb_c - 4.186 * wet_bulb_c
    )
    gain = heat_kw / np.maximum(air_kg_s, 1e-6)
    target = 1.006 * wet_bulb_c + w_wet * (2501.0 + 1.86 * wet_bulb_c) + gain
    slope = 1.006 + 2501.0 * w_wet * 17.62 * 243.12 / (243.12 + wet_bulb_c) ** 2
    leaving = np.minimum(wet_bulb_c + gain / slope, 60.0)
    for _ in range(3):
        w = saturation_ratio(leaving, pressure_kpa)
        error = 1.006 * leaving + w * (2501.0 + 1.86 * leaving) - target
        steep = 1.006 + 2560.0 * w * 4284.0 / (243.12 + leaving) ** 2
        leaving = leaving - error / steep
    return np.maximum(air_kg_s * (saturation_ratio(leaving, pressure_kpa) - w_in), 0.0)


def makeup_kg_s(evaporation: Array, circulated_kg_s: Array, cycles: float) -> Array:
    """Make-up water: evaporation + drift + blowdown, B = E/(CoC - 1) - drift. [kg/s]"""
    drift = DRIFT_SHARE * circulated_kg_s
    blowdown = np.maximum(evaporation / (cycles - 1.0) - drift, 0.0)
    return np.asanyarray(evaporation + drift + blowdown)
