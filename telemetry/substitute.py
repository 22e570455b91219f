"""Standing in for a reading that cannot be used: the last good one, for a stated time, and said so.

Only for what a plan reads as background and an account as a meter. Never for what keeps a rack
safe or says where a setpoint stands: inlets, supply air, read-backs and statuses are seen or not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site

SUBSTITUTABLE = frozenset(
    {
        Quantity.OUTDOOR_DRY_BULB,
        Quantity.OUTDOOR_WET_BULB,
        Quantity.IT_POWER,
        Quantity.UTILIZATION,
        Quantity.FACILITY_POWER,
        Quantity.COOLING_POWER,
        Quantity.WATER_FLOW,
    }
)
"""Weather, load and meters: what changes slowly against the age that may be stated for it."""


class Substitute:
    """Remembers the last good reading of each point that may be stood in for.

    The age is `safety.substitute_s` of the site file; with 0 nothing is ever substituted.
    """

    def __init__(self, site: Site) -> None:
        self._most_s = site.safety.substitute_s
        self._may = frozenset(p.id for p in site.points if p.quantity in SUBSTITUTABLE)
        self._good: dict[PointId, Reading] = {}

    def remember(self, judged: Iterable[Reading]) -> None:
        """Keep what was good, for later."""
        for reading in judged:
            if reading.point in self._may and reading.quality is Quality.GOOD and reading.usable:
                self._good[reading.point] = reading

    def instead_of(self, reading: Reading, now: datetime) -> Reading:
        """The reading; or, where it cannot be used, the last good one as `SUBSTITUTED`.

        The substitute keeps the time it was read, so that its age shows.
        """
        last = self._good.get(reading.point)
        if reading.usable or last is None:
            return reading
        if not 0 <= (now - last.time).total_seconds() <= self._most_s:
            return reading
        return replace(last, quality=Quality.SUBSTITUTED)

    def to_store(self, reading: Reading, now: datetime) -> Reading:
        """As `instead_of`, at the time it stands in for: the good reading itself is stored already."""
        stand_in = self.instead_of(reading, now)
        return stand_in if stand_in is reading else replace(stand_in, time=now)
