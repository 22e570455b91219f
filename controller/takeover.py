"""Takeover: the plant says it is in local control. Whose doing is it, and what may we still write?

A plant goes to local control for two reasons. Either its dead-man fired because our heartbeat was silent
(we were down, the wire was cut, we withheld it): then it waits for a beat and a setpoint, and gets them.
Or people took it while we were beating: then it is theirs. Nothing is written to what they took, not by
fallback, rescue or rollback either, until the plant says remote again; the heartbeat goes on, so that
they can hand it back. Where it cannot be told, it is theirs.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from controller.alarms import AlarmBook, AlarmKind
from controller.audit import AuditLog
from controller.modes import SYSTEM
from controller.proposals import ApprovalDesk
from controller.reach import home_of
from controller.store import StoreUnavailable
from controller.watchdog import Heartbeat
from plant.points import SITE, Point, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot

MISSED = 3
"""Beats after which our heart counts as silent: the least any dead-man waits for."""
DEAD_MAN_BEATS, DEAD_MAN_S = 12, 240.0
"""A dead-man has fired within so many beats (or seconds) of silence, as in a drill."""


class Takeover:
    """Watches the local-control registers; `levers` are those people have taken."""

    def __init__(
        self, site: Site, alarms: AlarmBook, audit: AuditLog, desk: ApprovalDesk, heartbeat: Heartbeat
    ) -> None:
        self._site = site
        self._alarms = alarms
        self._audit = audit
        self._desk = desk
        self._heartbeat = heartbeat
        self._silent_at: datetime | None = None
        self._last: dict[PointId, bool] = {}
        # What people had taken before a restart is still theirs: its alarm remembers.
        known = {p.id: p for p in site.points_with(Quantity.LOCAL_CONTROL)}
        stood = (PointId(a.source) for a in alarms.uncleared(AlarmKind.TAKEN_OVER))
        self._taken = {p: self._levers_of(known[p]) for p in stood if p in known}
        self._last |= dict.fromkeys(self._taken, True)

    @property
    def levers(self) -> frozenset[LeverId]:
        """Levers people have taken: nothing of ours may be written to them."""
        return frozenset(lever for levers in self._taken.values() for lever in levers)

    @property
    def points(self) -> frozenset[PointId]:
        """The registers of those levers."""
        known = self._site.lever_by_id
        return frozenset(p for name in self.levers for p in known[name].points)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it, one sentence for each register that says local."""
        why = "people have taken it, and nothing is written to what it speaks for until it says remote"
        return tuple(f"{point} says local: {why}" for point in self._taken)

    def look(self, snapshot: Snapshot, at: datetime) -> None:
        """Take note of a snapshot. A register that says nothing leaves things as they were."""
        if self._silent(snapshot, at):
            self._silent_at = at
        for point in self._site.points_with(Quantity.LOCAL_CONTROL):
            value = snapshot.value(point.id)
            if not math.isnan(value):
                self._says(point, value >= 0.5, at)

    def _says(self, point: Point, local: bool, at: datetime) -> None:
        before, self._last[point.id] = self._last.get(point.id), local
        if not local:
            if self._taken.pop(point.id, None) is not None:
                self._record("plant.returned", {"point": point.id}, at)
            for kind in (AlarmKind.LOCAL_CONTROL, AlarmKind.TAKEN_OVER):
                self._alarms.clear(kind, point.id, at)
        elif before is not True:
            self._went_local(point, at, at_start=before is None)

    def _went_local(self, point: Point, at: datetime, *, at_start: bool) -> None:
        # Before we were here nobody beat: that alone takes a plant with a dead-man to local control.
        if self._site.points_with(Quantity.HEARTBEAT) and (at_start or self._dead_man(at)):
            self._alarms.raise_(AlarmKind.LOCAL_CONTROL, point.id, f"{point.id} says local", at)
            return
        levers = self._taken[point.id] = self._levers_of(point)
        self._alarms.raise_(AlarmKind.TAKEN_OVER, point.id, f"{point.id} says local, we were beating", at)
        self._record("plant.taken", {"point": point.id, "levers": sorted(levers)}, at)
        try:
            self._desk.withdraw(levers, at, f"{point.id} says local: people have taken it")
        except StoreUnavailable:
            return  # nothing of it could be carried out: the guard knows

    def _dead_man(self, at: datetime) -> bool:
        """Whether our silence may have been the reason."""
        longest = timedelta(seconds=max(DEAD_MAN_BEATS * self._site.safety.heartbeat_s, DEAD_MAN_S))
        return self._silent_at is not None and at - self._silent_at <= longest

    def _silent(self, snapshot: Snapshot, at: datetime) -> bool:
        """Whether the plant may not have heard us lately."""
        if not self._site.points_with(Quantity.HEARTBEAT):
            return False
        heard = self._heartbeat.last_confirmed
        late = timedelta(seconds=MISSED * self._site.safety.heartbeat_s)
        return heard is None or at - heard > late or self._heartbeat.echoed(snapshot) is False

    def _levers_of(self, point: Point) -> frozenset[LeverId]:
        return frozenset(lever.id for lever in self._site.levers if self._rules(point, lever))

    def _rules(self, point: Point, lever: Lever) -> bool:
        """Whether a local-control register speaks for a lever: of the site, its zone or one of its units."""
        if point.owner in (SITE, lever.owner, home_of(self._site, lever.owner)):
            return True
        known = self._site.point_by_id
        return any(known[p].owner == point.owner for p in lever.points if p in known)

    def _record(self, kind: str, what: dict[str, object], at: datetime) -> None:
        try:
            self._audit.record(kind, SYSTEM, what, at)
        except StoreUnavailable:
            return  # keeping our hands off must not depend on the database
