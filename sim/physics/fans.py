"""Fans: power over design power as a polynomial of speed (flow) ratio, fixed system."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array

EC_PLUG = (0.06990, 1.39501, -3.35487, 2.89232)
"""Plug fan with EC motor in a CRAC/CRAH (EnergyPlus data-center example files)."""
VAV_GENERIC = (0.35071, 0.30851, -0.54137, 0.87199)
"""Generic variable-speed supply fan (EnergyPlus/DOE-2 default)."""
TOWER = (-0.00932, 0.05123, -0.08384, 1.04192)
"""Variable-speed cooling-tower fan (EnergyPlus reference buildings)."""


def power_ratio(speed: Array, coefficients: tuple[float, float, float, float]) -> Array:
    """P/P0 at a speed ratio of 0 to 1; zero at standstill, never negative. [-]"""
    c0, c1, c2, c3 = coefficients
    value = c0 + speed * (c1 + speed * (c2 + speed * c3))
    return np.where(speed > 0.0, np.maximum(value, 0.0), 0.0)
