"""Jobs: long work that is asked for, answered with `202`, and looked at until it is done.

A job is a row in the store, so it survives a restart: work that can simply be done again is queued
anew, work that cannot (a drill) is marked as failed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import func, insert, select, update

from controller.audit import AuditLog
from controller.canonical import Json, canonical, instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import JOBS
from plant.ports import Clock

_log = logging.getLogger(__name__)

LOOK_EVERY_WALL_S = 1.0


class JobKind(StrEnum):
    """What can be asked for."""

    REPORT = "report"
    CALIBRATION = "calibration"
    REPLAY = "replay"
    DRILL = "drill"


AGAIN = frozenset({JobKind.REPORT, JobKind.CALIBRATION, JobKind.REPLAY})
"""Kinds that are begun anew after a restart. A drill is not: nobody watches it any more."""


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Job:
    """One piece of long work."""

    id: str
    kind: JobKind
    order: Mapping[str, Json]
    status: JobStatus
    by: str
    asked_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    note: str = ""
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made: a line for people, and a document."""

    note: str
    media_type: str
    content: bytes


Worker: TypeAlias = Callable[[Job], Awaitable[Result]]


class JobBook:
    """The jobs and what became of them."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def ask(self, kind: JobKind, order: Mapping[str, object], *, by: str, at: datetime) -> Job:
        """Queue a job. An identical one that still waits or runs is answered in its place."""
        body = canonical(order)
        with self._store.transaction() as tx:
            open_ones = (JOBS.c.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]), JOBS.c.kind == kind)
            same = self._store.rows(select(*_FACTS).where(*open_ones, JOBS.c.order == body))
            if same:
                return _job(same[0])
            number = 1 + (tx.execute(select(func.max(JOBS.c.number))).scalar() or 0)
            row = {"id": f"J-{number:06d}", "number": number, "kind": kind, "order": body, "by": by}
            tx.execute(insert(JOBS).values(**row, status=JobStatus.QUEUED, asked_at=stamp(at)))
            told = {"job": row["id"], "kind": kind, "order": order, "after": JobStatus.QUEUED}
            self._audit.record("job.asked", by, told, at)
        return Job(f"J-{number:06d}", kind, json.loads(body), JobStatus.QUEUED, by, at)

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        rows = self._store.rows(select(*_FACTS).where(JOBS.c.id == job_id))
        return _job(rows[0]) if rows else None

    def recent(self, count: int = 50, kind: JobKind | None = None) -> list[Job]:
        """The last jobs, newest first."""
        query = select(*_FACTS).order_by(JOBS.c.number.desc()).limit(count)
        return [
            _job(r) for r in self._store.rows(query if kind is None else query.where(JOBS.c.kind == kind))
        ]

    def result(self, job_id: str) -> tuple[str, bytes] | None:
        """The media type and content of a finished job's document; None if it has none."""
        rows = self._store.rows(select(JOBS.c.media_type, JOBS.c.result).where(JOBS.c.id == job_id))
        return (rows[0]["media_type"], rows[0]["result"]) if rows and rows[0]["media_type"] else None

    def queued(self) -> list[Job]:
        """Jobs that wait, oldest first."""
        query = select(*_FACTS).where(JOBS.c.status == JobStatus.QUEUED).order_by(JOBS.c.number)
        return [_job(row) for row in self._store.rows(query)]

    def begin(self, job: Job, at: datetime) -> bool:
        """Claim a queued job; False if it is not to be had."""
        with self._store.transaction() as tx:
            claimed = tx.execute(
                update(JOBS)
                .where(JOBS.c.id == job.id, JOBS.c.status == JobStatus.QUEUED)
                .values(status=JobStatus.RUNNING, started_at=stamp(at))
            )
        return bool(claimed.rowcount == 1)

    def done(self, job: Job, result: Result, at: datetime) -> None:
        """It is finished, and this is what it made."""
        made = {"note": result.note, "media_type": result.media_type, "result": result.content}
        self._end(job, JobStatus.DONE, result.note, at, made)

    def failed(self, job: Job, why: str, at: datetime) -> None:
        """It came to nothing, and why."""
        self._end(job, JobStatus.FAILED, why, at, {"note": why})

    def recover(self, at: datetime) -> None:
        """After a restart: what was running is begun anew, or has failed."""
        for row in self._store.rows(select(*_FACTS).where(JOBS.c.status == JobStatus.RUNNING)):
            job = _job(row)
            if job.kind not in AGAIN:
                self.failed(job, "the program ended meanwhile", at)
                continue
            with self._store.transaction() as tx:
                again = update(JOBS).where(JOBS.c.id == job.id)
                tx.execute(again.values(status=JobStatus.QUEUED, started_at=None))

    def _end(self, job: Job, status: JobStatus, note: str, at: datetime, values: Mapping[str, Any]) -> None:
        with self._store.transaction() as tx:
            tx.execute(
                update(JOBS).where(JOBS.c.id == job.id).values(status=status, ended_at=stamp(at), **values)
            )
            told = {
                "job": job.id,
                "kind": job.kind,
                "before": JobStatus.RUNNING,
                "after": status,
                "note": note,
            }
            self._audit.record(f"job.{status}", job.by, told, at)


class JobRunner:
    """Does the jobs: of each kind one at a time, beside the loops that must not wait."""

    def __init__(self, book: JobBook, clock: Clock, workers: Mapping[JobKind, Worker]) -> None:
        self._book = book
        self._clock = clock
        self._workers = workers
        self._running: dict[JobKind, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for queued jobs until cancelled; what is running then is cancelled too."""
        self._book.recover(self._clock.now())
        try:
            while True:
                self._start_what_can()
                await asyncio.sleep(LOOK_EVERY_WALL_S)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def finish(self) -> None:
        """Do everything that waits, and come back when it is done."""
        while self._book.queued():
            self._start_what_can()
            await asyncio.gather(*self._running.values())

    def _start_what_can(self) -> None:
        try:
            for job in self._book.queued():
                busy = self._running.get(job.kind)
                if (busy is None or busy.done()) and self._book.begin(job, self._clock.now()):
                    self._running[job.kind] = asyncio.create_task(self._do(job))
        except StoreUnavailable as error:
            _log.warning("jobs wait, the database cannot be reached: %s", error)

    async def _do(self, job: Job) -> None:
        worker = self._workers.get(job.kind)
        if worker is None:
            self._book.failed(job, f"this program does no {job.kind}", self._clock.now())
            return
        # A bug in a report must not end the program that cools the racks: the task carries it.
        task = asyncio.ensure_future(worker(job))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        error = task.exception()
        try:
            if error is None:
                self._book.done(job, task.result(), self._clock.now())
            else:
                _log.warning("job %s failed", job.id, exc_info=error)
                self._book.failed(job, str(error) or type(error).__name__, self._clock.now())
        except StoreUnavailable as lost:
            _log.warning("job %s ended, but the database cannot be reached: %s", job.id, lost)


_FACTS = [c for c in JOBS.columns if c.name != "result"]


def _job(row: Mapping[str, Any]) -> Job:
    def when(column: str) -> datetime | None:
        return instant(row[column]) if row[column] else None

    return Job(
        id=row["id"],
        kind=JobKind(row["kind"]),
        order=json.loads(row["order"]),
        status=JobStatus(row["status"]),
        by=row["by"],
        asked_at=instant(row["asked_at"]),
        started_at=when("started_at"),
        ended_at=when("ended_at"),
        note=row["note"] or "",
        media_type=row["media_type"],
    )
