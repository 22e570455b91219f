"""Moist air, vectorised. Checked against PsychroLib (ASHRAE Fundamentals 2017) in the tests.

PsychroLib itself is scalar and slow in loops; it is our oracle, not our engine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

CP_AIR = 1.006
"""Specific heat of dry air. [kJ/(kg·K)]"""
CP_WATER = 4.186
"""Specific heat of water. [kJ/(kg·K)]"""
RHO_AIR = 1.2
"""Density of air at 20 °C and sea level. [kg/m³]"""
RHO_WATER = 998.0
"""[kg/m³]"""


def saturation_pressure_kpa(dry_bulb_c: ArrayLike) -> Array:
    """Saturation vapour pressure over ice below 0 °C and over water above. [kPa]

    Valid -100 to 200 °C. ASHRAE Fundamentals 2017, ch. 1, eqs. 5 and 6 (Hyland & Wexler 1983).
    """
    t = np.asarray(dry_bulb_c, float) + 273.15
    ice = (
        -5.6745359e3 / t
        + 6.3925247
        - 9.677843e-3 * t
        + 6.2215701e-7 * t**2
        + 2.0747825e-9 * t**3
        - 9.484024e-13 * t**4
        + 4.1635019 * np.log(t)
    )
    water = (
        -5.8002206e3 / t
        + 1.3914993
        - 4.8640239e-2 * t
        + 4.1764768e-5 * t**2
        - 1.4452093e-8 * t**3
        + 6.5459673 * np.log(t)
    )
    return np.asarray(np.exp(np.where(t < 273.16, ice, water)) / 1000)


def humidity_ratio(
    dry_bulb_c: ArrayLike, relative_humidity: ArrayLike, pressure_kpa: ArrayLike = 101.325
) -> Array:
    """Humidity ratio from relative humidity (0 to 1). [kg/kg] ASHRAE 2017, ch. 1, eqs. 12 and 20."""
    vapour = np.asarray(relative_humidity, float) * saturation_pressure_kpa(dry_bulb_c)
    return np.asarray(0.621945 * vapour / (np.asarray(pressure_kpa, float) - vapour))


def enthalpy_kj_kg(dry_bulb_c: ArrayLike, ratio: ArrayLike) -> Array:
    """Enthalpy of moist air per kg of dry air. [kJ/kg] ASHRAE 2017, ch. 1, eq. 30."""
    t = np.asarray(dry_bulb_c, float)
    return np.asarray(1.006 * t + np.asarray(ratio, float) * (2501 + 1.86 * t))


def dew_point_c(dry_bulb_c: ArrayLike, relative_humidity: ArrayLike) -> Array:
    """Dew point over water by inverting the Magnus form (Sonntag 1990: 17.62, 243.12 °C). [°C]"""
    t = np.asarray(dry_bulb_c, float)
    gamma = np.log(np.asarray(relative_humidity, float)) + 17.62 * t / (243.12 + t)
    return np.asarray(243.12 * gamma / (17.62 - gamma))


def wet_bulb_c(
    dry_bulb_c: ArrayLike, relative_humidity: ArrayLike, pressure_kpa: ArrayLike = 101.325
) -> Array:
    """Thermodynamic wet-bulb temperature by bisection to 1e-4 K. [°C]

    Parameters
    ----------
    dry_bulb_c, relative_humidity, pressure_kpa : array_like, broadcastable
        Dry bulb [°C], relative humidity 0 to 1 [-], station pressure [kPa].

    Returns
    -------
    ndarray of the broadcast shape

    References
    ----------
    ASHRAE Fundamentals 2017, ch. 1, eqs. 33 (water) and 35 (ice).
    """
    t, rh, p = np.broadcast_arrays(
        np.asarray(dry_bulb_c, float),
        np.asarray(relative_humidity, float),
        np.asarray(pressure_kpa, float),
    )
    target = humidity_ratio(t, rh, p)
    low, high = t - 45.0, t.copy()
    for _ in range(20):
        middle = (low + high) / 2
        saturated = humidity_ratio(middle, 1.0, p)
        water = ((2501 - 2.326 * middle) * saturated - 1.006 * (t - middle)) / (
            2501 + 1.86 * t - 4.186 * middle
        )
        ice = ((2830 - 0.24 * middle) * saturated - 1.006 * (t - middle)) / (2830 + 1.86 * t - 2.1 * middle)
        wetter = np.where(middle >= 0, water, ice) > target
        high = np.where(wetter, middle, high)
        low = np.where(wetter, low, middle)
    return np.asarray((low + high) / 2)
