"""The historian itself: append, look back, exchange. It degrades and says so; it never stops control."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.pool import StaticPool

from plant.errors import ConfigError
from plant.history import History
from plant.points import PointId
from plant.readings import Reading
from plant.site import Site
from plant.timegrid import floor_to
from telemetry.backoff import Backoff
from telemetry.historian import store
from telemetry.historian.chunks import CHUNK_S, CODE_OF, EMPTY, QUALITIES, Samples, merge
from telemetry.historian.interchange import read_file, write_file
from telemetry.historian.rollup import WIDTHS_S, roll
from telemetry.historian.tables import metadata, open_engine, recent
from telemetry.historian.views import gridded, joined_frame, rolled_frame, stored_frame

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


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept. [days] After `raw` days one mean a minute is left of the readings."""

    raw: float = 60.0
    minutes: float = 400.0
    quarter_hours: float = 800.0
    hours: float = 4000.0


class Historian:
    """Readings of any number of sites' points in one database.

    Safe to use from several threads; several processes may read while one appends.

    Parameters
    ----------
    url : str
        SQLAlchemy URL: ``sqlite:///history.db``, ``sqlite://`` (memory), ``postgresql+psycopg://…``.

    Raises
    ------
    ConfigError
        If the URL cannot be used or the database cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        retention: Retention = Retention(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = open_engine(url)
        self._retention = retention
        self._monotonic = monotonic
        self._lock = threading.RLock()  # what is in memory; never held while the database is asked
        self._writing = threading.Lock()  # one writer to the database at a time
        self._backoff = Backoff(random.Random(url), first_s=1.0, most_s=30.0)
        self._not_before = float("-inf")
        self._buffer: list[Reading] = []
        self._dropped = 0
        self._degraded = ""
        self._sealed_s = 0
        self._latest: dict[PointId, Reading] = {}
        try:
            metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                self._numbers = store.load_point_numbers(connection)
                self._latest = self._load_latest(store.newest(connection))
        except (DatabaseError, InterfaceError) as error:
            raise ConfigError(
                f"database {self._engine.url!r}",
                f"cannot be opened ({_reason(error)})",
                "check the path and that it may be written",
            ) from None

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
        if self._monotonic() >= self._not_before and self._writing.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self._writing.release()

    def flush(self) -> bool:
        """Try now to write what is buffered; whether nothing is left."""
        with self._writing:
            return self._flush()

    @property
    def state(self) -> StoreState:
        """Whether storing works, what waits and what had to be let go."""
        with self._lock:
            return StoreState(self._degraded, len(self._buffer), self._dropped)

    def latest(self) -> dict[PointId, Reading]:
        """The last reading of every point ever stored."""
        with self._lock:
            return dict(self._latest)

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        """Means over equal steps from ``start`` (floored to a step) to before ``end``.

        NaN where no usable reading was made; `measured_share` is of the samples that were expected
        from how often the point was sampled that day. Nothing is carried over a gap.
        """
        begin = floor_to(start, step_s)
        steps = max(1, -(-int((end - begin).total_seconds()) // step_s))
        samples = self.samples([p.id for p in site.points], begin, begin + timedelta(seconds=step_s * steps))
        return gridded(site, samples, begin, step_s, steps)

    def samples(self, points: Iterable[PointId], start: datetime, end: datetime) -> dict[PointId, Samples]:
        """Raw readings of points from ``start`` to before ``end``; points without any are left out."""
        self._flush_unless_degraded()
        start_ms, end_ms = _ms(start), _ms(end)
        with self._lock:
            wanted = {self._numbers[p]: p for p in points if p in self._numbers}
        first_hour = start_ms // 1000 // CHUNK_S * CHUNK_S
        with self._looking() as connection:
            numbers = sorted(wanted)
            packed = store.load_chunks(connection, numbers, first_hour, -(-end_ms // 1000))
            live = store.load_recent(connection, numbers, start_ms, end_ms)
        found: dict[PointId, Samples] = {}
        for number, point in wanted.items():
            series = _joined(packed.get(number, []))
            if number in live:
                series = merge(series, live[number]) if len(series) else live[number]
            a, b = np.searchsorted(series.ms, [start_ms, end_ms])
            if b > a:
                found[point] = Samples(series.ms[a:b], series.value[a:b], series.quality[a:b])
        return found

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
            with self._writing, self._engine.begin() as connection:
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

    def import_file(self, path: Path) -> int:
        """Take an interchange file (.parquet or .csv) whole or not at all; the number of rows.

        Raises
        ------
        ConfigError
            If the file is not one, or the database cannot be written.
        """
        return self.keep(read_file(path))

    def export_file(self, path: Path, points: Iterable[PointId], start: datetime, end: datetime) -> int:
        """Write readings to an interchange file (.parquet or .csv); the number of rows.

        Raises
        ------
        ConfigError
            If the file cannot be written.
        """
        return write_file(path, self.samples(points, start, end))

    def rollup(self, points: Iterable[PointId], start: datetime, end: datetime, width_s: int) -> pd.DataFrame:
        """Count, extremes and mean over multiples of ``width_s``, one row an interval with samples.

        Columns point, start, samples, good, usable, low, high, mean (NaN where nothing is usable).
        Quarter hours and hours are stored for sealed hours, and outlive the readings; other widths,
        and the hour that still runs, are made from the readings.
        """
        asked = list(points)
        live_from = self._live_from(start, end) if width_s in WIDTHS_S else start
        frames = [rolled_frame(p, roll(s, width_s)) for p, s in self.samples(asked, live_from, end).items()]
        if live_from > start:
            frames.append(self._stored_rollup(asked, start, live_from, width_s))
        return joined_frame(frames)

    def _live_from(self, start: datetime, end: datetime) -> datetime:
        """The first hour in the span that has readings which are not sealed yet; its end if none."""
        self._flush_unless_degraded()
        with self._looking() as connection:
            first_ms = store.first_recent_ms(connection, _ms(start), _ms(end))
        if first_ms is None:
            return end
        return max(start, datetime.fromtimestamp(first_ms // 1000 // CHUNK_S * CHUNK_S, UTC))

    def _stored_rollup(
        self, points: Iterable[PointId], start: datetime, end: datetime, width_s: int
    ) -> pd.DataFrame:
        with self._lock:
            wanted = {self._numbers[p]: p for p in points if p in self._numbers}
        with self._looking() as connection:
            rows = store.load_rollups(
                connection, sorted(wanted), width_s, int(start.timestamp()), int(end.timestamp())
            )
        return stored_frame(rows, wanted)

    def forget(self, now: datetime) -> None:
        """Apply the retention: thin and delete what has outlived it. Run it daily, off the event loop."""
        keep = self._retention

        def before(days: float) -> int:
            return int((now - timedelta(days=days)).timestamp())

        with self._writing, self._engine.begin() as connection:
            store.thin_before(connection, before(keep.raw))
            store.forget_before(
                connection, before(keep.minutes), {900: before(keep.quarter_hours), 3600: before(keep.hours)}
            )

    def close(self) -> None:
        """Write what can be written and close the database."""
        self.flush()
        self._engine.dispose()

    @contextmanager
    def _looking(self) -> Iterator[Connection]:
        """A connection to read with. In memory there is only the one, which a writer may be using."""
        in_memory = isinstance(self._engine.pool, StaticPool)
        with self._writing if in_memory else nullcontext(), self._engine.connect() as connection:
            yield connection

    def _flush_unless_degraded(self) -> None:
        """Make what was just appended visible to whoever looks."""
        if self._monotonic() >= self._not_before:
            self.flush()

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
        self._seal(max(int(r.time.timestamp()) for r in readings))

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


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _joined(pieces: Sequence[Samples]) -> Samples:
    if not pieces:
        return EMPTY
    return Samples(
        np.concatenate([s.ms for s in pieces]),
        np.concatenate([s.value for s in pieces]),
        np.concatenate([s.quality for s in pieces]),
    )


def _last(point: PointId, samples: Samples) -> Reading:
    time = datetime.fromtimestamp(int(samples.ms[-1]) / 1000, UTC)
    return Reading(point, time, float(samples.value[-1]), QUALITIES[int(samples.quality[-1])])


def _reason(error: DatabaseError | InterfaceError) -> str:
    return str(error.orig or error).strip().splitlines()[0]
