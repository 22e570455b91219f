"""Failed writes: a change that could be neither made nor undone leads its zones into fallback.

Some register there is not where anyone wants it. Fallback takes the zone's levers toward safe values, each
by itself; what could not be set back is written once more where it stands, once a control period, and when
the wire has answered for all of them fallback ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from controller.alarms import AlarmKind
from controller.execution import Execution, Outcome
from controller.guard import Purpose
from controller.modes import Mode
from controller.parts import Parts
from controller.reach import home_of
from controller.store import Store
from controller.tables import COMMANDS
from plant.commands import Command, Confirmed
from plant.points import SITE, OwnerId, PointId
from plant.snapshot import Snapshot

CAUSE = "failed write"


class FailedWrites:
    """Remembers the registers that could not be set back, until each has answered."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stuck: dict[PointId, OwnerId] = {}
        self._tried_at: datetime | None = None
        # A restart proves no wire: what the record left stuck is stuck.
        self._take(stuck_before(parts.authority.store), parts.clock.now())

    def executed(self, execution: Execution, at: datetime) -> None:
        """What became of a change."""
        if execution.outcome is Outcome.FAILED:
            self._take(execution.stuck, at)
            self._tried_at = at

    def _take(self, points: Iterable[PointId], at: datetime) -> None:
        site = self._parts.site
        homes = {p: home_of(site, lever.owner) for lever in site.levers for p in lever.points}
        found = {point: homes[point] for point in points if point in homes}
        self._stuck |= found
        for point, home in found.items():
            self._hold_to(home, f"{point} could not be set back", at)

    async def look(self, snapshot: Snapshot, at: datetime) -> None:
        """Try what stands stuck once a control period, and end fallback where all of it has answered."""
        period = timedelta(seconds=self._parts.cycle_s)
        if not self._stuck or (self._tried_at is not None and at - self._tried_at < period):
            return
        self._tried_at = at
        before = set(self._stuck.values())
        ours = {p: home for p, home in self._stuck.items() if not self._in_shadow(home)}
        kept = self._parts.authority.barred(at)
        held = {p for lever in self._parts.site.levers if lever.id in kept for p in lever.points}
        commands = [Command(point, snapshot.value(point)) for point in ours if point not in held]
        receipts = await self._parts.authority.writer.write(
            commands, snapshot=snapshot, purpose=Purpose.FALLBACK
        )
        answered = {r.command.point for r in receipts if isinstance(r, Confirmed)}
        self._stuck = {point: home for point, home in ours.items() if point not in answered}
        for home in before - set(self._stuck.values()):
            self._hold_to(home, "", at)

    def _in_shadow(self, home: OwnerId) -> bool:
        """Whether nothing may be written there: then it is people's to set right."""
        return Mode.SHADOW in (
            self._parts.authority.modes.chosen(SITE),
            self._parts.authority.modes.chosen(home),
        )

    def _hold_to(self, home: OwnerId, detail: str, at: datetime) -> None:
        modes, alarms = self._parts.authority.modes, self._parts.authority.alarms
        changed = (
            modes.enter_fallback(CAUSE, detail, at, home) if detail else modes.leave_fallback(CAUSE, at, home)
        )
        if changed:
            alarms.hold_to(AlarmKind.FALLBACK, home, bool(detail), f"{CAUSE}: {detail}", at)


def stuck_before(store: Store) -> list[PointId]:
    """Registers whose last write was to set them back, and failed. What a crash cut off is `recovery`'s."""
    last = select(func.max(COMMANDS.c.id)).where(COMMANDS.c.state != "refused").group_by(COMMANDS.c.point)
    rows = store.rows(
        select(COMMANDS).where(
            COMMANDS.c.id.in_(last),
            COMMANDS.c.purpose == str(Purpose.ROLLBACK),
            COMMANDS.c.state.in_(("unreachable", "mismatch")),
        )
    )
    return [PointId(row["point"]) for row in rows]
