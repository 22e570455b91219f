"""Pumps: power over design power as a polynomial of flow ratio."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

CHILLED_WATER = (0.0, 0.0205, 0.4101, 0.5753)
"""Variable-speed secondary chilled-water pump (ASHRAE 90.1 prototype buildings)."""
CONDENSER_WATER = (0.0, 0.0216, -0.0325, 1.0095)
"""Variable-speed condenser-water pump (ASHRAE 90.1 prototype buildings)."""


def power_ratio(flow: Array, coefficients: tuple[float, float, float, float]) -> Array:
    """P/P0 at a flow ratio of 0 to 1. Never negative. [-]"""
    c0, c1, c2, c3 = coefficients
    return np.maximum(c0 + flow * (c1 + flow * (c2 + flow * c3)), 0.0)


def hydraulic_power_kw(flow_m3_s: Array, head_kpa: Array, efficiency: Array) -> Array:
    """P = V̇·Δp / (η_pump·η_motor·η_drive). [kW]"""
    return np.asanyarray(flow_m3_s * head_kpa / efficiency)
