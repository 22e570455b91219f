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


def static_pressure_pa(flow_ratio: Array, design_pa: float, fixed_share: float = 0.0) -> Array:
    """Static pressure a system asks for: a fixed part and one that grows with flow squared. [Pa]"""
    return np.asanyarray(design_pa * (fixed_share + (1.0 - fixed_share) * flow_ratio * flow_ratio))


def air_power_kw(flow_m3_s: Array, pressure_pa: Array, efficiency: float) -> Array:
    """P = V̇·Δp / η_total. [kW] EnergyPlus's CRAH examples: 300 to 486 Pa at 0.7."""
    return np.asanyarray(flow_m3_s * pressure_pa / (1000.0 * efficiency))


SHUTOFF_SHARE = 2.0
"""Pressure of a plug fan at no flow over that at its design flow."""
PLENUM_SHARE = 0.25
"""Part of the design pressure that is spent in the common floor and tiles, not in the unit itself."""


def shared_plenum_flow(speed: Array, share: Array, zone_sum: Array, zone_of: tuple[int, ...]) -> Array:
    """Flow of each unit over its flow at the same speed in a healthy zone. Shape (..., units). [-]

    Fan laws (V ∝ n, Δp ∝ n²) with a quadratic fan curve against the unit's own filter and coil and a
    floor plenum all units of a zone blow into (ASHRAE Handbook, HVAC Systems and Equipment, ch. 21):
    s·n² - (s-1)·v² = (1-f)·v² + f·Q². When one unit is weak or still, the plenum's pressure falls and
    the others deliver more. Units at one speed deliver that speed, exactly.

    Parameters
    ----------
    speed : Array
        Fan speeds, 0 to 1. [-]
    share : Array
        Each unit's present design flow over the healthy zone's. Shape (units,). [-]
    """
    own = SHUTOFF_SHARE - PLENUM_SHARE
    square = speed * speed
    flow = speed
    # Each round leaves a seventh of the error, and there is none where all units are alike.
    for _ in range(2):
        zone = ((flow * share) @ zone_sum)[..., list(zone_of)]
        left = SHUTOFF_SHARE * square - PLENUM_SHARE * zone * zone
        flow = np.sqrt(np.maximum(left, 0.0) / own)
    return np.asanyarray(flow)
