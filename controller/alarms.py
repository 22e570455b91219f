"""Alarms: what needs a person, each with its cause, consequence and response written beforehand.

After ISA-18.2 / IEC 62682: an alarm is raised once, stays until it is both gone and acknowledged,
and may be shelved for a stated time. Heartbeat, fallback and inlet-limit alarms cannot be shelved.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select

from controller.alarm_catalog import CATALOG, AlarmFacts, AlarmKind, Priority
from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import ALARMS

__all__ = ["CATALOG", "LONGEST_SHELF", "Alarm", "AlarmBook", "AlarmFacts", "AlarmKind", "Priority"]

LONGEST_SHELF = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, from its raising until it is gone and acknowledged."""

    id: str
    kind: AlarmKind
    source: str
    detail: str
    raised_at: datetime
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    shelved_until: datetime | None = None
    shelved_by: str | None = None
    shelved_reason: str | None = None

    @property
    def facts(self) -> AlarmFacts:
        """What it means."""
        return CATALOG[self.kind]

    @property
    def over(self) -> bool:
        """Whether it is gone and somebody has seen it."""
        return self.cleared_at is not None and self.acknowledged_at is not None


class AlarmBook:
    """The alarms that stand. Raising never fails, even with the database gone."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit
        self._listeners: list[Callable[[str, Alarm, datetime], None]] = []
        query = select(ALARMS).where(or_(ALARMS.c.cleared_at.is_(None), ALARMS.c.acknowledged_at.is_(None)))
        self._alarms = {row["id"]: _alarm(row) for row in store.rows(query.order_by(ALARMS.c.raised_at))}

    def listen(self, listener: Callable[[str, Alarm, datetime], None]) -> None:
        """Tell ``listener`` each event of each alarm, inside its transaction where there is one."""
        self._listeners.append(listener)

    def raise_(self, kind: AlarmKind, source: str, detail: str, at: datetime) -> Alarm | None:
        """Raise an alarm; None if the same one stands already."""
        if self._standing(kind, source) is not None:
            return None
        alarm = Alarm(f"A-{secrets.token_hex(4)}", kind, source, detail, at)
        self._keep(alarm, "alarm.raised", "coolwright", at, detail)
        return alarm

    def clear(self, kind: AlarmKind, source: str, at: datetime) -> Alarm | None:
        """The condition is gone; the alarm waits for its acknowledgement."""
        alarm = self._standing(kind, source)
        if alarm is None:
            return None
        cleared = replace(alarm, cleared_at=at)
        self._keep(cleared, "alarm.cleared", "coolwright", at, alarm.detail)
        return cleared

    def hold_to(self, kind: AlarmKind, source: str, present: bool, detail: str, at: datetime) -> None:
        """Raise or clear, so that the alarm stands exactly while its condition does."""
        if present:
            self.raise_(kind, source, detail, at)
        else:
            self.clear(kind, source, at)

    def acknowledge(self, alarm_id: str, *, by: str, at: datetime) -> Alarm | None:
        """Somebody has seen it; None if there is no such alarm."""
        alarm = self._alarms.get(alarm_id)
        if alarm is None or alarm.acknowledged_at is not None:
            return alarm
        seen = replace(alarm, acknowledged_at=at, acknowledged_by=by)
        self._keep(seen, "alarm.acknowledged", by, at, alarm.detail)
        return seen

    def shelve(
        self, alarm_id: str, *, until: datetime, reason: str, by: str, at: datetime
    ) -> Alarm | str | None:
        """Put an alarm aside for a stated time; a text says why not, None that there is none."""
        alarm = self._alarms.get(alarm_id)
        if alarm is None:
            return None
        if not alarm.facts.may_be_shelved:
            return f"alarms of kind {alarm.kind} are never shelved"
        if not at < until <= at + LONGEST_SHELF:
            return f"the shelf is open for at most {LONGEST_SHELF.total_seconds() / 3600:g} h"
        shelved = replace(alarm, shelved_until=until, shelved_by=by, shelved_reason=reason)
        self._keep(shelved, "alarm.shelved", by, at, reason)
        return shelved

    def standing(self, at: datetime, *, shelved: bool = False) -> list[Alarm]:
        """Alarms that want a person now (or, asked so, with the shelved ones), oldest first."""
        return [
            a for a in self._alarms.values() if shelved or a.shelved_until is None or a.shelved_until <= at
        ]

    def uncleared(self, kind: AlarmKind) -> list[Alarm]:
        """Alarms of a kind whose condition still holds, shelved or not."""
        return [a for a in self._alarms.values() if a.kind is kind and a.cleared_at is None]

    def _standing(self, kind: AlarmKind, source: str) -> Alarm | None:
        return next(
            (
                a
                for a in self._alarms.values()
                if a.kind is kind and a.source == source and a.cleared_at is None
            ),
            None,
        )

    def _keep(self, alarm: Alarm, event: str, who: str, at: datetime, why: str) -> None:
        before = self._alarms.get(alarm.id)
        if alarm.over:
            self._alarms.pop(alarm.id, None)
        else:
            self._alarms[alarm.id] = alarm
        try:
            with self._store.transaction() as tx:
                tx.execute(delete(ALARMS).where(ALARMS.c.id == alarm.id))
                tx.execute(insert(ALARMS).values(**_row(alarm)))
                what = {
                    "alarm": alarm.id,
                    "kind": alarm.kind,
                    "source": alarm.source,
                    "why": why,
                    "before": None if before is None else _stand(before),
                    "after": _stand(alarm),
                }
                self._audit.record(event, who, what, at)
                self._tell(event, alarm, at)
        except StoreUnavailable:
            # The alarm stands in memory; the lost store is itself an alarm, and must get out.
            self._tell(event, alarm, at)

    def _tell(self, event: str, alarm: Alarm, at: datetime) -> None:
        for listener in self._listeners:
            listener(event, alarm, at)


def _stand(alarm: Alarm) -> str:
    """How an alarm stands, in the words of ISA-18.2."""
    gone = "cleared" if alarm.cleared_at is not None else "active"
    seen = "acknowledged" if alarm.acknowledged_at is not None else "unacknowledged"
    shelf = f", shelved until {stamp(alarm.shelved_until)}" if alarm.shelved_until is not None else ""
    return f"{gone}, {seen}{shelf}"


def _row(alarm: Alarm) -> dict[str, Any]:
    def when(value: datetime | None) -> str | None:
        return stamp(value) if value else None

    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "source": alarm.source,
        "detail": alarm.detail,
        "raised_at": stamp(alarm.raised_at),
        "cleared_at": when(alarm.cleared_at),
        "acknowledged_at": when(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by,
        "shelved_until": when(alarm.shelved_until),
        "shelved_by": alarm.shelved_by,
        "shelved_reason": alarm.shelved_reason,
    }


def _alarm(row: Mapping[str, Any]) -> Alarm:
    def when(column: str) -> datetime | None:
        return instant(row[column]) if row[column] else None

    return Alarm(
        id=row["id"],
        kind=AlarmKind(row["kind"]),
        source=row["source"],
        detail=row["detail"],
        raised_at=instant(row["raised_at"]),
        cleared_at=when("cleared_at"),
        acknowledged_at=when("acknowledged_at"),
        acknowledged_by=row["acknowledged_by"],
        shelved_until=when("shelved_until"),
        shelved_by=row["shelved_by"],
        shelved_reason=row["shelved_reason"],
    )
