"""TimescaleDB, where a PostgreSQL server has it: partitions by time, compression, whole partitions dropped.

Everything else is the same SQL. Without the extension nothing here is done and nothing is lost but
speed: the packed hours are as small either way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from telemetry.historian.tables import chunks, rollups

_log = logging.getLogger(__name__)

_OLDEST = (2, 13)
"""`by_range` came with TimescaleDB 2.13; an older one is used as plain PostgreSQL."""
_DAY_S = 86_400
_PARTITION_S = {chunks.name: 7 * _DAY_S, rollups.name: 90 * _DAY_S}
"""The span of one partition. [s] A year of rollups is then four, of packed hours 52."""
_COMPRESS_AFTER_S = 180 * _DAY_S
"""Rollups older than this are not written any more but by an import, and are compressed. [s]"""


PARTITIONS = tuple(
    f"SELECT create_hypertable('{name}', by_range('start_s', CAST({span_s} AS bigint)),"
    " if_not_exists => TRUE, migrate_data => TRUE)"
    for name, span_s in _PARTITION_S.items()
)
COMPRESSION = (
    # Our times are integers; policies have to be told what "now" is.
    "CREATE OR REPLACE FUNCTION history_now_s() RETURNS bigint LANGUAGE sql STABLE"
    " AS $$ SELECT CAST(extract(epoch FROM now()) AS bigint) $$",
    f"SELECT set_integer_now_func('{rollups.name}', 'history_now_s', replace_if_exists => TRUE)",
    f"ALTER TABLE {rollups.name} SET (timescaledb.compress,"
    " timescaledb.compress_segmentby = 'width_s, point', timescaledb.compress_orderby = 'start_s')",
    f"SELECT add_compression_policy('{rollups.name}', CAST({_COMPRESS_AFTER_S} AS bigint),"
    " if_not_exists => TRUE)",
)


@dataclass(frozen=True, slots=True)
class Timescale:
    """The extension of one database; `version` as (major, minor)."""

    version: tuple[int, int]

    def set_up(self, connection: Connection) -> bool:
        """Partition the two tables that grow, and compress old rollups. Repeating it changes nothing.

        False where the extension refuses the partitions: the tables stay plain, and a log line says
        so. A build under the Apache license has no compression: then there is none, and that is said.
        """
        if not _done(connection, PARTITIONS, "history is kept in plain tables, TimescaleDB refused"):
            return False
        _done(connection, COMPRESSION, "history stays uncompressed by TimescaleDB")
        return True

    def drop_before(self, connection: Connection, before_s: int) -> None:
        """Drop whole partitions of packed hours that end before ``before_s``, which deletes no row singly."""
        statement = text("SELECT drop_chunks(CAST(:relation AS regclass), CAST(:before_s AS bigint))")
        connection.execute(statement, {"relation": chunks.name, "before_s": before_s})


def _done(connection: Connection, statements: Sequence[str], otherwise: str) -> bool:
    """All of them or none: history must be written whatever an extension says."""
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.execute(text(statement))
    except DatabaseError as error:
        _log.warning("%s: %s", otherwise, str(error.orig).splitlines()[0])
        return False
    return True


def timescale_of(connection: Connection) -> Timescale | None:
    """The extension of this database; None for SQLite, plain PostgreSQL or one that is too old."""
    if connection.dialect.name != "postgresql":
        return None
    found = connection.execute(
        text("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    ).scalar()
    if found is None:
        return None
    major, minor = (int(part) for part in str(found).split("-")[0].split(".")[:2])
    return Timescale((major, minor)) if (major, minor) >= _OLDEST else None
