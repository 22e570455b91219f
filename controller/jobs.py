"""Jobs: long work that is asked for, answered with `202`, and looked at until it is done.

A job is a row in the store, so it survives a restart: work that can simply be done again is queued
anew, once; work that cannot (a drill), or that the program ended in twice, has failed. Who does the
jobs is `job_runner`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select, update

from controller.audit import AuditLog
from controller.canonical import Json, canonical, instant, stamp
from controller.modes import SYSTEM
from controller.store import Store
from controller.tables import JOBS


class JobKind(StrEnum):
    """What can be asked for."""

    REPORT = "report"
    CALIBRATION = "calibration"
    REPLAY = "replay"
    DRILL = "drill"


AGAIN = frozenset({JobKind.REPORT, JobKind.CALIBRATION, JobKind.REPLAY})
"""Kinds that are begun anew after a restart. A drill is not: nobody watches it any more."""
ATTEMPTS = 2
"""How often a job is begun: one that takes the program down with it must not do so for ever."""


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


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
    """How it ended; while it runs, what it is at."""
    media_type: str | None = None
    attempt: int = 0
    """How often it was begun."""
    progress: float | None = None
    """Share that is done of a running job; None where that cannot be told."""

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made: a line for people, and a document."""

    note: str
    media_type: str
    content: bytes


def fixed(job: Job) -> str:
    """Why a job cannot be taken back, or nothing."""
    if not job.open:
        return f"it is {job.status}"
    if job.kind is JobKind.DRILL and job.status is JobStatus.RUNNING:
        return "the heartbeat is withheld; a drill ends by itself, or at once by the stop"
    return ""


class JobBook:
    """The jobs and what became of them."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit
        self._told: dict[str, tuple[float | None, str]] = {}

    def ask(self, kind: JobKind, order: Mapping[str, object], *, by: str, at: datetime) -> Job:
        """Queue a job. An identical one that still waits or runs is answered in its place."""
        body = canonical(order)
        with self._store.transaction() as tx:
            open_ones = (JOBS.c.status.in_(OPEN), JOBS.c.kind == kind)
            same = self._store.rows(select(*_FACTS).where(*open_ones, JOBS.c.order == body))
            if same:
                return self._shown(same[0])
            number = 1 + (tx.execute(select(func.max(JOBS.c.number))).scalar() or 0)
            row = {"id": f"J-{number:06d}", "number": number, "kind": kind, "order": body, "by": by}
            tx.execute(insert(JOBS).values(**row, status=JobStatus.QUEUED, asked_at=stamp(at)))
            told = {"job": row["id"], "kind": kind, "order": order, "after": JobStatus.QUEUED}
            self._audit.record("job.asked", by, told, at)
        return Job(f"J-{number:06d}", kind, json.loads(body), JobStatus.QUEUED, by, at)

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        rows = self._store.rows(select(*_FACTS).where(JOBS.c.id == job_id))
        return self._shown(rows[0]) if rows else None

    def recent(self, count: int = 50, kind: JobKind | None = None) -> list[Job]:
        """The last jobs, newest first."""
        query = select(*_FACTS).order_by(JOBS.c.number.desc()).limit(count)
        rows = self._store.rows(query if kind is None else query.where(JOBS.c.kind == kind))
        return [self._shown(row) for row in rows]

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
                .values(status=JobStatus.RUNNING, started_at=stamp(at), attempt=job.attempt + 1)
            )
        return bool(claimed.rowcount == 1)

    def tell(self, job: Job, share: float | None, words: str = "") -> None:
        """How far a running job is; not worth a transaction, and forgotten when it ends."""
        self._told[job.id] = (share, words)

    def runs(self, job: Job) -> bool:
        """Whether the job is still to be done: nobody has cancelled it."""
        rows = self._store.rows(select(JOBS.c.status).where(JOBS.c.id == job.id))
        return bool(rows) and rows[0]["status"] == JobStatus.RUNNING

    def cancel(self, job_id: str, *, by: str, at: datetime, reason: str) -> Job | None:
        """Take back what waits or runs; None where `fixed` says why not. Who does it finds out by `runs`."""
        before = self.get(job_id)
        if before is None or fixed(before):
            return None
        note = f"cancelled by {by}: {reason}"
        if not self._end(before, JobStatus.CANCELLED, note, at, {"note": note}, by=by):
            return None
        return self.get(job_id)

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
            elif job.attempt >= ATTEMPTS:
                self.failed(job, f"the program ended {job.attempt} times while it ran", at)
            else:
                self._begin_anew(job, at)

    def _begin_anew(self, job: Job, at: datetime) -> None:
        with self._store.transaction() as tx:
            again = update(JOBS).where(JOBS.c.id == job.id)
            tx.execute(again.values(status=JobStatus.QUEUED, started_at=None))
            told = {"job": job.id, "kind": job.kind, "before": job.status, "after": JobStatus.QUEUED}
            self._audit.record("job.begun_anew", SYSTEM, told, at)

    def _end(
        self,
        job: Job,
        status: JobStatus,
        note: str,
        at: datetime,
        values: Mapping[str, Any],
        *,
        by: str | None = None,
    ) -> bool:
        """Once: what was cancelled is not done afterwards, and what is done cannot be cancelled."""
        with self._store.transaction() as tx:
            ended = tx.execute(
                update(JOBS)
                .where(JOBS.c.id == job.id, JOBS.c.status.in_(OPEN))
                .values(status=status, ended_at=stamp(at), **values)
            )
            if ended.rowcount != 1:
                return False
            told = {"job": job.id, "kind": job.kind, "before": job.status, "after": status, "note": note}
            self._audit.record(f"job.{status}", by or job.by, told, at)
        self._told.pop(job.id, None)
        return True

    def _shown(self, row: Mapping[str, Any]) -> Job:
        """The job, with how far it is."""
        job = _job(row)
        if job.status is not JobStatus.RUNNING or job.id not in self._told:
            return job
        share, words = self._told[job.id]
        return replace(job, progress=share, note=words)


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
        attempt=row["attempt"] or 0,
    )
