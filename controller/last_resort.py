"""Last resort: a lever answers backwards, what it serves stays too warm, and our other levers do not help.

Then the heartbeat is withheld, so that the plant's own dead-man takes its local setpoints: its own
controllers need not go through the wire that is crossed. Nothing is written meanwhile. It lasts until a
person says that the lever was mended; beating again before would hand the zone back to the same lever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.alarms import AlarmKind
from controller.modes import SYSTEM, Mode
from controller.parts import Parts
from controller.reach import reaches
from plant.points import SITE
from plant.setpoints import LeverId
from plant.snapshot import Snapshot

WHO, CAUSE = "last resort", "a lever answers backwards"
WAIT = timedelta(seconds=180)
"""How long the way back and the zone's other levers are given, above the recommended maximum."""


class LastResort:
    """Says when the plant must help itself because of a lever that answers backwards."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._warm_since: dict[LeverId, datetime] = {}
        self._standing: frozenset[LeverId] = frozenset()

    @property
    def standing(self) -> bool:
        """Whether nothing is to be written now."""
        return bool(self._standing)

    def look(self, snapshot: Snapshot, at: datetime) -> None:
        """Let go when a zone has been too warm for too long; go on when the levers were mended."""
        backwards = self._parts.authority.truth.backwards & frozenset(self._parts.site.lever_by_id)
        self._warm_since = {
            name: self._warm_since.get(name, at) for name in backwards if self._warm(name, snapshot)
        }
        if self._standing:
            if not self._standing & backwards:
                self._go_on(at)
            return
        late = frozenset(name for name, since in self._warm_since.items() if at - since >= WAIT)
        if late:
            self._let_go(late, at)

    def _warm(self, name: LeverId, snapshot: Snapshot) -> bool:
        """Whether a zone the lever serves, and that is ours to look after, is above its limit."""
        site, modes = self._parts.site, self._parts.authority.modes
        if modes.chosen(SITE) is Mode.SHADOW:
            return False
        lever = site.lever_by_id[name]
        return any(
            snapshot.worst_inlet_c(zone.id) > zone.limits.recommended_max_c
            for zone in site.zones
            if reaches(site, lever, (zone.id,)) and modes.chosen(zone.id) is not Mode.SHADOW
        )

    def _let_go(self, levers: frozenset[LeverId], at: datetime) -> None:
        self._standing = levers
        authority = self._parts.authority
        why = f"{', '.join(sorted(levers))} answers backwards and the racks stay too warm"
        authority.heartbeat.withhold(why, who=WHO)
        authority.modes.enter_fallback(CAUSE, why, at, SITE)
        authority.alarms.hold_to(AlarmKind.FALLBACK, SITE, True, f"{CAUSE}: {why}", at)
        authority.audit.record("heartbeat.withheld", SYSTEM, {"why": why}, at)

    def _go_on(self, at: datetime) -> None:
        self._standing = frozenset()
        authority = self._parts.authority
        authority.heartbeat.resume(who=WHO)
        authority.modes.leave_fallback(CAUSE, at, SITE)
        authority.alarms.hold_to(AlarmKind.FALLBACK, SITE, False, f"{CAUSE}: mended", at)
        authority.audit.record("heartbeat.resumed", SYSTEM, {"why": "the lever was mended"}, at)
