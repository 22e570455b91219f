"""Key performance indicators. Sum first, divide last; a version goes with every value.

Definitions follow ISO/IEC 30134; never annualise a short window: a PUE over less than twelve
months is *interim* (iPUE).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

DEFINITIONS_VERSION = "1"
_TWELVE_MONTHS = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure with its name, unit and definition. NaN where it cannot be formed."""

    name: str
    value: float
    unit: str
    definition: str


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan


def pue(facility_kwh: float, it_kwh: float, period: timedelta, category: int) -> Kpi:
    """Power usage effectiveness, ISO/IEC 30134-2: E_DC / E_IT; interim under twelve months."""
    kind = "PUE" if period >= _TWELVE_MONTHS else "interim PUE"
    return Kpi(f"{kind} (category {category})", _ratio(facility_kwh, it_kwh), "1", "E_DC / E_IT")


def wue(water_l: float, it_kwh: float) -> Kpi:
    """Water usage effectiveness, ISO/IEC 30134-9: water input / E_IT."""
    return Kpi("WUE", _ratio(water_l, it_kwh), "L/kWh", "W_IN / E_IT")


def cue(carbon_kg: float, it_kwh: float) -> Kpi:
    """Carbon usage effectiveness, ISO/IEC 30134-8: CO2e of the facility's energy / E_IT."""
    return Kpi("CUE", _ratio(carbon_kg, it_kwh), "kg/kWh", "CO2e / E_IT")
