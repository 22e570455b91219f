"""Upkeep: the program looks at its own senses and memory, and tidies its history once a day.

What it finds becomes metrics and alarms. A device, a meter or a feed that is wrong for a moment is
not an alarm: each condition must last, by the site's clock, as long as is written beside it here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DatabaseError, InterfaceError

from controller.alarm_catalog import AlarmKind
from controller.metrics_upkeep import Condition
from controller.wiring import Controller
from plant.ports import CarbonFeed, WeatherFeed
from plant.readings import Quality
from plant.snapshot import Snapshot
from telemetry.crosschecks import CrossCheck, cross_checks

_log = logging.getLogger(__name__)

LOOK_EVERY_WALL_S = 2.0
KEEP_PLANS = timedelta(days=100)
"""Snapshots and plans; proposals, commands and the audit log are kept for ever."""
TIDY_EVERY = timedelta(days=1)
LASTING: Mapping[AlarmKind, timedelta] = {
    AlarmKind.DEVICE_SILENT: timedelta(seconds=60),
    AlarmKind.POLLING_LATE: timedelta(minutes=5),
    AlarmKind.HISTORY_WAITING: timedelta(seconds=60),
    AlarmKind.HISTORY_LOST: timedelta(0),
    AlarmKind.METERS_DISAGREE: timedelta(minutes=30),
    AlarmKind.FEED_GAP: timedelta(minutes=15),
}
"""How long each condition must last. Meters that lag each other in a load step disagree for minutes."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something to watch: whether it is wrong now, and what to say of it."""

    kind: AlarmKind
    source: str
    present: bool
    detail: str


class Upkeep:
    """The watch over one controller's own senses and memory."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._since: dict[tuple[AlarmKind, str], datetime] = {}
        self._tidied_at: datetime | None = None

    async def run(self) -> None:
        """Look every few wall seconds and tidy every day of the site's clock, until cancelled."""
        while True:
            now = self._controller.parts.clock.now()
            self.look(now)
            await self.tidy(now)
            await asyncio.sleep(LOOK_EVERY_WALL_S)

    def look(self, at: datetime) -> Condition:
        """See how things are; show it and alarm what lasts."""
        parts = self._controller.parts
        condition = self._condition(parts.snapshot())
        for complaint in self._complaints(condition):
            self._judge(complaint, at)
        parts.metrics.observe_condition(condition)
        parts.metrics.observe_alarms(a.facts.priority for a in parts.authority.alarms.standing(at))
        return condition

    async def tidy(self, at: datetime) -> bool:
        """Apply what is kept how long, if a day has passed; whether it was done."""
        if self._tidied_at is not None and at - self._tidied_at < TIDY_EVERY:
            return False
        self._tidied_at = at
        try:
            await asyncio.to_thread(self._controller.historian.forget, at)
            self._controller.parts.authority.store.prune(at - KEEP_PLANS)
        except (DatabaseError, InterfaceError) as error:
            _log.warning("the history could not be tidied and will be tomorrow: %s", error.orig or error)
            return False
        return True

    def _condition(self, snapshot: Snapshot) -> Condition:
        controller = self._controller
        return Condition(
            devices=controller.field.health,
            polling=controller.poller.stats,
            history=controller.historian.state,
            checks=tuple(measured(cross_checks(snapshot), snapshot)),
            feeds={**feed_faults(controller.feeds.carbon), **feed_faults(controller.feeds.weather)},
        )

    def _complaints(self, condition: Condition) -> Iterable[Complaint]:
        for device in condition.devices:
            detail = f"{device.last_fault} ({device.failures} times in a row)"
            yield Complaint(AlarmKind.DEVICE_SILENT, device.device, not device.answering, detail)
        late_s = condition.polling.p99_lateness_s
        too_late = late_s > self._controller.parts.site.safety.max_data_age_s / 2
        yield Complaint(AlarmKind.POLLING_LATE, "polling", too_late, f"polls begin {late_s:.0f} s late")
        history = condition.history
        waiting = f"{history.buffered} readings wait in memory: {history.degraded}"
        yield Complaint(AlarmKind.HISTORY_WAITING, "historian", bool(history.degraded), waiting)
        lost = bool(history.degraded) and history.dropped > 0
        yield Complaint(AlarmKind.HISTORY_LOST, "historian", lost, f"{history.dropped} readings were let go")
        for check in condition.checks:
            yield Complaint(AlarmKind.METERS_DISAGREE, check.name, not check.holds, check.told)
        for feed, faults in condition.feeds.items():
            yield Complaint(AlarmKind.FEED_GAP, feed, bool(faults), "; ".join(faults))

    def _judge(self, complaint: Complaint, at: datetime) -> None:
        """Raise what has lasted, clear what is gone."""
        key = (complaint.kind, complaint.source)
        if not complaint.present:
            self._since.pop(key, None)
        began = self._since.setdefault(key, at) if complaint.present else at
        if not complaint.present or at - began >= LASTING[complaint.kind]:
            alarms = self._controller.parts.authority.alarms
            alarms.hold_to(complaint.kind, complaint.source, complaint.present, complaint.detail, at)


def measured(checks: Iterable[CrossCheck], snapshot: Snapshot) -> Iterable[CrossCheck]:
    """The findings that rest on readings and not on stand-ins for them."""
    for check in checks:
        if all(snapshot.reading(p).quality is not Quality.SUBSTITUTED for p in check.points):
            yield check


def feed_faults(feed: CarbonFeed | WeatherFeed | None) -> Mapping[str, tuple[str, ...]]:
    """What a feed's last answer lacked, by its name; nothing of feeds that do not say."""
    gaps = getattr(feed, "gaps", None)
    return {} if gaps is None else {gaps.provider: gaps.faults}
