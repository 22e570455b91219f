"""Polling: each gateway in its own rhythm, one judged snapshot for everybody else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np

from plant.points import Point, PointId
from plant.ports import Clock
from plant.readings import Reading
from plant.site import Site
from plant.snapshot import Snapshot
from telemetry.gateways import Field
from telemetry.quality import Judge
from telemetry.substitute import Substitute

_log = logging.getLogger(__name__)


class ReadingStore(Protocol):
    """Where judged readings are kept: the historian, or a list in a test."""

    def append(self, readings: Sequence[Reading]) -> None:
        """Keep them. Must not raise for a store that is locked or full."""
        ...


@dataclass(frozen=True, slots=True)
class PollStats:
    """How polling goes. Lateness is from when a poll was due to when it began. [s]"""

    polls: int
    skipped: int
    worst_lateness_s: float
    p99_lateness_s: float
    """Of the last few thousand polls."""


class Poller:
    """Reads, judges, stores. `snapshot()` is what the site looks like now.

    Parameters
    ----------
    store_s : float
        At most one reading of a point is stored in this time. [s] 0 stores every poll.
    """

    def __init__(
        self,
        site: Site,
        field: Field,
        judge: Judge,
        clock: Clock,
        historian: ReadingStore,
        *,
        store_s: float = 60.0,
    ) -> None:
        self.site = site
        self._field = field
        self._judge = judge
        self._substitute = Substitute(site)
        self._clock = clock
        self._historian = historian
        self._store_s = store_s
        self._latest: dict[PointId, Reading] = {}
        self._stored: dict[PointId, float] = {}
        self._polls = self._skipped = 0
        self._worst_lateness_s = 0.0
        self._lateness_s: deque[float] = deque(maxlen=4096)

    async def poll(self) -> Snapshot:
        """One pass over every gateway."""
        await self._take(await self._field.read_all())
        return self.snapshot()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll each gateway every `poll_s` of the clock until ``stop`` is set.

        A gateway that answers slowly delays only itself: polls that fell due meanwhile are skipped.
        """
        groups = [
            (self._field.points_of(gateway), self._poll_s(self._field.points_of(gateway)))
            for gateway in self._field.gateways
        ]
        tasks = [asyncio.create_task(self._run_one(points, every)) for points, every in groups if points]
        waiting = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a bug in a poll is not swallowed
        finally:
            for task in (waiting, *tasks):
                task.cancel()
            await asyncio.gather(waiting, *tasks, return_exceptions=True)

    def snapshot(self) -> Snapshot:
        """The latest readings, stale where they have become so by the clock."""
        now = self._clock.now()
        aged = {p: self._judge.aged(r, now) for p, r in self._latest.items()}
        return Snapshot(self.site, now, {p: self._substitute.instead_of(r, now) for p, r in aged.items()})

    @property
    def stats(self) -> PollStats:
        """Counts since the start."""
        p99 = float(np.quantile(self._lateness_s, 0.99)) if self._lateness_s else 0.0
        return PollStats(self._polls, self._skipped, self._worst_lateness_s, p99)

    async def _run_one(self, points: Sequence[Point], every_s: float) -> None:
        due = self._clock.now()
        while True:
            late_s = (self._clock.now() - due).total_seconds()
            self._worst_lateness_s = max(self._worst_lateness_s, late_s)
            self._lateness_s.append(late_s)
            await self._take(await self._field.read(points))
            now = self._clock.now()
            missed = max(0, int((now - due).total_seconds() // every_s))
            self._skipped += missed
            due += timedelta(seconds=every_s * (missed + 1))
            await self._clock.sleep_until(due)

    async def _take(self, readings: Sequence[Reading]) -> None:
        now = self._clock.now()
        judged = self._judge.judge(readings, now)
        self._polls += 1
        self._log_changes(judged)
        self._latest.update((r.point, r) for r in judged)
        self._substitute.remember(judged)
        told = [self._substitute.to_store(r, now) for r in judged]
        due = [r for r in told if self._due(r)]
        if due:
            await asyncio.to_thread(self._historian.append, due)

    def _due(self, reading: Reading) -> bool:
        """One reading a slot of the reading's own time: a poll that crosses the minute leaves none empty."""
        at = reading.time.timestamp()
        slot = at // self._store_s if self._store_s > 0 else at
        if self._stored.get(reading.point) == slot:
            return False
        self._stored[reading.point] = slot
        return True

    def _log_changes(self, judged: Sequence[Reading]) -> None:
        for reading in judged:
            before = self._latest.get(reading.point)
            if before is not None and before.quality is not reading.quality:
                _log.info("%s is now %s (%g)", reading.point, reading.quality, reading.value)

    def _poll_s(self, points: Sequence[Point]) -> float:
        addressed = {p.address.gateway for p in points if p.address is not None}
        rhythms = [g.poll_s for g in self.site.gateways if g.id in addressed]
        return min(rhythms, default=10.0)
