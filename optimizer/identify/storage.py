"""A chilled-water tank: how much it holds, and what it loses standing still.

    charge(t+h) − charge(t) = rate · h / capacity − loss · h · charge

with 1/capacity and loss ≥ 0: two numbers, from the tank's own charge and rate, with the nameplate as
the prior. A stratified tank loses 1 to 2 % of its charge a day (ASHRAE Handbook, HVAC Systems and
Equipment 2020, ch. 51).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.identify.evidence import Evidence
from optimizer.identify.regression import Bounds, Prior, coverage, evidence, fit
from optimizer.identify.signals import Signals
from plant.forecast import Array
from plant.points import Point
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

_LOSS_PER_H = 0.015 / 24
_HOURS_TO_EMPTY = 4.0
"""A tank of unknown rate is taken to fill or empty in this time. [h]"""
_MOST_LOSS_PER_H = 0.05


@dataclass(frozen=True)
class StorageLaw:
    """The site's tanks as one; `capacity_kwh` 0 where there is none."""

    capacity_kwh: float = 0.0
    loss_per_h: float = 0.0
    most_kw: float = 0.0
    """Most it takes or gives."""

    @property
    def present(self) -> bool:
        """Whether there is a tank at all."""
        return self.capacity_kwh > 0

    def keep(self, hours: float) -> float:
        """The share of a charge that is left after standing so long."""
        return float(np.exp(-self.loss_per_h * hours))

    def taken_kw(self, wanted_kw: Array, stored_kwh: Array, load_kw: Array, hours: float) -> Array:
        """What of a wanted rate the tank can do: it is neither overfull, nor empty, nor colder than the load.

        Arrays of one shape; + charges. A discharge cannot be larger than the load there is.
        """
        room = (self.capacity_kwh - stored_kwh * self.keep(hours)) / hours
        there = stored_kwh * self.keep(hours) / hours
        most = np.minimum(np.maximum(room, 0.0), self.most_kw)
        least = -np.minimum(np.minimum(np.maximum(there, 0.0), self.most_kw), np.maximum(load_kw, 0.0))
        return np.asarray(np.clip(wanted_kw, least, most))


NO_STORAGE = StorageLaw()


def learn_storage(signals: Signals) -> tuple[StorageLaw, Evidence | None]:
    """Fit capacity and loss; no evidence where the site has no tank."""
    site = signals.site
    tanks = site.equipment_of(EquipmentKind.STORAGE_TANK)
    if not tanks:
        return NO_STORAGE, None
    rated_kwh = sum(e.nameplate.storage_kwh or 0.0 for e in tanks)
    charge = signals.mean(_points(site, Quantity.STORAGE_CHARGE))
    rate = signals.stack(_points(site, Quantity.STORAGE_RATE)).sum(axis=1)
    if not _points(site, Quantity.STORAGE_RATE):
        rate = np.full(signals.samples, np.nan)
    hours = signals.step_s / 3600
    # Means of neighboring intervals: the step between them is the mean of their rates.
    between = (rate[1:] + rate[:-1]) / 2 * hours
    x = np.column_stack([between, -(charge[1:] + charge[:-1]) / 2 * hours])
    scale = max(rated_kwh, 1.0)
    x[:, 0] /= scale
    known = rated_kwh > 0
    # A tank holds more the warmer its water comes back, so a day may show more than the nameplate, but
    # not half as much again. One quarter hour each: a twentieth of it charged, half a charge standing.
    prior = Prior(
        np.array([[0.05, 0.0], [0.0, -0.125]]),
        np.array([0.05 if known else 0.0, -0.125 * _LOSS_PER_H]),
        samples=4.0 if known else 1e-3,
    )
    moving = np.abs(x[:, 0]) > 1e-6
    moved = np.where(moving | (charge[1:] > 0.02), np.diff(charge), np.nan)
    bounds = Bounds(
        np.array([1 / 1.5 if known else 0.0, 0.0]), np.array([1.5 if known else np.inf, _MOST_LOSS_PER_H])
    )
    fitted = fit(x, moved, bounds, prior)
    per_kwh = float(fitted.coefficients[0]) / scale
    capacity = 1.0 / per_kwh if per_kwh > 0 else rated_kwh
    law = StorageLaw(capacity, float(fitted.coefficients[1]), _most_kw(signals, capacity))
    extra = () if known or fitted.samples else ("neither nameplate nor data say what the tank holds",)
    record = evidence(
        "storage",
        fitted,
        coverage(charge=charge, rate_kw=rate),
        prior_std=0.1,
        # The change in a quarter hour is small beside a sensor's resolution: judged by the capacity alone.
        worst_cv_rmse=np.inf,
        extra=extra,
    )
    return law, record


def _points(site: Site, quantity: Quantity) -> tuple[Point, ...]:
    tanks = site.equipment_of(EquipmentKind.STORAGE_TANK)
    return tuple(p for e in tanks for p in site.points_of(e.id, quantity))


def _most_kw(signals: Signals, capacity_kwh: float) -> float:
    tanks = signals.site.equipment_of(EquipmentKind.STORAGE_TANK)
    rated = sum(e.nameplate.capacity_kw or 0.0 for e in tanks)
    if rated > 0:
        return rated
    rate = signals.stack(_points(signals.site, Quantity.STORAGE_RATE))
    seen = float(np.nanmax(np.abs(rate))) if rate.size and not np.isnan(rate).all() else 0.0
    return max(seen, capacity_kwh / _HOURS_TO_EMPTY)
