"""Outdoor moisture from the two temperatures a weather sensor and a forecast give."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from plant.forecast import Array
from plant.psychrometrics import saturation_pressure_kpa

_SEA_LEVEL_KPA = 101.325


def pressure_kpa(elevation_m: float) -> float:
    """Standard pressure at a height. ASHRAE Fundamentals 2017, ch. 1, eq. 3. [kPa]"""
    return float(_SEA_LEVEL_KPA * (1 - 2.25577e-5 * elevation_m) ** 5.2559)


def dew_point_of(dry_bulb_c: ArrayLike, wet_bulb_c: ArrayLike, pressure: float = _SEA_LEVEL_KPA) -> Array:
    """Dew point from dry and wet bulb. [°C]

    The psychrometer relation (ASHRAE Fundamentals 2017, ch. 1, eq. 33) gives the humidity ratio, the
    Magnus form over water (Sonntag 1990) the dew point of its vapour pressure. A wet bulb above the
    dry one is taken for saturated air.
    """
    dry = np.asarray(dry_bulb_c, float)
    wet = np.minimum(np.asarray(wet_bulb_c, float), dry)
    vapour = saturation_pressure_kpa(wet)
    saturated = 0.621945 * vapour / (pressure - vapour)
    ratio = ((2501 - 2.326 * wet) * saturated - 1.006 * (dry - wet)) / (2501 + 1.86 * dry - 4.186 * wet)
    ratio = np.maximum(ratio, 1e-5)
    gamma = np.log(pressure * ratio / (0.621945 + ratio) / 0.61121)
    return np.asarray(243.12 * gamma / (17.62 - gamma))
