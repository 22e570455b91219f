"""The historian's tables and its engine. The same definitions for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from plant.errors import ConfigError

metadata = MetaData()

points = Table(
    "history_points",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
)

# The key begins with the time: live rows then land at the end of the tree. Beginning with the
# point costs eight times as much per poll (measured; design notes on storage).
recent = Table(
    "history_recent",
    metadata,
    Column("ms", BigInteger, primary_key=True),
    Column("point", Integer, primary_key=True),
    Column("value", Double),
    Column("quality", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Readings of the last hour or two, as they came; NULL is NaN."""

chunks = Table(
    "history_chunks",
    metadata,
    Column("point", Integer, primary_key=True),
    Column("start_s", BigInteger, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Whole hours of one point, packed (`chunks.pack`)."""

rollups = Table(
    "history_rollups",
    metadata,
    Column("width_s", Integer, primary_key=True),
    Column("point", Integer, primary_key=True),
    Column("start_s", BigInteger, primary_key=True),
    Column("samples", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("usable", Integer, nullable=False),
    Column("low", Double),
    Column("high", Double),
    Column("mean", Double),
    sqlite_with_rowid=False,
)
"""Count, extremes and mean over 15 minutes and over an hour, in plain columns for other tools."""


def open_engine(url: str, *, patience_s: float = 2.0) -> Engine:
    """An engine for one database, its tables made where they are not.

    Raises
    ------
    ConfigError
        If the URL is not one, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        in_memory = parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")
        options: dict[str, Any] = {}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": patience_s, "check_same_thread": False}
        if parsed.get_backend_name() == "postgresql":
            # A server that went away is found out before a statement, and soon.
            options["pool_pre_ping"] = True
            options["connect_args"] = {"connect_timeout": max(2, round(patience_s))}
        if in_memory:
            options["poolclass"] = StaticPool
        engine = create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"database URL {url!r}",
            f"cannot be used ({error})",
            "use sqlite:///file.db, or postgresql+psycopg://… with the extra 'postgres'",
        ) from None
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # WAL lets a report read while polls are written; NORMAL may lose the last second of telemetry
    # in a power cut, never the file. What must never be lost (audit) lives in the controller's store.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
