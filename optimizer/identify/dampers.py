"""What a zone's dampers did, and from where they stood how its PLC lets them: dew-point limits, slow fans."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.identify.coils import zone_heat_kw
from optimizer.identify.outdoor_air import BAND_K, LEAST_K, OutdoorAirLaw
from optimizer.identify.signals import Mask, Signals
from optimizer.moist import dew_point_of, pressure_kpa
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.site import EquipmentKind, HumidityLimits

LEAST_OPEN = 24
"""Quarter hours with open dampers below which nothing is learned of them."""
_OPEN, _WORTH_OPENING = 0.03, 0.15
_SLOW_FANS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


@dataclass(frozen=True)
class Seen:
    """What a zone's history says. Shapes (samples,)."""

    damper: Array
    enabled: Array
    heat_kw: Array
    air_kw_k: Array
    cooler_k: Array
    outdoor_c: Array
    dew_c: Array

    @classmethod
    def of(cls, signals: Signals, zone: OwnerId, air_kw_k: float) -> Seen:
        """Read a zone's signals; ``air_kw_k`` is its air's heat capacity rate at full fan speed. [kW/K]"""
        units = signals.site.equipment_of(EquipmentKind.AIR_ECONOMIZER, zone)

        def mean(quantity: Quantity) -> Array:
            return signals.mean(tuple(p for e in units for p in signals.site.points_of(e.id, quantity)))

        enabled = mean(Quantity.ECONOMIZER_ENABLE_SETPOINT)
        dry, wet = signals.of_site(Quantity.OUTDOOR_DRY_BULB), signals.of_site(Quantity.OUTDOOR_WET_BULB)
        return cls(
            mean(Quantity.OUTDOOR_AIR_DAMPER),
            np.where(np.isnan(enabled), 1.0, enabled),
            zone_heat_kw(signals, zone),
            air_kw_k * signals.of_zone(zone, Quantity.FAN_SPEED),
            signals.of_zone(zone, Quantity.RETURN_AIR_TEMPERATURE) - dry,
            dry,
            dew_point_of(dry, wet, pressure_kpa(signals.site.elevation_m)),
        )

    @property
    def opened(self) -> int:
        """Samples with open dampers."""
        return int(np.count_nonzero(self.damper > _OPEN))

    def moved(self, most_kw_k: float) -> Array:
        """Heat that the measured dampers let out: no more outdoor air than the zone's fans move. [kW]"""
        return np.asarray(self.damper * np.minimum(most_kw_k, self.air_kw_k) * np.maximum(self.cooler_k, 0.0))


def dew_point_limits(seen: Seen, most_kw_k: float, declared: HumidityLimits) -> tuple[float, float]:
    """Dew points, high and low, at which the PLC has closed; the site's own where it was never seen."""
    wanted = np.minimum(seen.heat_kw / np.maximum(most_kw_k * np.maximum(seen.cooler_k, LEAST_K), 1e-6), 1.0)
    worth = (seen.cooler_k > 2 * LEAST_K) & (wanted > _WORTH_OPENING) & (seen.enabled > 0.5)
    worth &= ~np.isnan(seen.damper) & ~np.isnan(seen.dew_c)
    leave = np.clip(seen.damper / np.maximum(wanted, _WORTH_OPENING), 0.0, 1.0)
    middle = (declared.dew_point_max_c + declared.dew_point_min_c) / 2
    high = _edge(seen.dew_c, leave, worth & (seen.dew_c > middle), declared.dew_point_max_c, 1.0)
    low = _edge(seen.dew_c, leave, worth & (seen.dew_c < middle), declared.dew_point_min_c, -1.0)
    return high, low


def _edge(dew_c: Array, leave: Array, where: Mask, declared_c: float, side: float) -> float:
    """The limit that explains best how far dampers were let open; only where both were seen."""
    dew, got = dew_c[where], leave[where]
    if (got > 0.5).sum() < 6 or (got < 0.1).sum() < 6:
        seen_open = dew[got > 0.5]
        if seen_open.size >= 6:  # they were open there, so the limit is not inside of it
            beyond = float(np.percentile(side * seen_open, 99))
            return side * max(beyond, side * declared_c)
        return declared_c
    trials = declared_c + np.linspace(-6.0, 6.0, 61)
    wrong = [float(np.mean((np.clip(side * (t - dew) / BAND_K, 0, 1) - got) ** 2)) for t in trials]
    return float(trials[int(np.argmin(wrong))])


def slow_fans(law: OutdoorAirLaw, seen: Seen) -> float:
    """The e that explains best what dampers let out while fans moved less than dampers could."""
    slow = (seen.air_kw_k < 0.95 * law.most_kw_k) & (seen.enabled > 0.5)
    leave = law.leave(seen.dew_c)
    moved = np.where(slow & (leave > 0.99), seen.moved(law.most_kw_k), np.nan)
    if np.count_nonzero(moved > 0.05 * seen.heat_kw) < LEAST_OPEN:
        return 0.0
    off = []
    for e in _SLOW_FANS:
        tried = replace(law, slow_fans=e).taken_kw(seen.heat_kw, seen.air_kw_k, seen.cooler_k, leave)
        off.append(float(np.nanmean((tried - moved) ** 2)))
    return float(_SLOW_FANS[int(np.argmin(off))])
