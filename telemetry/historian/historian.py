"""The historian itself: append, look back, exchange. It degrades and says so; it never stops control."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool

from plant.history import History
from plant.points import PointId
from plant.readings import Reading
from plant.site import Site
from plant.timegrid import floor_to
from telemetry.historian import store
from telemetry.historian.chunks import CHUNK_S, EMPTY, Samples, merge
from telemetry.historian.interchange import read_file, write_file
from telemetry.historian.rollup import WIDTHS_S, roll
from telemetry.historian.tables import open_engine
from telemetry.historian.views import gridded, joined_frame, rolled_frame, stored_frame
from telemetry.historian.writer import StoreState, Writer


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
        self._writer = Writer(self._engine, monotonic)

    def append(self, readings: Sequence[Reading]) -> None:
        """Store live readings in one transaction; where that fails, keep them and try again later.

        Never raises for a database that is locked, full or away (see `state`), and never waits for
        another thread that is just finding that out.
        """
        self._writer.append(readings)

    def flush(self) -> bool:
        """Try now to write what is buffered; whether nothing is left."""
        return self._writer.flush()

    def keep(self, samples: Mapping[PointId, Samples]) -> int:
        """Store many readings at once, whole or not at all (imports, backfill); the number of them.

        Raises
        ------
        ConfigError
            If the database cannot be written.
        """
        return self._writer.keep(samples)

    @property
    def state(self) -> StoreState:
        """Whether storing works, what waits and what had to be let go."""
        return self._writer.state

    def latest(self) -> dict[PointId, Reading]:
        """The last reading of every point ever stored."""
        return self._writer.latest()

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
        self._writer.flush_unless_degraded()
        start_ms, end_ms = _ms(start), _ms(end)
        known = self._writer.numbers
        wanted = {known[p]: p for p in points if p in known}
        first_hour = start_ms // 1000 // CHUNK_S * CHUNK_S
        with self._looking() as connection:
            numbers = sorted(wanted)
            # In this order, an hour that is sealed meanwhile is seen twice and not missed.
            live = store.load_recent(connection, numbers, start_ms, end_ms)
            packed = store.load_chunks(connection, numbers, first_hour, -(-end_ms // 1000))
        found: dict[PointId, Samples] = {}
        for number, point in wanted.items():
            series = _joined(packed.get(number, []))
            if number in live:
                series = merge(series, live[number]) if len(series) else live[number]
            a, b = np.searchsorted(series.ms, [start_ms, end_ms])
            if b > a:
                found[point] = Samples(series.ms[a:b], series.value[a:b], series.quality[a:b])
        return found

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
        self._writer.flush_unless_degraded()
        with self._looking() as connection:
            first_ms = store.first_recent_ms(connection, _ms(start), _ms(end))
        if first_ms is None:
            return end
        return max(start, datetime.fromtimestamp(first_ms // 1000 // CHUNK_S * CHUNK_S, UTC))

    def _stored_rollup(
        self, points: Iterable[PointId], start: datetime, end: datetime, width_s: int
    ) -> pd.DataFrame:
        known = self._writer.numbers
        wanted = {known[p]: p for p in points if p in known}
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

        with self._writer.writing, self._engine.begin() as connection:
            if self._writer.timescale is not None:
                self._writer.timescale.drop_before(connection, before(keep.minutes))
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
        with self._writer.writing if in_memory else nullcontext(), self._engine.connect() as connection:
            yield connection


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
