"""Signs of life, both ways: our heartbeat for the plant, the plant's fresh data for us."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.guard import GuardedWriter
from controller.hot_zones import MIN_USABLE_INLETS
from plant.commands import Confirmed, Receipt
from plant.points import OwnerId
from plant.ports import Clock
from plant.quantities import Quantity
from plant.site import Site
from plant.snapshot import Snapshot

COUNTS = 65_536
ECHO_LAG = 3
"""Beats the plant's echo may be behind before it counts as lost."""
DATA = "data"
"""Who withholds the heartbeat when the plant is not seen; a drill does it under a name of its own."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat: the count, and what became of the write (None: not written, and why)."""

    count: int
    receipt: Receipt | None
    withheld: str = ""


class Heartbeat:
    """Counts up in the plant's heartbeat register. When it stops, the plant goes to local control."""

    def __init__(self, writer: GuardedWriter, site: Site, clock: Clock) -> None:
        self._writer = writer
        self._site = site
        self._clock = clock
        self._count = 0
        self._withheld: dict[str, str] = {}
        self.last_confirmed: datetime | None = None

    @property
    def count(self) -> int:
        """The last count written."""
        return self._count

    def take_over(self, snapshot: Snapshot) -> None:
        """Go on from the register's own count, so that the first beat is a change."""
        point = next(iter(self._site.points_with(Quantity.HEARTBEAT)), None)
        present = math.nan if point is None else snapshot.value(point.id)
        if not math.isnan(present):
            self._count = int(present) % COUNTS

    def withhold(self, reason: str, *, who: str = DATA) -> None:
        """Stop beating on purpose: the plant is to take its local setpoints."""
        self._withheld[who] = reason

    def resume(self, *, who: str = DATA) -> None:
        """Beat again, once nobody withholds it any more."""
        self._withheld.pop(who, None)

    async def knock(self) -> Receipt | None:
        """Write the last count once more: the wire is tried, and the plant hears no beat."""
        return await self._writer.beat(self._count)

    async def beat(self) -> Beat:
        """Write the next count."""
        if self._withheld:
            return Beat(self._count, None, "; ".join(self._withheld.values()))
        following = (self._count + 1) % COUNTS
        receipt = await self._writer.beat(following)
        # A lost answer may still have been heard: the next beat must differ from it either way.
        self._count = following
        if isinstance(receipt, Confirmed):
            self.last_confirmed = self._clock.now()
        return Beat(following, receipt)

    async def run(self, stopping: asyncio.Event) -> None:
        """Beat every `safety.heartbeat_s` until told to stop."""
        while not stopping.is_set():
            due = self._clock.now() + timedelta(seconds=self._site.safety.heartbeat_s)
            await self.beat()
            await self._clock.sleep_until(due)

    def echoed(self, snapshot: Snapshot) -> bool | None:
        """Whether the plant hears us; None where it has no echo or does not say."""
        point = next(iter(self._site.points_with(Quantity.HEARTBEAT_ECHO)), None)
        echo = math.nan if point is None else snapshot.value(point.id)
        if math.isnan(echo):
            return None
        return (self._count - int(echo)) % COUNTS <= ECHO_LAG


class DataState(StrEnum):
    """What the age of the data asks for."""

    FRESH = "fresh"
    HOLD = "hold"
    """Leave the last accepted setpoints; propose nothing."""
    FALLBACK = "fallback"


class DataWatch:
    """How long ago each zone was last seen well enough to be controlled."""

    def __init__(self, site: Site, since: datetime) -> None:
        self._site = site
        self._seen: dict[OwnerId, datetime] = {zone.id: since for zone in site.zones}

    def see(self, snapshot: Snapshot) -> None:
        """Take note of a snapshot."""
        for zone in self._site.zones:
            at = seen_at(self._site, zone.id, snapshot)
            if at is not None:
                self._seen[zone.id] = max(self._seen[zone.id], at)

    def age_s(self, zone: OwnerId, now: datetime) -> float:
        """Seconds since the zone was last seen."""
        return (now - self._seen[zone]).total_seconds()

    def oldest_s(self, now: datetime) -> float:
        """Seconds since the zone that was not seen for longest was seen."""
        return max(self.age_s(zone.id, now) for zone in self._site.zones)

    def zone(self, zone: OwnerId, now: datetime) -> DataState:
        """What a zone's data age asks for."""
        safety, age_s = self._site.safety, self.age_s(zone, now)
        if age_s <= safety.max_data_age_s:
            return DataState.FRESH
        return DataState.HOLD if age_s <= safety.max_data_age_s + safety.hold_s else DataState.FALLBACK

    def zones(self, now: datetime) -> dict[OwnerId, DataState]:
        """Every zone's state."""
        return {zone.id: self.zone(zone.id, now) for zone in self._site.zones}

    def site(self, now: datetime) -> DataState:
        """The site's state: that of its best seen zone, for a single blind zone falls back alone."""
        best = min(self._site.zones, key=lambda z: self.age_s(z.id, now))
        return self.zone(best.id, now)


def seen_at(site: Site, zone: OwnerId, snapshot: Snapshot) -> datetime | None:
    """The oldest of the newest inlet readings that a zone needs to be seen; None if too few are usable."""
    sensors = site.points_of(zone, Quantity.INLET_TEMPERATURE)
    usable = [r.time for r in (snapshot.reading(p.id) for p in sensors) if r.usable]
    newest = sorted(usable, reverse=True)
    needed = max(1, math.ceil(MIN_USABLE_INLETS * len(sensors)))
    return newest[needed - 1] if len(newest) >= needed else None


def data_age_s(snapshot: Snapshot, at: datetime) -> float:
    """Age of the oldest reading that a zone is seen by. A snapshot is always new; what is in it need not be.

    NaN where a zone is not seen at all.
    """
    site = snapshot.site
    seen = [seen_at(site, zone.id, snapshot) for zone in site.zones]
    known = [when for when in seen if when is not None]
    return (at - min(known)).total_seconds() if len(known) == len(seen) else math.nan
