"""How far the readings and feeds behind a plan could be trusted: it travels with the plan."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from plant.forecast import Forecast, Nature
from plant.points import PointId
from plant.readings import Quality
from plant.snapshot import Snapshot

_NO_VALUE = frozenset({Quality.MISSING, Quality.NOT_AVAILABLE})
_NAMED = 3


@dataclass(frozen=True, slots=True)
class DataQuality:
    """What a plan was made from. The default says nothing: a plan whose maker did not look.

    `suspect` readings (stale, out of range, too fast, flat, outvoted) and `missing` ones were not
    used; `substituted` ones were. `oldest_s` is the age of the oldest reading that was used.
    """

    measured: int = 0
    substituted: tuple[PointId, ...] = ()
    suspect: tuple[PointId, ...] = ()
    missing: tuple[PointId, ...] = ()
    oldest_s: float = math.nan
    carbon_gap_steps: int = 0
    carbon: Nature = Nature.UNSTATED
    weather: Nature = Nature.UNSTATED

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person who decides should know; empty where all was measured and whole."""
        said = []
        for points, what in (
            (self.substituted, "planned on last good values of"),
            (self.suspect, "planned without suspect readings of"),
            (self.missing, "planned without readings of"),
        ):
            if points:
                said.append(f"{what} {_listed(points)}")
        if self.carbon_gap_steps:
            said.append(f"no carbon intensity for {self.carbon_gap_steps} steps of the horizon")
        if self.weather is Nature.TYPICAL:
            said.append("the weather is a typical year's, not a forecast of this one")
        return tuple(said)


def data_quality(snapshot: Snapshot, forecast: Forecast) -> DataQuality:
    """The quality of what a policy is about to be asked with."""
    readings = [snapshot.reading(point.id) for point in snapshot.site.points]
    counts = Counter(r.quality for r in readings)
    used = [(snapshot.time - r.time).total_seconds() for r in readings if r.usable]

    def of(*qualities: Quality) -> tuple[PointId, ...]:
        return tuple(r.point for r in readings if r.quality in qualities)

    return DataQuality(
        measured=counts[Quality.GOOD],
        substituted=of(Quality.SUBSTITUTED),
        suspect=of(*(set(Quality) - _NO_VALUE - {Quality.GOOD, Quality.SUBSTITUTED})),
        missing=of(*_NO_VALUE),
        oldest_s=max(used, default=math.nan),
        carbon_gap_steps=forecast.carbon.gap_steps,
        carbon=forecast.carbon.nature,
        weather=forecast.weather.nature,
    )


def _listed(points: tuple[PointId, ...]) -> str:
    more = len(points) - _NAMED
    return ", ".join(points[:_NAMED]) + (f" and {more} more" if more > 0 else "")
