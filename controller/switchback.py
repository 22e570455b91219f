"""The switchback book: a drawn schedule that two people started, kept over a restart, and its record.

Nobody chooses an arm: a schedule follows from its seed, and its id is in the audit log before the first
block begins. `switchback_arm` carries it out; here it is started, stopped and remembered.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.modes import SYSTEM
from controller.store import Store, StoreUnavailable
from controller.tables import SWITCHBACK_STRETCHES, SWITCHBACKS
from controller.two_person import Agreed, NotOpen, Request, Requests, SamePerson
from plant.errors import ConfigError
from plant.site import Site
from reports.switchback import Arm, Schedule, draw_schedule
from reports.switchback_record import Applied, RunRecord, Stretch

_KIND = "switchback"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one person asks for and another agrees to. `first_day` is local."""

    first_day: date
    days: int
    block_h: int
    washout_h: float
    seed: int

    def drawn(self, timezone: str) -> Schedule:
        """The schedule that follows from it.

        Raises
        ------
        ConfigError
            If there is none, for example because blocks do not divide a day.
        """
        return draw_schedule(
            self.first_day,
            self.days,
            timezone,
            seed=self.seed,
            block_h=self.block_h,
            washout_h=self.washout_h,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A schedule that was started. It is over after its last block, or when somebody stopped it."""

    id: str
    schedule: Schedule
    by: str
    started_at: datetime
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    reason: str | None = None

    def over(self, at: datetime) -> bool:
        """Whether it no longer says what to run."""
        return self.stopped_at is not None or at >= self.schedule.blocks[-1].end


@dataclass(frozen=True, slots=True)
class Busy:
    """Another schedule is running or about to."""

    run: Run


StartAnswer: TypeAlias = Run | Busy | SamePerson | NotOpen


class SwitchbackBook:
    """Starts, stops and remembers. Questions are answered from memory and need no database."""

    def __init__(self, store: Store, audit: AuditLog, timezone: str, *, longest_gap_s: float = 900.0) -> None:
        self._store = store
        self._audit = audit
        self._timezone = timezone
        self._requests = Requests(store, audit)
        self._gap = timedelta(seconds=longest_gap_s)
        self._open: tuple[int, Stretch] | None = None
        rows = store.rows(select(SWITCHBACKS).order_by(SWITCHBACKS.c.started_at.desc()).limit(1))
        self._latest = _run(rows[0]) if rows else None

    @property
    def latest(self) -> Run | None:
        """The last schedule that was started, over or not."""
        return self._latest

    @property
    def stretch(self) -> Stretch | None:
        """What is applied now, as it was last written down."""
        return None if self._open is None else self._open[1]

    def running(self, at: datetime) -> Run | None:
        """The schedule that holds at an instant; it may not have begun yet."""
        run = self._latest
        return None if run is None or run.over(at) else run

    def arm_at(self, at: datetime) -> Arm | None:
        """What is to be run now; None where no schedule says."""
        run = self.running(at)
        return None if run is None else run.schedule.arm_at(at)

    def ask(self, wish: Wish, *, by: str, at: datetime) -> Request | Busy:
        """Ask for a schedule to be run; another person agrees.

        Raises
        ------
        ConfigError
            If nothing can be drawn from it, or its first day has begun: an arm would be chosen knowingly.
        """
        busy = self.running(at)
        if busy is not None:
            return Busy(busy)
        schedule = self._ahead(wish, at)
        what = {
            "first_day": wish.first_day.isoformat(),
            "days": wish.days,
            "block_h": wish.block_h,
            "washout_h": wish.washout_h,
            "seed": wish.seed,
            "schedule": schedule.id,
        }
        return self._requests.ask(_KIND, what, by=by, at=at)

    def confirm(self, request_id: str, *, by: str, at: datetime) -> StartAnswer:
        """Start it, as the second person."""
        busy = self.running(at)
        if busy is not None:
            return Busy(busy)
        with self._store.transaction() as tx:
            answer = self._requests.agree(request_id, kind=_KIND, by=by, at=at)
            if not isinstance(answer, Agreed):
                return answer
            schedule = self._ahead(_wish(answer.request.what), at)
            run = Run(f"S-{secrets.token_hex(4)}", schedule, f"{answer.request.by} and {by}", at)
            tx.execute(
                insert(SWITCHBACKS).values(
                    id=run.id, schedule=schedule.to_json(), by=run.by, started_at=stamp(at)
                )
            )
            first = schedule.blocks[0].start
            what = {"run": run.id, "schedule": schedule.id, "blocks": len(schedule.blocks), "from": first}
            what |= {"before": None, "after": "running"}
            self._audit.record("switchback.started", run.by, what, at)
        self._latest, self._open = run, None
        return run

    def stop(self, *, by: str, reason: str, at: datetime) -> Run | None:
        """End it now; None if none is running. One person is enough: it takes authority from nobody."""
        run = self.running(at)
        if run is None:
            return None
        stopped = replace(run, stopped_at=at, stopped_by=by, reason=reason)
        self._latest, self._open = stopped, None
        with self._store.transaction() as tx:
            tx.execute(
                update(SWITCHBACKS)
                .where(SWITCHBACKS.c.id == run.id)
                .values(stopped_at=stamp(at), stopped_by=by, reason=reason)
            )
            told = {"run": run.id, "before": "running", "after": "stopped", "reason": reason}
            self._audit.record("switchback.stopped", by, told, at)
        return stopped

    def requests(self, at: datetime) -> list[Request]:
        """Schedules that wait for a second person."""
        return self._requests.open(at, _KIND)

    def announce(self, run: Run, number: int, at: datetime) -> None:
        """Say in the audit log that a block has begun."""
        block = run.schedule.blocks[number]
        counts_from = block.start + timedelta(hours=run.schedule.washout_h)
        switched = number == 0 or run.schedule.blocks[number - 1].arm is not block.arm
        what = {
            "run": run.id,
            "block": number + 1,
            "of": len(run.schedule.blocks),
            "arm": block.arm,
            "until": block.end,
            "washout_until": counts_from if switched else None,
        }
        self._audit.record("switchback.block", SYSTEM, what, at)

    def observe(self, run: Run, applied: Applied, detail: str, at: datetime) -> None:
        """Write down what is applied now. Without the database there is a gap: time nobody knows."""
        before, until = self._open, min(at, run.schedule.blocks[-1].end)
        same = before is not None and (before[1].applied, before[1].detail) == (applied, detail)
        try:
            if before is not None and until - before[1].until <= self._gap:
                row, stretch = before
                self._extend(row, until)
                self._open = (row, replace(stretch, until=until))
                if same:
                    return
            self._open = self._begin(run, Stretch(until, until, applied, detail))
            if not same:
                self._audit.record(
                    "switchback.applied", SYSTEM, {"run": run.id, "applied": applied, "detail": detail}, at
                )
        except StoreUnavailable:
            self._open = None

    def record(self, run_id: str) -> tuple[Stretch, ...]:
        """What was applied under a run, in order."""
        return stretches_of(self._store, run_id)

    def _begin(self, run: Run, stretch: Stretch) -> tuple[int, Stretch]:
        with self._store.transaction() as tx:
            key = tx.execute(
                insert(SWITCHBACK_STRETCHES).values(
                    run=run.id,
                    since=stamp(stretch.since),
                    until=stamp(stretch.until),
                    applied=stretch.applied,
                    detail=stretch.detail,
                )
            ).inserted_primary_key
        return (int(key[0]) if key else 0, stretch)

    def _extend(self, row: int, until: datetime) -> None:
        with self._store.transaction() as tx:
            tx.execute(
                update(SWITCHBACK_STRETCHES)
                .where(SWITCHBACK_STRETCHES.c.id == row)
                .values(until=stamp(until))
            )

    def _ahead(self, wish: Wish, at: datetime) -> Schedule:
        schedule = wish.drawn(self._timezone)
        if schedule.blocks[0].start <= at:
            raise ConfigError(
                f"switchback from {wish.first_day}",
                "would begin in the past",
                f"begin on {first_day_after(at, self._timezone)} or later: an arm is drawn before it is run",
            )
        return schedule


def settling_h(site: Site, cycle_s: float) -> float:
    """How long a switch takes: the slowest lever's way, one move a control period, and an hour. [h]"""
    ways = (
        max(abs(lever.high - lever.as_found), abs(lever.as_found - lever.low)) / lever.max_move
        for lever in site.levers
    )
    return math.ceil(10 * (max(ways, default=0.0) * cycle_s / 3600 + 1)) / 10


def first_day_after(at: datetime, timezone: str) -> date:
    """The next local day."""
    return at.astimezone(ZoneInfo(timezone)).date() + timedelta(days=1)


def runs_of(store: Store) -> list[Run]:
    """Every schedule that was ever started, oldest first."""
    return [_run(row) for row in store.rows(select(SWITCHBACKS).order_by(SWITCHBACKS.c.started_at))]


def recorded_runs(store: Store) -> list[RunRecord]:
    """Every schedule that was ever started, with what was applied under it."""
    return [RunRecord(r.id, r.by, r.schedule, stretches_of(store, r.id)) for r in runs_of(store)]


def stretches_of(store: Store, run_id: str) -> tuple[Stretch, ...]:
    """What was applied under a run, in order."""
    table = SWITCHBACK_STRETCHES
    rows = store.rows(select(table).where(table.c.run == run_id).order_by(table.c.since, table.c.id))
    return tuple(
        Stretch(instant(r["since"]), instant(r["until"]), Applied(r["applied"]), r["detail"]) for r in rows
    )


def _wish(what: Mapping[str, Any]) -> Wish:
    return Wish(
        date.fromisoformat(what["first_day"]),
        int(what["days"]),
        int(what["block_h"]),
        float(what["washout_h"]),
        int(what["seed"]),
    )


def _run(row: Mapping[str, Any]) -> Run:
    stopped = row["stopped_at"]
    return Run(
        row["id"],
        Schedule.from_json(row["schedule"]),
        row["by"],
        instant(row["started_at"]),
        None if stopped is None else instant(stopped),
        row["stopped_by"],
        row["reason"],
    )
