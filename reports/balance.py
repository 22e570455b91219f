"""The meter balance: does what goes in at one meter come out at those below it?

Each line compares a meter with the sum of the meters below it over the steps in which all of them are
known. The residual is published, explained or not; beyond its limit it is an alarm. Power losses between
the facility meter and its known parts are expected; between a meter and its own parts they are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plant.history import History
from plant.points import SITE, Point, PointId
from plant.quantities import Quantity
from plant.site import EquipmentKind
from reports.series import COOLING_KINDS, mean_column

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """Residual as a share of the upper meter that is not alarmed. [-]"""

    low: float
    high: float
    why: str


_LOSSES = Limits(-0.01, 0.20, "losses of UPS and distribution, lighting and what has no meter")
_UPS = Limits(-0.01, 0.12, "losses of UPS and distribution")
_PDU = Limits(-0.01, 0.08, "losses of PDUs and cables between the IT meter and the racks")
_AT_IT_INPUT = 3
"""PUE category whose IT meter sits where the zones are metered."""
_SAME = Limits(-0.03, 0.03, "the same energy metered twice: meter errors only")


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One comparison. Energies are over the hours in which every meter of the line was known."""

    name: str
    upper: tuple[PointId, ...]
    lower: tuple[PointId, ...]
    upper_kwh: float
    lower_kwh: float
    hours: float
    limits: Limits

    @property
    def residual_kwh(self) -> float:
        """What goes in and is not seen to come out."""
        return self.upper_kwh - self.lower_kwh

    @property
    def residual_share(self) -> float:
        """Of the upper meter; NaN where it shows nothing. [-]"""
        return self.residual_kwh / self.upper_kwh if self.upper_kwh > 0 else math.nan

    @property
    def alarm(self) -> str | None:
        """What is wrong, or None. Without common time nothing can be said, and that is said."""
        if self.hours == 0 or math.isnan(self.residual_share):
            return f"{self.name}: never were all of its meters known together"
        if not self.limits.low <= self.residual_share <= self.limits.high:
            allowed = f"{self.limits.low:.0%} to {self.limits.high:.0%} ({self.limits.why})"
            return f"{self.name}: residual {self.residual_share:+.1%} is outside {allowed}"
        return None

    def plus(self, other: BalanceLine) -> BalanceLine:
        """The same line over two disjoint spans."""
        return BalanceLine(
            self.name,
            self.upper,
            self.lower,
            self.upper_kwh + other.upper_kwh,
            self.lower_kwh + other.lower_kwh,
            self.hours + other.hours,
            self.limits,
        )


MeterBalance = tuple[BalanceLine, ...]


def meter_balance(history: History) -> MeterBalance:
    """Every line the site's points allow, from the facility meter down to zones and machines."""
    site = history.site
    facility = site.points_of(SITE, Quantity.FACILITY_POWER)
    it = site.points_of(SITE, Quantity.IT_POWER)
    cooling = site.points_of(SITE, Quantity.COOLING_POWER)
    zones = [site.points_of(z.id, Quantity.IT_POWER) for z in site.zones]
    machines = [
        site.points_of(e.id, Quantity.POWER)
        for kind in COOLING_KINDS
        for e in site.equipment_of(kind)
        if e.nameplate.power_kw is not None or site.points_of(e.id, Quantity.POWER)
    ]
    ups = [site.points_of(e.id, Quantity.POWER) for e in site.equipment_of(EquipmentKind.UPS)]
    lines = [
        _line(history, "facility = IT + cooling + losses", facility, [it, cooling], _LOSSES),
        _line(history, "IT meter = zones", it, zones, _SAME if site.pue_category == _AT_IT_INPUT else _PDU),
        _line(history, "cooling meter = machines", cooling, machines, _SAME),
    ]
    if ups and all(ups):
        lines.append(_fed(history, "UPS = IT + losses", ups, [it], _UPS))
    return tuple(line for line in lines if line is not None)


def joined(a: MeterBalance, b: MeterBalance) -> MeterBalance:
    """Balances of two disjoint spans, line by line."""
    return tuple(x.plus(y) for x, y in zip(a, b, strict=True))


def _line(
    history: History, name: str, upper: Sequence[Point], lower: Sequence[Sequence[Point]], limits: Limits
) -> BalanceLine | None:
    if not upper or not lower or not all(lower):
        return None
    return _fed(history, name, [upper], lower, limits)


def _fed(
    history: History,
    name: str,
    upper: Sequence[Sequence[Point]],
    lower: Sequence[Sequence[Point]],
    limits: Limits,
) -> BalanceLine:
    above, below = _sum_of(history, upper), _sum_of(history, lower)
    known = ~np.isnan(above) & ~np.isnan(below)
    step_h = history.step_s / 3600
    return BalanceLine(
        name,
        tuple(p.id for points in upper for p in points),
        tuple(p.id for points in lower for p in points),
        math.fsum(above[known]) * step_h,
        math.fsum(below[known]) * step_h,
        float(known.sum()) * step_h,
        limits,
    )


def _sum_of(history: History, groups: Sequence[Sequence[Point]]) -> Array:
    return np.asarray(np.sum([mean_column(history, points)[0] for points in groups], axis=0))
