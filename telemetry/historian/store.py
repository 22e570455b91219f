"""SQL of the historian, one function a statement or two. Nothing here keeps anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from plant.points import PointId
from telemetry.historian.chunks import CHUNK_S, Samples, hours, merge, pack, unpack
from telemetry.historian.rollup import WIDTHS_S, minute_means, roll
from telemetry.historian.tables import chunks, points, recent, rollups

Row = Mapping[str, object]
_MOST_PARAMETERS = 500


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; one with the same key replaces the old."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if column.name not in keys]
    make = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(table)
    replaced = {name: statement.excluded[name] for name in rest}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), list(rows))


def load_point_numbers(connection: Connection) -> dict[PointId, int]:
    """The number of every point there is."""
    return {PointId(name): number for number, name in connection.execute(select(points.c.id, points.c.name))}


def add_points(connection: Connection, names: Iterable[PointId]) -> dict[PointId, int]:
    """Number new points; the numbers of all."""
    known = load_point_numbers(connection)
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        connection.execute(insert(points), [{"name": name} for name in new])
        known = load_point_numbers(connection)
    return known


def load_chunks(
    connection: Connection, numbers: Sequence[int] | None, start_s: int, end_s: int
) -> dict[int, list[Samples]]:
    """Packed hours that begin in ``start_s`` to ``end_s``, by point, in time order."""
    found: dict[int, list[Samples]] = {}
    for group in _groups(numbers):
        query = select(chunks.c.point, chunks.c.data).where(
            chunks.c.start_s >= start_s, chunks.c.start_s < end_s
        )
        if group is not None:
            query = query.where(chunks.c.point.in_(group))
        for number, data in connection.execute(query.order_by(chunks.c.point, chunks.c.start_s)):
            found.setdefault(number, []).append(unpack(data))
    return found


def load_recent(
    connection: Connection, numbers: Sequence[int] | None, start_ms: int, end_ms: int
) -> dict[int, Samples]:
    """Live rows, by point, in time order."""
    query = select(recent.c.point, recent.c.ms, recent.c.value, recent.c.quality).where(
        recent.c.ms >= start_ms, recent.c.ms < end_ms
    )
    rows = connection.execute(query).all()
    if not rows:
        return {}
    number, ms, value, quality = (list(column) for column in zip(*rows, strict=True))
    by_point = _by_point(
        np.array(number, np.int64),
        np.array(ms, np.int64),
        np.array([np.nan if v is None else v for v in value], float),
        np.array(quality, np.uint8),
    )
    wanted = None if numbers is None else set(numbers)
    return {n: s for n, s in by_point.items() if wanted is None or n in wanted}


def keep_hours(connection: Connection, samples: Mapping[int, Samples]) -> None:
    """Add samples to their packed hours, and renew the rollups of those hours."""
    held = _held_hours(connection, samples)
    packed: list[Row] = []
    rolled: list[Row] = []
    for number, series in samples.items():
        whole = series
        if number in held:
            # An hour that exists is unpacked, joined with the new and packed again.
            touched = {start for start, _ in hours(series)}
            for start, old in held[number].items():
                if start in touched:
                    whole = merge(old, whole)
        packed += [
            {"point": number, "start_s": start, "n": len(hour), "data": pack(hour)}
            for start, hour in hours(whole)
        ]
        for width_s in WIDTHS_S:
            rolled += roll(whole, width_s).rows(width_s, number)
    upsert(connection, chunks, packed)
    upsert(connection, rollups, rolled)


def seal_before(connection: Connection, before_s: int) -> int:
    """Pack live rows older than ``before_s``; the number of rows."""
    samples = load_recent(connection, None, -(2**62), before_s * 1000)
    if not samples:
        return 0
    keep_hours(connection, samples)
    connection.execute(delete(recent).where(recent.c.ms < before_s * 1000))
    return sum(len(s) for s in samples.values())


def load_rollups(
    connection: Connection, numbers: Sequence[int], width_s: int, start_s: int, end_s: int
) -> list[tuple[object, ...]]:
    """Stored rollups in no order: the columns of the table after its width."""
    columns = [column for column in rollups.c if column.name != "width_s"]
    found: list[tuple[object, ...]] = []
    for group in _groups(numbers):
        query = select(*columns).where(
            rollups.c.width_s == width_s,
            rollups.c.point.in_(group or ()),
            rollups.c.start_s >= start_s,
            rollups.c.start_s < end_s,
        )
        found += [
            tuple(row) for row in connection.execute(query.order_by(rollups.c.point, rollups.c.start_s))
        ]
    return found


def first_recent_ms(connection: Connection, start_ms: int, end_ms: int) -> int | None:
    """The time of the first live row in a span."""
    query = select(func.min(recent.c.ms)).where(recent.c.ms >= start_ms, recent.c.ms < end_ms)
    return connection.execute(query).scalar()


def thin_before(connection: Connection, before_s: int, *, most: int = 20_000) -> int:
    """Leave one mean a minute of packed hours older than ``before_s``; how many were thinned.

    At most ``most`` hours at a time, so that nobody waits long for the database.
    """
    query = select(chunks.c.point, chunks.c.start_s, chunks.c.data).where(
        chunks.c.start_s < before_s, chunks.c.n > CHUNK_S // 60
    )
    thinned: list[Row] = []
    for number, start_s, data in connection.execute(query.limit(most)):
        means = minute_means(unpack(data))
        thinned.append({"point": number, "start_s": start_s, "n": len(means), "data": pack(means)})
    upsert(connection, chunks, thinned)
    return len(thinned)


def forget_before(connection: Connection, raw_before_s: int, rollups_before_s: Mapping[int, int]) -> None:
    """Delete packed hours and rollups that have outlived their use."""
    connection.execute(delete(chunks).where(chunks.c.start_s < raw_before_s))
    connection.execute(delete(recent).where(recent.c.ms < raw_before_s * 1000))
    for width_s, before_s in rollups_before_s.items():
        connection.execute(delete(rollups).where(rollups.c.width_s == width_s, rollups.c.start_s < before_s))


def newest(connection: Connection) -> dict[int, Samples]:
    """The last sample of each point."""
    last = (
        select(chunks.c.point, func.max(chunks.c.start_s).label("start_s"))
        .group_by(chunks.c.point)
        .subquery()
    )
    join = chunks.join(last, (chunks.c.point == last.c.point) & (chunks.c.start_s == last.c.start_s))
    found = {
        number: unpack(data)
        for number, data in connection.execute(select(chunks.c.point, chunks.c.data).select_from(join))
    }
    for number, live in load_recent(connection, None, -(2**62), 2**62).items():
        found[number] = merge(found[number], live) if number in found else live
    return found


def _held_hours(connection: Connection, samples: Mapping[int, Samples]) -> dict[int, dict[int, Samples]]:
    start_s = min((int(s.ms[0]) for s in samples.values()), default=0) // 1000 - 3600
    end_s = max((int(s.ms[-1]) for s in samples.values()), default=0) // 1000 + 1
    held: dict[int, dict[int, Samples]] = {}
    for number, pieces in load_chunks(connection, sorted(samples), start_s, end_s).items():
        held[number] = {start: hour for piece in pieces for start, hour in hours(piece)}
    return held


def _by_point(
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    ms: np.ndarray[tuple[int], np.dtype[np.int64]],
    value: np.ndarray[tuple[int], np.dtype[np.float64]],
    quality: np.ndarray[tuple[int], np.dtype[np.uint8]],
) -> dict[int, Samples]:
    order = np.lexsort((ms, number))
    number, ms, value, quality = number[order], ms[order], value[order], quality[order]
    names, first = np.unique(number, return_index=True)
    bounds = [*first.tolist(), len(number)]
    return {
        int(name): Samples(ms[a:b], value[a:b], quality[a:b])
        for name, a, b in zip(names, bounds, bounds[1:], strict=False)
    }


def _groups(numbers: Sequence[int] | None) -> list[Sequence[int] | None]:
    if numbers is None:
        return [None]
    return [numbers[i : i + _MOST_PARAMETERS] for i in range(0, len(numbers), _MOST_PARAMETERS)]
