"""The figures every account and report speaks of: one record, summed before anything is divided."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum


class Figure(StrEnum):
    """The names of the amounts in `EnergyFigures`, with their units."""

    FACILITY = "facility_kwh"
    IT = "it_kwh"
    COOLING = "cooling_kwh"
    CARBON = "carbon_kg"
    COST = "cost"
    WATER = "water_l"


@dataclass(frozen=True, slots=True)
class EnergyFigures:
    """Amounts over some covered time. NaN where there is nothing to add up, never zero.

    `carbon_kg` is location-based CO2e of the facility's energy; `cost` is what a plan minimizes:
    energy + carbon price + water, in the site's currency.
    """

    facility_kwh: float = math.nan
    it_kwh: float = math.nan
    cooling_kwh: float = math.nan
    carbon_kg: float = math.nan
    cost: float = math.nan
    water_l: float = math.nan

    def __getitem__(self, figure: Figure) -> float:
        return float(getattr(self, figure.value))

    @classmethod
    def of(cls, value: Callable[[Figure], float]) -> EnergyFigures:
        """Build from a function of the figure's name."""
        return cls(**{figure.value: value(figure) for figure in Figure})

    def plus(self, other: EnergyFigures) -> EnergyFigures:
        """Sum of two disjoint periods; a figure that only one of them has is that one's."""
        return EnergyFigures.of(lambda f: added(self[f], other[f]))

    def minus(self, other: EnergyFigures) -> EnergyFigures:
        """Difference; NaN where either side is."""
        return EnergyFigures.of(lambda f: self[f] - other[f])

    def as_dict(self) -> dict[str, float]:
        """By name, in the order of the class."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def added(a: float, b: float) -> float:
    """Sum in which NaN means "nothing there"."""
    if math.isnan(a):
        return b
    return a if math.isnan(b) else a + b


@dataclass(frozen=True, slots=True)
class DataShares:
    """How much of a period's samples stood behind a figure. The three add up to one."""

    measured: float
    estimated: float
    missing: float

    @property
    def word(self) -> str:
        """`OK`, `ESTIMATED` or `MISSING`, as energy registers want it."""
        if self.missing > 0:
            return "MISSING"
        return "ESTIMATED" if self.estimated > 0 else "OK"
