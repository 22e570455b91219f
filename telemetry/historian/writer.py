"""Storing: live readings that must never stop control, and many at once that must be whole."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, ProgrammingError

from plant.errors import ConfigError
from plant.points import PointId
from plant.readings import Reading
from telemetry.backoff import Backoff
from telemetry.historian import store
from telemetry.historian.chunks import CHUNK_S, CODE_OF, QUALITIES, Samples
from telemetry.historian.tables import metadata, recent
from telemetry.historian.timescale import timescale_of

_log = logging.getLogger(__name__)

MOST_BUFFERED = 500_000
"""Readings held while the database cannot be written; the oldest go first beyond it."""
_LATE_S = 600
"""A reading may come this late and still be sealed with its hour."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """How storing goes. `degraded` is why the database cannot be written, empty while it can."""

    degraded: str
    buffered: int
    dropped: int


class Writer:
    """The only one that writes readings to a database. Safe to use from several threads.

    Raises
    ------
    ConfigError
        If the database cannot be opened.
    """

    def __init__(self, engine: Engine, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._lock = threading.RLock()  # what is in memory; never held while the database is asked
        self.writing = threading.Lock()
        """Held while the database is written: one writer at a time."""
        self._backoff = Backoff(random.Random(0), first_s=1.0, most_s=30.0)
        self._not_before = float("-inf")
        self._buffer: list[Reading] = []
        self._dropped = 0
        self._degraded = ""
        self._sealed_s = 0
        self._latest: dict[PointId, Reading] = {}
        try:
            metadata.create_all(engine)
            with engine.begin() as connection:
                extension = timescale_of(connection)
                self.timescale = extension if extension and extension.set_up(connection) else None
                self._numbers = store.load_point_numbers(connection)
                self._latest = self._load_latest(store.newest(connection))
        except (DatabaseError, InterfaceError) as error:
            raise ConfigError(
                f"database {engine.url!r}",
                f"cannot be opened ({_reason(error)})",
                "check the path and that it may be written",
            ) from None

    @property
    def numbers(self) -> Mapping[PointId, int]:
        """The number of every point. Replaced as a whole, never changed in place."""
        return self._numbers

    def latest(self) -> dict[PointId, Reading]:
        """The last reading of every point ever stored."""
        with self._lock:
            return dict(self._latest)

    def append(self, readings: Sequence[Reading]) -> None:
        """Store readings in one transaction; where that fails, keep them and try again later.

        Never raises for a database that is locked, full or away (see `state`), and never waits for
        another thread that is just finding that out.
        """
        with self._lock:
            self._buffer.extend(readings)
            for reading in readings:
                self._note(reading)
            self._drop_the_oldest()
        if self._monotonic() >= self._not_before and self.writing.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self.writing.release()

    def flush(self) -> bool:
        """Try now to write what is buffered; whether nothing is left."""
        with self.writing:
            return self._flush()

    @property
    def state(self) -> StoreState:
        """Whether storing works, what waits and what had to be let go."""
        with self._lock:
            return StoreState(self._degraded, len(self._buffer), self._dropped)

    def flush_unless_degraded(self) -> None:
        """Make what was just appended visible to whoever looks."""
        if self._monotonic() >= self._not_before:
            self.flush()

    def keep(self, samples: Mapping[PointId, Samples]) -> int:
        """Store many readings at once, whole or not at all; the number of them.

        For imports and backfill; live readings go to `append`.

        Raises
        ------
        ConfigError
            If the database cannot be written.
        """
        samples = {point: series for point, series in samples.items() if len(series)}
        try:
            with self.writing, self._engine.begin() as connection:
                numbers = store.add_points(connection, samples)
                store.keep_hours(connection, {numbers[p]: s for p, s in samples.items()})
        except (DatabaseError, InterfaceError) as error:
            raise ConfigError(
                f"database {self._engine.url!r}",
                f"cannot be written ({_reason(error)})",
                "mend it and repeat: nothing was taken",
            ) from None
        with self._lock:
            self._numbers = numbers
            for point, series in samples.items():
                self._note(_last(point, series))
        return sum(len(series) for series in samples.values())

    def _flush(self) -> bool:
        with self._lock:
            batch, self._buffer = self._buffer, []
        if not batch:
            return True
        try:
            self._write(batch)
        except (DatabaseError, InterfaceError) as error:
            with self._lock:
                self._buffer = batch + self._buffer
                self._drop_the_oldest()
            if isinstance(error, IntegrityError | ProgrammingError):
                raise  # our mistake, not the world's
            self._not_before = self._monotonic() + self._backoff.failed()
            self._say(_reason(error))
            return False
        self._not_before = float("-inf")
        self._backoff.succeeded()
        self._say("")
        return True

    def _write(self, readings: Sequence[Reading]) -> None:
        with self._engine.begin() as connection:
            if any(r.point not in self._numbers for r in readings):
                self._numbers = store.add_points(connection, [r.point for r in readings])
            rows = {
                (ms := round(r.time.timestamp() * 1000), number := self._numbers[r.point]): {
                    "ms": ms,
                    "point": number,
                    "value": r.value if r.value == r.value else None,
                    "quality": CODE_OF[r.quality],
                }
                for r in readings
            }
            store.upsert(connection, recent, list(rows.values()))
        # The median: one source whose clock runs ahead must not hold up, or hurry, the sealing.
        self._seal(int(median(r.time.timestamp() for r in readings)))

    def _seal(self, newest_s: int) -> None:
        """Pack the hours that are over. Live rows are the truth until the transaction is through."""
        before_s = (newest_s - _LATE_S) // CHUNK_S * CHUNK_S
        if before_s <= self._sealed_s:
            return
        with self._engine.begin() as connection:
            store.seal_before(connection, before_s)
        self._sealed_s = before_s

    def _load_latest(self, samples: dict[int, Samples]) -> dict[PointId, Reading]:
        names = {number: point for point, number in self._numbers.items()}
        return {names[n]: _last(names[n], s) for n, s in samples.items() if n in names and len(s)}

    def _note(self, reading: Reading) -> None:
        before = self._latest.get(reading.point)
        if before is None or reading.time >= before.time:
            self._latest[reading.point] = reading

    def _drop_the_oldest(self) -> None:
        too_many = len(self._buffer) - MOST_BUFFERED
        if too_many > 0:
            del self._buffer[:too_many]
            self._dropped += too_many

    def _say(self, degraded: str) -> None:
        with self._lock:
            before, self._degraded = self._degraded, degraded
        if degraded and not before:
            _log.error("history cannot be written and is kept in memory: %s", degraded)
        if before and not degraded:
            _log.warning("history can be written again; %d readings were lost", self._dropped)


def _last(point: PointId, samples: Samples) -> Reading:
    time = datetime.fromtimestamp(int(samples.ms[-1]) / 1000, UTC)
    return Reading(point, time, float(samples.value[-1]), QUALITIES[int(samples.quality[-1])])


def _reason(error: DatabaseError | InterfaceError) -> str:
    return str(error.orig or error).strip().splitlines()[0]
