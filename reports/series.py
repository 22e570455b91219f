"""What a history says of the site's meters, weather and levers: arrays on its own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from plant.history import History
from plant.points import SITE, OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.site import Equipment, EquipmentKind, Site

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LITERS_PER_M3 = 1000.0
_SECONDS_PER_H = 3600.0
COOLING_KINDS = (
    EquipmentKind.CRAH,
    EquipmentKind.CHILLER,
    EquipmentKind.CHILLED_WATER_PUMP,
    EquipmentKind.CONDENSER_WATER_PUMP,
    EquipmentKind.TOWER_CELL,
    EquipmentKind.ECONOMIZER,
)


@dataclass(frozen=True)
class Meter:
    """One metered rate on the history's steps, and which points it was made of. Shapes (steps,)."""

    values: Array
    measured_share: Array
    points: tuple[PointId, ...]
    groups: tuple[tuple[PointId, ...], ...] = ()
    """The points again, those that measure the same thing together: mean in a group, sum over groups."""


@dataclass(frozen=True)
class SiteSeries:
    """The site's meters: powers [kW], make-up water [L/h], outdoor wet bulb [°C]."""

    facility_kw: Meter
    it_kw: Meter
    cooling_kw: Meter
    water_l_h: Meter
    wet_bulb_c: Meter

    @property
    def powers(self) -> tuple[Array, Array, Array, Array]:
        """Facility, IT and cooling power [kW] and water [L/h]."""
        return (self.facility_kw.values, self.it_kw.values, self.cooling_kw.values, self.water_l_h.values)


def read_series(history: History) -> SiteSeries:
    """The site's meters; where there is no total meter, the sum of its parts (all or nothing)."""
    site = history.site
    water = _total(history, [site.points_of(SITE, Quantity.WATER_FLOW)])
    return SiteSeries(
        facility_kw=_total(history, [site.points_of(SITE, Quantity.FACILITY_POWER)]),
        it_kw=_total(
            history,
            [site.points_of(SITE, Quantity.IT_POWER)],
            [site.points_of(z.id, Quantity.IT_POWER) for z in site.zones],
        ),
        cooling_kw=_total(
            history,
            [site.points_of(SITE, Quantity.COOLING_POWER)],
            [site.points_of(e.id, Quantity.POWER) for e in _powered_cooling(site)],
        ),
        water_l_h=replace(water, values=water.values * _LITERS_PER_M3 * _SECONDS_PER_H),
        wet_bulb_c=_total(history, [site.points_of(SITE, Quantity.OUTDOOR_WET_BULB)]),
    )


def zone_series(history: History, quantity: Quantity) -> Mapping[OwnerId, Array]:
    """A quantity of each zone that has a point for it (mean where there are several)."""
    found: dict[OwnerId, Array] = {}
    for zone in history.site.zones:
        points = history.site.points_of(zone.id, quantity)
        if points:
            found[zone.id] = _mean_of([history.column(p.id) for p in points])
    return found


def as_found(history: History) -> Mask:
    """Steps in which every setpoint point of every lever stood where the site had it before us.

    A setpoint nobody reported is not known to have stood there. Shape (steps,).
    """
    stood = np.ones(len(history.values), dtype=bool)
    for lever in history.site.levers:
        for point in lever.points:
            with np.errstate(invalid="ignore"):
                stood &= np.abs(history.column(point) - lever.as_found) <= lever.resolution * (1 + 1e-6)
    return stood


def _powered_cooling(site: Site) -> list[Equipment]:
    """Cooling equipment that draws power (an economizer is a heat exchanger: often it has no meter)."""
    return [
        e
        for kind in COOLING_KINDS
        for e in site.equipment_of(kind)
        if e.nameplate.power_kw is not None or site.points_of(e.id, Quantity.POWER)
    ]


def _total(history: History, *ways: Sequence[Sequence[Point]]) -> Meter:
    """The first way of forming a total for which the site has every part; a partial sum is a lie."""
    steps = len(history.values)
    for owners in ways:
        if owners and all(owners):
            parts = [_mean_of([history.column(p.id) for p in points]) for points in owners]
            ids = tuple(p.id for points in owners for p in points)
            groups = tuple(tuple(p.id for p in points) for points in owners)
            return Meter(np.sum(parts, axis=0), _least_share(history, ids), ids, groups)
    return Meter(np.full(steps, np.nan), np.zeros(steps), ())


def _mean_of(columns: Sequence[Array]) -> Array:
    """Mean over redundant points, of those that have a value."""
    stack = np.vstack(columns)
    known = ~np.isnan(stack)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, stack, 0).sum(axis=0) / known.sum(axis=0))


def mean_column(history: History, points: Sequence[Point]) -> tuple[Array, Array]:
    """Mean over points of those that have a value, and the mean of their measured shares."""
    ids = [p.id for p in points]
    shares = [_least_share(history, (i,)) for i in ids]
    return _mean_of([history.column(i) for i in ids]), np.asarray(np.mean(shares, axis=0))


def _least_share(history: History, ids: Sequence[PointId]) -> Array:
    """Measured share of the worst of the points a total is made of."""
    steps = len(history.values)
    shares = [
        history.measured_share[i].to_numpy(dtype=float)
        if i in history.measured_share.columns
        else np.zeros(steps)
        for i in ids
    ]
    return np.asarray(np.nan_to_num(np.min(shares, axis=0)))
