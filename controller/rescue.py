"""Rescue: a zone whose racks are too warm is taken out of the optimizer's hands and cooled, at once.

It does not wait for a plan, an approval or the next control period's slow ramp: in the cooling
direction a rescue may go several moves at a time. It lasts until the zone has been clearly below
its limit for a while; a zone that gets warm again soon afterwards stays in rescue for longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from plant.points import OwnerId
from plant.site import Site, Zone
from plant.snapshot import Snapshot

TOO_WARM = "too warm"
OVER_K = 0.3
"""Above the recommended maximum by this much is no sensor's noise any more. [K]"""
CLEAR_K = 1.0
"""Below the limit by this much is clearly below. [K]"""
FIRST = timedelta(hours=1)
AGAIN = timedelta(hours=24)
"""How long a zone must have been clear, the first time and when it happened within a day before."""


@dataclass(slots=True)
class _Watch:
    active: bool = False
    last_not_clear: datetime | None = None
    began: datetime | None = None
    patience: timedelta = FIRST


class Rescue:
    """Says which zones are in rescue."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._zones = {zone.id: _Watch() for zone in site.zones}

    def adopt(self, site: Site) -> None:
        """People changed a limit: from now on it counts."""
        self._site = site

    @property
    def zones(self) -> frozenset[OwnerId]:
        """The zones in rescue now."""
        return frozenset(zone for zone, watch in self._zones.items() if watch.active)

    def see(self, snapshot: Snapshot, at: datetime) -> None:
        """Take note of a snapshot. A zone that is not seen stays as it was."""
        for zone in self._site.zones:
            self._update(zone, self._zones[zone.id], snapshot.worst_inlet_c(zone.id), at)

    @staticmethod
    def _update(zone: Zone, watch: _Watch, worst_c: float, at: datetime) -> None:
        limit = zone.limits.recommended_max_c
        if not worst_c < limit - CLEAR_K:
            watch.last_not_clear = at
        if worst_c > limit + OVER_K and not watch.active:
            soon = watch.began is not None and at - watch.began < AGAIN
            watch.patience = AGAIN if soon else FIRST
            watch.active, watch.began = True, at
        elif watch.active and watch.last_not_clear is not None:
            watch.active = at - watch.last_not_clear < watch.patience
