"""A snapshot: the validated state of the whole site at one instant. One serves a whole cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from plant.points import OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading, missing
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site


@dataclass(frozen=True)
class Snapshot:
    """Readings of a site at `time`. Unusable readings count as NaN, never as numbers."""

    site: Site
    time: datetime
    readings: Mapping[PointId, Reading]
    held: frozenset[LeverId] = frozenset()
    """Levers that stay where they are whatever is wished: held by a person, or frozen."""

    def reading(self, point: PointId) -> Reading:
        """The reading of a point; `MISSING` where there is none."""
        return self.readings.get(point) or missing(point, self.time)

    def value(self, point: PointId) -> float:
        """The usable value of a point, else NaN."""
        reading = self.reading(point)
        return reading.value if reading.usable else float("nan")

    def values(self, points: Iterable[Point]) -> NDArray[np.float64]:
        """Usable values of several points, in order, NaN where there is none."""
        return np.array([self.value(p.id) for p in points], dtype=float)

    def mean(self, owner: OwnerId, quantity: Quantity) -> float:
        """Mean of the owner's usable readings of a quantity, NaN where there is none."""
        return _mean(self.values(self.site.points_of(owner, quantity)))

    def zone_mean(self, zone: OwnerId, quantity: Quantity) -> float:
        """Mean over the zone and the equipment that serves it."""
        return _mean(self.values(self.site.points_in(zone, quantity)))

    def total(self, quantity: Quantity, owners: Iterable[OwnerId]) -> float:
        """Sum over owners; NaN if any of them has no usable reading (a partial sum is a lie)."""
        return float(sum(self.mean(owner, quantity) for owner in owners))

    def inlets_c(self, zone: OwnerId) -> NDArray[np.float64]:
        """Usable rack-inlet temperatures of a zone. [°C] Possibly empty."""
        values = self.values(self.site.points_of(zone, Quantity.INLET_TEMPERATURE))
        return values[~np.isnan(values)]

    def worst_inlet_c(self, zone: OwnerId) -> float:
        """The warmest usable inlet of a zone, NaN where there is none. [°C]"""
        inlets = self.inlets_c(zone)
        return float(inlets.max()) if inlets.size else float("nan")

    def lever_value(self, lever: Lever) -> float:
        """Where the plant says a lever stands (mean of its points), NaN where it does not say."""
        return _mean(np.array([self.value(p) for p in lever.points], dtype=float))

    def setpoints(self) -> Setpoints:
        """Every lever whose present position is known."""
        known: dict[LeverId, float] = {}
        for lever in self.site.levers:
            value = self.lever_value(lever)
            if value == value:
                known[lever.id] = value
        return Setpoints(known)

    def age_s(self, point: PointId) -> float:
        """Age of a point's reading; infinite where it is missing. [s]"""
        reading = self.reading(point)
        if reading.quality is Quality.MISSING:
            return float("inf")
        return (self.time - reading.time).total_seconds()


def _mean(values: NDArray[np.float64]) -> float:
    usable = values[~np.isnan(values)]
    return float(usable.mean()) if usable.size else float("nan")
