"""History as arrays: what the submodels are fitted to, by owner and quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from plant.forecast import Array
from plant.history import History, mean_of_known
from plant.points import SITE, OwnerId, Point, PointId
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.quantities import Quantity
from plant.site import EquipmentKind, Site

Mask: TypeAlias = NDArray[np.bool_]
STATIC_STEP_S = 900
"""Static laws are fitted to means over this."""
_LITTLE_KW = 3.0
DYNAMIC_STEP_S = 300
"""Inlet dynamics are fitted to means over this."""


@dataclass(frozen=True)
class Signals:
    """Columns of a history as arrays of equal length; NaN where too little was measured.

    Attributes
    ----------
    columns : mapping of point to array, shape (samples,)
        Means over `step_s` seconds, inside units.
    """

    site: Site
    step_s: int
    samples: int
    columns: Mapping[PointId, Array]
    free_heat_kw: Mapping[OwnerId, Array] = field(default_factory=dict)
    """Heat that left zones with outdoor air, where that is known already (`with_free_heat`)."""

    liquid_share: Mapping[OwnerId, float] = field(default_factory=dict)
    """Part of zones' IT power that leaves by liquid, likewise (`with_liquid`)."""

    def with_liquid(self, share: Mapping[OwnerId, float]) -> Signals:
        """The same, knowing how zones' heat is shared between liquid and air."""
        return replace(self, liquid_share=share)

    @property
    def liquid_kw(self) -> Array:
        """Heat liquid loops give to tower water; zero where the site has none or does not say. [kW]"""
        points = self.site.points_with(Quantity.LIQUID_HEAT)
        return np.asarray(self.stack(points).sum(axis=1)) if points else np.zeros(self.samples)

    def with_free_heat(self, free_heat_kw: Mapping[OwnerId, Array]) -> Signals:
        """The same, knowing what outdoor air took from each zone. [kW]"""
        return replace(self, free_heat_kw=free_heat_kw)

    @property
    def closed(self) -> Mask:
        """Where no zone gives more than a little of its heat to outdoor air. Shape (samples,)."""
        shut = np.ones(self.samples, dtype=bool)
        for free in self.free_heat_kw.values():
            shut &= free < _LITTLE_KW
        return shut

    @classmethod
    def of(cls, history: History, least_share: float = 0.5) -> Signals:
        """Take a history, leaving out intervals of which less than ``least_share`` was measured."""
        columns: dict[PointId, Array] = {}
        for point in history.site.points:
            if point.id not in history.values.columns:
                continue
            values = history.column(point.id).copy()
            if point.id in history.measured_share.columns:
                share = history.measured_share[point.id].to_numpy(dtype=float)
                values[~(share >= least_share)] = np.nan
            columns[point.id] = values
        return cls(history.site, history.step_s, len(history.values), columns)

    def coarse(self, step_s: int) -> Signals:
        """Means over longer steps; NaN where less than half of a step is known."""
        ratio = max(1, step_s // self.step_s)
        kept = self.samples // ratio
        return Signals(
            self.site,
            self.step_s * ratio,
            kept,
            {name: _block_means(values, ratio, kept) for name, values in self.columns.items()},
        )

    def column(self, point: PointId) -> Array:
        """One point, all NaN where the history does not have it."""
        found = self.columns.get(point)
        return np.full(self.samples, np.nan) if found is None else found

    def stack(self, points: tuple[Point, ...]) -> Array:
        """Several points side by side. Shape (samples, points)."""
        if not points:
            return np.empty((self.samples, 0))
        return np.column_stack([self.column(p.id) for p in points])

    def of_site(self, quantity: Quantity) -> Array:
        """The site's own point of a quantity."""
        return self.mean(self.site.points_of(SITE, quantity))

    def of_zone(self, zone: OwnerId, quantity: Quantity) -> Array:
        """Mean over a zone and the equipment that serves only it.

        Air units of which nobody tells a speed run at one speed, and that is taken for full speed.
        """
        points = self.site.points_in(zone, quantity)
        if not points and quantity is Quantity.FAN_SPEED:
            return np.ones(self.samples)
        return self.mean(points)

    def mean(self, points: tuple[Point, ...]) -> Array:
        """Mean of the known ones among several points; NaN where none is."""
        return mean_of_known(self.stack(points), axis=1)

    def total(self, kind: EquipmentKind, quantity: Quantity) -> Array:
        """Sum over all equipment of a kind; NaN where any of it is unknown or has no such point."""
        owners = self.site.equipment_of(kind)
        if not owners:
            return np.full(self.samples, np.nan)
        parts = [self.mean(self.site.points_of(e.id, quantity)) for e in owners]
        return np.asarray(np.sum(parts, axis=0))

    @property
    def cooling_load_kw(self) -> Array:
        """Heat the chilled water takes up: flow · cp · (return − supply). [kW]"""
        flow_kg_s = self.of_site(Quantity.CHILLED_WATER_FLOW) * RHO_WATER
        warm = self.of_site(Quantity.CHILLED_WATER_RETURN_TEMPERATURE)
        cold = self.of_site(Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE)
        return np.asarray(flow_kg_s * CP_WATER * (warm - cold))

    @property
    def economizer_kw(self) -> Array:
        """Heat the economizer takes; zero where the site has none. [kW]"""
        if not self.site.equipment_of(EquipmentKind.ECONOMIZER):
            return np.zeros(self.samples)
        return self.total(EquipmentKind.ECONOMIZER, Quantity.ECONOMIZER_HEAT)

    @property
    def storage_kw(self) -> Array:
        """What tanks take (+) or give; zero where the site has none or does not say. [kW]"""
        tanks = self.site.equipment_of(EquipmentKind.STORAGE_TANK)
        points = tuple(p for e in tanks for p in self.site.points_of(e.id, Quantity.STORAGE_RATE))
        if not points:
            return np.zeros(self.samples)
        return np.asarray(self.stack(points).sum(axis=1))


def _block_means(values: Array, ratio: int, kept: int) -> Array:
    blocks = values[: kept * ratio].reshape(kept, ratio)
    known = ~np.isnan(blocks)
    count = known.sum(axis=1)
    total = np.where(known, blocks, 0.0).sum(axis=1)
    return np.where(count * 2 >= ratio, total / np.maximum(count, 1), np.nan)
