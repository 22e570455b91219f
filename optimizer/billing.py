"""The demand charge over a horizon: each billing month pays for its own highest quarter hour.

A month that began before the plan has a peak that is paid for already. One that begins within the
horizon has none, but it will have weeks of ordinary days: up to an ordinary day's peak it is going to
pay whatever is done in its first hours, and only what goes beyond that is on the plan's account. So is
it for a month that has begun and goes on beyond the horizon; one that ends within it has no days left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from plant.forecast import Array, Forecast
from plant.site import Site
from plant.timegrid import TimeGrid


@dataclass(frozen=True)
class BillingMonth:
    """A horizon's steps in one billing month, and the peak that it pays for in any case."""

    name: str
    steps: slice
    paid_kw: float

    def peak_kw(self, facility_kw: Array) -> Array:
        """Its highest step. (…, steps) of the whole horizon to (…,). [kW]"""
        return np.asarray(facility_kw[..., self.steps].max(axis=-1))

    def capped(self, others: Array, caps_kw: Iterable[float]) -> Iterator[Array]:
        """Caps by step (steps,): those of other months, with each one of these for this month."""
        for cap in caps_kw:
            caps = others.copy()
            caps[self.steps] = cap
            yield caps


@dataclass(frozen=True)
class DemandBill:
    """What highest quarter hours cost. No months where the site has no demand charge."""

    charge_per_kw: float = 0.0
    months: tuple[BillingMonth, ...] = ()

    @classmethod
    def of(cls, site: Site, forecast: Forecast) -> DemandBill:
        """A site's bill over a forecast's horizon."""
        charge = site.tariff.demand_charge_per_kw_month
        if charge <= 0:
            return cls()
        edges = _months_begin(forecast.grid, ZoneInfo(site.timezone))
        so_far, ordinary = _paid(forecast.month_peak_kw), _paid(forecast.ordinary_peak_kw)
        later = len(edges) - 2
        coming = ordinary > so_far and not later
        names = ["the month's ordinary peak" if coming else "the month's peak so far"]
        names += ["the next month's ordinary peak"] * later
        paid = [ordinary if coming else so_far] + [ordinary] * later
        spans = [slice(first, after) for first, after in pairwise(edges)]
        return cls(charge, tuple(map(BillingMonth, names, spans, paid)))

    def cost(self, facility_kw: Array) -> Array:
        """What the bills of all months rise by. (…, steps) to (…,). [currency]"""
        total = np.zeros(facility_kw.shape[:-1])
        for month in self.months:
            total = total + self.charge_per_kw * np.maximum(month.peak_kw(facility_kw) - month.paid_kw, 0.0)
        return np.asarray(total)


NO_BILL = DemandBill()


def _paid(peak_kw: float) -> float:
    return float(max(np.nan_to_num(peak_kw), 0.0))


def _months_begin(grid: TimeGrid, clocks: ZoneInfo) -> list[int]:
    """First steps of local months, and the horizon's end. A step is in the month in which it begins."""
    local = [t.astimezone(clocks) for t in grid.times()]
    new = [i for i, (a, b) in enumerate(pairwise(local), start=1) if (a.year, a.month) != (b.year, b.month)]
    return [0, *new, grid.steps]
