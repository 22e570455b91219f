"""Water in room air: what comes in with outdoor air, what coils condense. The humidifier is off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.arrays import Array
from sim.physics.water import saturation_ratio

HEAT_OF_VAPOR_KJ_KG = 2501.0
"""At 0 °C, the zero point of moist-air enthalpy (ASHRAE Fundamentals 2017, ch. 1, eq. 30)."""


def ratio_from_wet_bulb(dry_c: Array, wet_c: Array, pressure_kpa: Array | float) -> Array:
    """Humidity ratio from dry and wet bulb. [kg/kg] ASHRAE Fundamentals 2017, ch. 1, eq. 33 (water)."""
    full = saturation_ratio(wet_c, pressure_kpa)
    ratio = ((2501.0 - 2.326 * wet_c) * full - 1.006 * (dry_c - wet_c)) / (
        2501.0 + 1.86 * dry_c - 4.186 * wet_c
    )
    return np.maximum(ratio, 1e-5)


def dew_point_c(ratio: Array, pressure_kpa: Array | float) -> Array:
    """Dew point over water: the Magnus form (Sonntag 1990) turned round. [°C]"""
    vapor = pressure_kpa * ratio / (0.622 + ratio)
    gamma = np.log(vapor / 0.6112)
    return np.asanyarray(243.12 * gamma / (17.62 - gamma))


def relative_humidity(ratio: Array, temperature_c: Array, pressure_kpa: Array | float) -> Array:
    """Vapor pressure over that of saturation. [-]"""
    vapor = pressure_kpa * ratio / (0.622 + ratio)
    return np.asanyarray(vapor / (0.6112 * np.exp(17.62 * temperature_c / (243.12 + temperature_c))))


def wet_bulb_c(dry_c: Array, ratio: Array, pressure_kpa: Array | float) -> Array:
    """Wet bulb by four Newton steps on the adiabatic-saturation balance. [°C] Above freezing.

    Solves 1.006·T + W·(2501 + 1.86·T) = 1.006·Tw + Ws(Tw)·(2501 + 1.86·Tw) - (Ws - W)·4.186·Tw,
    the balance behind ASHRAE Fundamentals 2017, ch. 1, eq. 33.
    """
    target = 1.006 * dry_c + ratio * (2501.0 + 1.86 * dry_c)
    wet = 0.6 * dry_c
    for _ in range(4):
        full = saturation_ratio(wet, pressure_kpa)
        error = 1.006 * wet + full * (2501.0 + 1.86 * wet) - (full - ratio) * 4.186 * wet - target
        steep = 1.006 + full * 2501.0 * 4284.0 / (243.12 + wet) ** 2
        wet = wet - error / steep
    return np.minimum(wet, dry_c)


def contact_share(entering_c: Array, leaving_c: Array, surface_c: Array) -> Array:
    """Share of the air that meets the coil's surface: one minus the bypass factor. [-]

    Heat and moisture pass in the same proportion (Lewis number one): ASHRAE Fundamentals 2017,
    ch. 1, apparatus dew point; EnergyPlus Engineering Reference, coil bypass factor.
    """
    share = (entering_c - leaving_c) / np.maximum(entering_c - surface_c, 0.1)
    return np.minimum(np.maximum(share, 0.0), 1.0)


class Moist(NamedTuple):
    """New humidity ratio, and water condensed in the step. [kg/kg], [kg/s]"""

    ratio: Array
    condensed_kg_s: Array


def step_moisture(
    ratio: Array,
    outdoor_ratio: Array,
    air_kg: Array,
    exchange_kg_s: Array,
    contact_kg_s: Array,
    surface_ratio: Array,
    step_s: float,
) -> Moist:
    """Advance a room's humidity ratio by one implicit step; water is conserved exactly.

    Parameters
    ----------
    air_kg, exchange_kg_s
        Air held (with what walls and paper buffer) and outdoor air let in and out. [kg], [kg/s]
    contact_kg_s, surface_ratio
        Air that touches coil surfaces, and saturation there. Condenses only what is above it.

    Notes
    -----
    ``air_kg · (new - old) = step · (exchange · (outdoor - new) - condensed)``.
    """
    gained = air_kg * ratio + step_s * exchange_kg_s * outdoor_ratio
    dry = gained / (air_kg + step_s * exchange_kg_s)
    wet = (gained + step_s * contact_kg_s * surface_ratio) / (
        air_kg + step_s * (exchange_kg_s + contact_kg_s)
    )
    drips = dry > surface_ratio
    new = np.where(drips, wet, dry)
    return Moist(new, np.where(drips, contact_kg_s * (wet - surface_ratio), 0.0))
