"""What the database keeps of switchbacks: every run, and in stretches what was applied under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.modes import SYSTEM
from controller.store import Store, StoreUnavailable
from controller.switchback_run import Run
from controller.tables import SWITCHBACK_STRETCHES, SWITCHBACKS
from reports.switchback import Schedule
from reports.switchback_record import Applied, RunRecord, Stretch


class StretchLog:
    """Writes down what is applied: a stretch grows while it stays the same and nobody looks away."""

    def __init__(self, store: Store, audit: AuditLog, longest_gap_s: float) -> None:
        self._store = store
        self._audit = audit
        self._gap = timedelta(seconds=longest_gap_s)
        self._open: tuple[int, Stretch] | None = None

    @property
    def now(self) -> Stretch | None:
        """What is applied now, as it was last written down."""
        return None if self._open is None else self._open[1]

    def forget(self) -> None:
        """What comes next belongs to another run."""
        self._open = None

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


def latest_run(store: Store) -> Run | None:
    """The schedule that was started last, if there ever was one."""
    rows = store.rows(select(SWITCHBACKS).order_by(SWITCHBACKS.c.started_at.desc()).limit(1))
    return run_of(rows[0]) if rows else None


def runs_of(store: Store) -> list[Run]:
    """Every schedule that was ever started, oldest first."""
    return [run_of(row) for row in store.rows(select(SWITCHBACKS).order_by(SWITCHBACKS.c.started_at))]


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


def run_of(row: Mapping[str, Any]) -> Run:
    """A row of the table of switchbacks."""
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
