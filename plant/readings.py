"""A reading: what a point was said to be, when, and how far that can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plant.points import PointId


class Quality(StrEnum):
    """How far a reading can be trusted. Only `GOOD` and `SUBSTITUTED` are used in calculations."""

    GOOD = "good"
    SUBSTITUTED = "substituted"
    """Taken from elsewhere within a stated age; counts as estimated, not as measured."""
    STALE = "stale"
    OUT_OF_RANGE = "out_of_range"
    RATE = "rate"
    FLATLINE = "flatline"
    OUTVOTED = "outvoted"
    NOT_AVAILABLE = "not_available"
    """The device answered, with its own "no value" pattern."""
    MISSING = "missing"
    """No answer."""


USABLE = frozenset({Quality.GOOD, Quality.SUBSTITUTED})


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one point, in the point's *inside* unit. NaN where there is none.

    `time` is when the source says it was so (UTC), not when we asked.
    """

    point: PointId
    time: datetime
    value: float
    quality: Quality

    @property
    def usable(self) -> bool:
        """Whether a calculation may use the value."""
        return self.quality in USABLE and not math.isnan(self.value)


def missing(point: PointId, time: datetime, quality: Quality = Quality.MISSING) -> Reading:
    """The reading that says there is none."""
    return Reading(point, time, math.nan, quality)
