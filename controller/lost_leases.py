"""Lost leases: a register we held could not be renewed for a whole lease. Then its zone falls back.

The register is not ours any more, but nobody else has said so. It is written once more where it stands,
as fallback does; when that is confirmed the wire works again, the lease is closed and fallback ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.alarms import AlarmKind
from controller.guard import Purpose
from controller.leases import leases
from controller.modes import Mode
from controller.parts import Parts
from controller.reach import home_of
from controller.store import StoreUnavailable
from plant.commands import Command
from plant.points import SITE, OwnerId, PointId
from plant.snapshot import Snapshot

CAUSE = "lost lease"


class LostLeases:
    """Says which zones fall back because what we held there cannot be kept, and closes such leases."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tried_at: datetime | None = None

    async def look(self, snapshot: Snapshot, at: datetime) -> None:
        """Enter and leave fallback, and try the registers concerned once a control period."""
        try:
            late = self._late(snapshot, at)
        except StoreUnavailable:
            return  # what was ours cannot be told; the lost database is an alarm of its own
        homes = {home: point for point, home in late.items()}
        for owner in (SITE, *(zone.id for zone in self._parts.site.zones)):
            self._hold_to(owner, homes.get(owner), at)
        period = timedelta(seconds=self._parts.cycle_s)
        if late and (self._tried_at is None or at - self._tried_at >= period):
            self._tried_at = at
            commands = [Command(point, snapshot.value(point)) for point in late]
            writer = self._parts.authority.writer
            await writer.write(commands, snapshot=snapshot, purpose=Purpose.FALLBACK)

    def _late(self, snapshot: Snapshot, at: datetime) -> dict[PointId, OwnerId]:
        """Registers whose lease ran out, and whose zone they are; not those nobody tried to renew.

        A register that somebody has moved since was given up, and is not fought over here either.
        """
        site, authority = self._parts.site, self._parts.authority
        untouched = authority.barred(at) | authority.limits.closed_levers()
        levers = {p: lever for lever in site.levers if lever.id not in untouched for p in lever.points}
        length = timedelta(seconds=site.safety.lease_s)
        found = {
            lease.point: home_of(site, levers[lease.point].owner)
            for lease in leases(authority.store).values()
            if lease.point in levers
            and at - lease.renewed_at > length
            and not abs(snapshot.value(lease.point) - lease.value) > levers[lease.point].resolution / 2
        }
        return {point: home for point, home in found.items() if self._ours(home)}

    def _ours(self, home: OwnerId) -> bool:
        """Whether a zone's levers are renewed at all: not in shadow, and not while it falls back anyway."""
        modes = self._parts.authority.modes
        if modes.stopped is not None or Mode.SHADOW in (modes.chosen(SITE), modes.chosen(home)):
            return False
        return not any(scope in (SITE, home) and cause != CAUSE for scope, cause in modes.fallback_causes)

    def _hold_to(self, owner: OwnerId, point: PointId | None, at: datetime) -> None:
        modes, alarms = self._parts.authority.modes, self._parts.authority.alarms
        detail = f"{point} could not be renewed"
        if point is not None:
            changed = modes.enter_fallback(CAUSE, detail, at, owner)
        else:
            changed = modes.leave_fallback(CAUSE, at, owner)
        if changed:
            alarms.hold_to(AlarmKind.FALLBACK, owner, point is not None, f"{CAUSE}: {detail}", at)
