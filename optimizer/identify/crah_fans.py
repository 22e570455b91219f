"""CRAH fan power against fan speed: the fan law with whatever static part the data show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.identify.evidence import Evidence
from optimizer.identify.intervals import places_seen
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.site import EquipmentKind

_NAMEPLATE_KW = 8.0


@dataclass(frozen=True)
class FanLaw:
    """Power of all a zone's CRAH fans: ``units · (c0 + c1 r + c2 r² + c3 r³ + c5 r⁵)``, c ≥ 0. [kW]

    Convex and rising, from the cube law to the flat start and steep end of measured plug fans.
    """

    units: int
    coefficients: tuple[float, float, float, float, float]

    def power_kw(self, speed: ArrayLike) -> Array:
        """Power at speed ratio ``speed`` (any shape). [kW]"""
        r = np.asarray(speed, float)
        c0, c1, c2, c3, c5 = self.coefficients
        return np.asarray(self.units * (c0 + r * (c1 + r * (c2 + r * (c3 + r**2 * c5)))))


def learn_crah_fans(signals: Signals, zone: OwnerId) -> tuple[FanLaw, Evidence]:
    """Fit one curve to a zone's CRAHs, each sample the mean unit; prior is the cube law."""
    units = signals.site.equipment_of(EquipmentKind.CRAH, zone)
    rated = [e.nameplate.power_kw or _NAMEPLATE_KW for e in units] or [_NAMEPLATE_KW]
    speed = signals.of_zone(zone, Quantity.FAN_SPEED)
    power = signals.mean(tuple(p for e in units for p in signals.site.points_of(e.id, Quantity.POWER)))
    grid = np.linspace(0.4, 1.0, 7)
    prior = Prior(_features(grid), float(np.mean(rated)) * grid**3)
    fitted = fit(_features(speed), power, Bounds.nonnegative(5), prior)
    c = fitted.coefficients
    law = FanLaw(max(len(units), 1), (float(c[0]), float(c[1]), float(c[2]), float(c[3]), float(c[4])))
    record = evidence(
        f"{zone}.fans",
        fitted,
        coverage(speed=speed),
        prior_std=0.15 * float(np.mean(rated)),
        worst_cv_rmse=0.15,
        names=("constant_kw", "linear_kw", "square_kw", "cube_kw", "fifth_kw"),
        places=places_seen(speed, lambda share: _features(np.array([share]))[0]),
        may_stand=signals.site.lever(zone, Quantity.FAN_SPEED_SETPOINT) is None,
    )
    return law, record


def compare_fans(law: FanLaw, signals: Signals, zone: OwnerId) -> tuple[Array, Array]:
    """Measured and predicted power of the mean unit. [kW] Shapes (samples,)."""
    units = signals.site.equipment_of(EquipmentKind.CRAH, zone)
    power = signals.mean(tuple(p for e in units for p in signals.site.points_of(e.id, Quantity.POWER)))
    return power, law.power_kw(signals.of_zone(zone, Quantity.FAN_SPEED)) / law.units


def _features(r: Array) -> Array:
    return np.column_stack([np.ones_like(r), r, r**2, r**3, r**5])
