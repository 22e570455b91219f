"""Direct expansion: a room unit's own compressor and air-cooled condenser."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.physics.chiller import Six, biquadratic

# Two-stage 10-ton unit "CoolCStandard10Ton" of the EnergyPlus reference buildings (small hotel);
# x = wet bulb of the air entering the coil, y = outdoor dry bulb.
CAPACITY: Six = (0.42415, 0.04426, -0.00042, 0.00333, -0.00008, -0.00021)
ENERGY_INPUT: Six = (1.23649, -0.02431, 0.00057, -0.01434, 0.00063, -0.00038)
WET_BULB_C = (17.0, 22.0)
OUTDOOR_C = (18.0, 46.0)
"""Fitted from 13 °C; head-pressure control holds the condenser from about 18 °C down, where the
fitted energy input has its minimum."""
CYCLING_LOSS = 0.15
"""PLF = 1 - 0.15·(1 - PLR): EnergyPlus's default cycling degradation."""


def _held(value: Array, limits: tuple[float, float]) -> Array:
    return np.minimum(np.maximum(value, limits[0]), limits[1])


def capacity_ratio(entering_wet_c: Array, outdoor_c: Array) -> Array:
    """Capacity over rated capacity, held at the fit's edges. [-]"""
    return biquadratic(CAPACITY, _held(entering_wet_c, WET_BULB_C), _held(outdoor_c, OUTDOOR_C))


def energy_input_ratio(entering_wet_c: Array, outdoor_c: Array) -> Array:
    """Electricity per heat over the rated one at full load, held at the fit's edges. [-]"""
    return biquadratic(ENERGY_INPUT, _held(entering_wet_c, WET_BULB_C), _held(outdoor_c, OUTDOOR_C))


def part_load_factor(part_load: Array) -> Array:
    """Efficiency kept at part load (EnergyPlus Engineering Reference, Coil:Cooling:DX). [-]"""
    return np.asanyarray(1.0 - CYCLING_LOSS * (1.0 - part_load))
