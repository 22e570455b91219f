"""Counting time beyond a limit: what one snapshot after another adds."""

from __future__ import annotations

from controller.metrics_sample import Amount, Amounts
from plant.points import OwnerId
from plant.site import Site
from plant.snapshot import Snapshot

INLET_LIMITS = ("inlet_recommended", "inlet_allowable")


class Violations:
    """Remembers which zones were beyond which limit in the snapshot before."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._beyond: set[tuple[str, OwnerId]] = set()

    def seen(self, snapshot: Snapshot) -> Amounts:
        """Entering counts once; time beyond counts as long as snapshots follow each other."""
        since = self._since_last(snapshot)
        self._last = snapshot
        for zone in snapshot.site.zones:
            worst = snapshot.worst_inlet_c(zone.id)
            limits = (zone.limits.recommended_max_c, zone.limits.allowable_max_c)
            for name, limit in zip(INLET_LIMITS, limits, strict=True):
                key, labels = (name, zone.id), (name, str(zone.id))
                if not worst > limit:
                    self._beyond.discard(key)
                elif key in self._beyond:
                    yield Amount("violation_seconds_total", labels, since, name)
                else:
                    self._beyond.add(key)
                    yield Amount("constraint_violations_total", labels, 1, name)

    def _since_last(self, snapshot: Snapshot) -> float:
        if self._last is None:
            return 0.0
        passed = (snapshot.time - self._last.time).total_seconds()
        return min(max(passed, 0.0), snapshot.site.safety.max_data_age_s)


def no_violations(site: Site) -> Amounts:
    """None yet, of every limit of every zone."""
    for zone in site.zones:
        for name in INLET_LIMITS:
            yield Amount("constraint_violations_total", (name, str(zone.id)), 0.0, name)
            yield Amount("violation_seconds_total", (name, str(zone.id)), 0.0, name)
