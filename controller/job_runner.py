"""Doing the jobs: of each kind one at a time, beside the loops that must not wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

from controller.jobs import Job, JobBook, JobKind, Result
from controller.store import StoreUnavailable
from plant.ports import Clock

_log = logging.getLogger(__name__)

LOOK_EVERY_WALL_S = 1.0
"""How often it is looked for work that waits, and whether what runs was cancelled."""

Tell: TypeAlias = Callable[[float | None, str], None]
"""How far a worker is: the share done (None: nobody knows) and what it is at."""
Worker: TypeAlias = Callable[[Job, Tell], Awaitable[Result]]
"""Does one job. Cancelled, it lets go of everything it began."""


class JobRunner:
    """Does the jobs of one book."""

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
        task = asyncio.ensure_future(worker(job, partial(self._book.tell, job)))
        try:
            while not task.done() and self._wanted(job):
                await asyncio.wait({task}, timeout=LOOK_EVERY_WALL_S)
        finally:
            # Cancelled or not, it is not left before it has let go of what it began.
            task.cancel()
            await asyncio.wait({task})
        self._note(job, task)

    def _wanted(self, job: Job) -> bool:
        """Whether nobody has cancelled it; without the database nobody can have."""
        try:
            return self._book.runs(job)
        except StoreUnavailable:
            return True

    def _note(self, job: Job, task: asyncio.Future[Result]) -> None:
        error = None if task.cancelled() else task.exception()
        try:
            if task.cancelled():
                self._book.failed(job, "it was broken off", self._clock.now())
            elif error is None:
                self._book.done(job, task.result(), self._clock.now())
            else:
                _log.warning("job %s failed", job.id, exc_info=error)
                self._book.failed(job, str(error) or type(error).__name__, self._clock.now())
        except StoreUnavailable as lost:
            _log.warning("job %s ended, but the database cannot be reached: %s", job.id, lost)
