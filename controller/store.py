"""The controller's memory: one database that survives being killed at any moment.

SQLite in WAL mode with full synchronization unless another database is named. Domain modules
(the desk, the audit log, …) own their tables' meaning; this file owns transactions.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from controller.canonical import Json, canonical, instant, stamp
from controller.tables import LEDGER, METADATA, PLANS, SNAPSHOTS
from plant.errors import ConfigError

StoreUnavailable = SQLAlchemyError
"""What a transaction raises when the database is gone; the few who must go on without it catch it."""


_LOCK = 0x436F6F6C
"""The advisory lock that stands for this store in PostgreSQL ("Cool")."""


LOCK_WAIT_S = 2.0
"""How long a transaction waits for somebody else's lock. The heartbeat must not wait longer."""
SILENCE_S = 2.0
"""After a wait in vain nobody waits again for so long: everything else goes on meanwhile."""


class Store:
    """One database. Transactions are serialized in this process and never span an await."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        self._lock = threading.RLock()
        self._open: Connection | None = None
        self._silent_until = 0.0
        try:
            METADATA.create_all(self._engine)
            _add_missing_columns(self._engine)
        except OperationalError as error:
            raise ConfigError(
                f"store {make_url(url).render_as_string()}",
                f"cannot be opened ({error.orig})",
                "give a writable path or a reachable database",
            ) from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. Inside another transaction of this thread it joins that one."""
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            began = time.monotonic()
            if began < self._silent_until:
                raise SQLAlchemyError("the database did not answer a moment ago")
            try:
                with self._engine.begin() as connection:
                    self._open = connection
                    try:
                        yield connection
                    finally:
                        self._open = None
            except OperationalError:
                # A quick refusal costs nothing to try again; a long wait would stall everything else.
                if time.monotonic() - began > LOCK_WAIT_S / 2:
                    self._silent_until = time.monotonic() + SILENCE_S
                raise

    def rows(self, query: Any) -> Sequence[Mapping[str, Any]]:
        """All rows of a select, as mappings."""
        with self.transaction() as tx:
            return [dict(row) for row in tx.execute(query).mappings()]

    def close(self) -> None:
        """Give the connections back. Nothing is lost without it."""
        self._engine.dispose()

    def append_ledger(self, row: Mapping[str, object], at: datetime) -> None:
        """Add one accounting row."""
        with self.transaction() as tx:
            tx.execute(insert(LEDGER).values(at=stamp(at), payload=canonical(row)))

    def ledger(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[tuple[datetime, dict[str, Json]]]:
        """Accounting rows with ``since <= at < until``, oldest first."""
        query = select(LEDGER.c.at, LEDGER.c.payload).order_by(LEDGER.c.id)
        if since is not None:
            query = query.where(LEDGER.c.at >= stamp(since))
        if until is not None:
            query = query.where(LEDGER.c.at < stamp(until))
        return [(instant(r["at"]), json.loads(r["payload"])) for r in self.rows(query)]

    def ledger_totals(self) -> dict[str, float]:
        """The sum of every numeric field over all rows; a missing value adds nothing."""
        totals: dict[str, float] = {}
        for _, row in self.ledger():
            for name, value in row.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    totals[name] = totals.get(name, 0.0) + value
        return totals

    def save_snapshot(self, at: datetime, payload: Mapping[str, object]) -> None:
        """Keep a compact picture of the site at ``at`` (the last one written wins)."""
        with self.transaction() as tx:
            tx.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.at == stamp(at)))
            tx.execute(insert(SNAPSHOTS).values(at=stamp(at), payload=canonical(payload)))

    def save_plan(self, plan_id: str, at: datetime, payload: Mapping[str, object]) -> None:
        """Keep a plan under its id (the last one written wins)."""
        with self.transaction() as tx:
            tx.execute(delete(PLANS).where(PLANS.c.id == plan_id))
            tx.execute(insert(PLANS).values(id=plan_id, at=stamp(at), payload=canonical(payload)))

    def plan(self, plan_id: str) -> dict[str, Json] | None:
        """A kept plan's record, or None."""
        rows = self.rows(select(PLANS.c.payload).where(PLANS.c.id == plan_id))
        return json.loads(rows[0]["payload"]) if rows else None

    def prune(self, before: datetime) -> None:
        """Drop snapshots and plans older than ``before``. Audit, proposals and commands stay."""
        with self.transaction() as tx:
            tx.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.at < stamp(before)))
            tx.execute(delete(PLANS).where(PLANS.c.at < stamp(before)))


def sqlite_url(path: object) -> str:
    """The store URL of a SQLite file."""
    return f"sqlite:///{path}"


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "store", "is not a database URL", "write for example sqlite:///coolwright.db"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, pool_pre_ping=True)
        if parsed.get_backend_name() == "postgresql":
            event.listen(engine, "begin", _begin_alone)
        return engine
    in_memory = parsed.database in (None, "", ":memory:")
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": LOCK_WAIT_S}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _add_missing_columns(engine: Engine) -> None:
    """A database of an earlier release gets the columns it lacks; each is nullable or has a default."""
    known = inspect(engine)
    for table in METADATA.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                told = CreateColumn(column).compile(dialect=engine.dialect)
                with engine.begin() as connection:
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {told}"))


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling begins too late for read-then-write; we begin ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_alone(connection: Connection) -> None:
    # The command line may write beside the service; the audit chain wants one writer at a time.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
