"""Units of the outside world, converted once on the way in and once on the way out.

Inside, one coherent set is used (°C, K, kW, kWh, kg/s, m³/s, kPa, ratio, L). A `Unit` says how
a value in the source's unit becomes one in ours: ``inside = outside * factor + offset``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plant.errors import ConfigError


class Dimension(StrEnum):
    """What is measured; two units convert only within one dimension."""

    TEMPERATURE = "temperature"
    TEMPERATURE_DIFFERENCE = "temperature difference"
    POWER = "power"
    ENERGY = "energy"
    RATIO = "ratio"
    MASS_FLOW = "mass flow"
    VOLUME_FLOW = "volume flow"
    VOLUME = "volume"
    PRESSURE = "pressure"
    COUNT = "count"
    CARBON_INTENSITY = "carbon intensity"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the outside world and its way into ours."""

    symbol: str
    dimension: Dimension
    factor: float
    offset: float = 0.0

    def to_inside(self, value: float) -> float:
        """Convert ``value`` in this unit to the program's own unit."""
        return value * self.factor + self.offset

    def from_inside(self, value: float) -> float:
        """Convert ``value`` in the program's own unit to this one."""
        return (value - self.offset) / self.factor


_LB_PER_MWH_IN_G_PER_KWH = 0.45359237  # 1 lb = 453.59237 g exactly (NIST SP 811)

_UNITS = (
    Unit("degC", Dimension.TEMPERATURE, 1.0),
    Unit("degF", Dimension.TEMPERATURE, 5 / 9, -160 / 9),
    Unit("K", Dimension.TEMPERATURE, 1.0, -273.15),
    Unit("delta_K", Dimension.TEMPERATURE_DIFFERENCE, 1.0),
    Unit("kW", Dimension.POWER, 1.0),
    Unit("W", Dimension.POWER, 1e-3),
    Unit("MW", Dimension.POWER, 1e3),
    Unit("kWh", Dimension.ENERGY, 1.0),
    Unit("Wh", Dimension.ENERGY, 1e-3),
    Unit("MWh", Dimension.ENERGY, 1e3),
    Unit("J", Dimension.ENERGY, 1 / 3.6e6),
    Unit("ratio", Dimension.RATIO, 1.0),
    Unit("percent", Dimension.RATIO, 0.01),
    Unit("kg/s", Dimension.MASS_FLOW, 1.0),
    Unit("m3/s", Dimension.VOLUME_FLOW, 1.0),
    Unit("m3/h", Dimension.VOLUME_FLOW, 1 / 3600),
    Unit("L/s", Dimension.VOLUME_FLOW, 1e-3),
    Unit("L/min", Dimension.VOLUME_FLOW, 1e-3 / 60),
    Unit("L/h", Dimension.VOLUME_FLOW, 1e-3 / 3600),
    Unit("gpm", Dimension.VOLUME_FLOW, 6.30901964e-5),
    Unit("L", Dimension.VOLUME, 1.0),
    Unit("m3", Dimension.VOLUME, 1e3),
    Unit("kPa", Dimension.PRESSURE, 1.0),
    Unit("Pa", Dimension.PRESSURE, 1e-3),
    Unit("psi", Dimension.PRESSURE, 6.894757293),
    Unit("count", Dimension.COUNT, 1.0),
    Unit("g/kWh", Dimension.CARBON_INTENSITY, 1.0),
    Unit("lb/MWh", Dimension.CARBON_INTENSITY, _LB_PER_MWH_IN_G_PER_KWH),
)
UNITS: dict[str, Unit] = {unit.symbol: unit for unit in _UNITS}


def unit(symbol: str) -> Unit:
    """The unit with this symbol.

    Raises
    ------
    ConfigError
        If there is none; the message lists the ones there are.
    """
    try:
        return UNITS[symbol]
    except KeyError:
        known = ", ".join(UNITS)
        raise ConfigError(f"unit {symbol!r}", "is not known", f"use one of {known}") from None
