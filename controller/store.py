"""The controller's memory: one database that survives being killed at any moment.

SQLite in WAL mode with full synchronization unless another database is named. Domain modules
(the desk, the audit log, …) own their tables' meaning; this file owns transactions.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from controller.canonical import Json, canonical, instant, stamp
from controller.patience import Patience
from controller.tables import AUDIT_HEAD, LEDGER, METADATA, PLANS, SNAPSHOTS
from plant.errors import BrokenPromise, ConfigError

StoreUnavailable = SQLAlchemyError
"""What a transaction raises when the database is gone; the few who must go on without it catch it."""


_LOCK = 0x436F6F6C
"""The advisory lock that stands for this store in PostgreSQL ("Cool")."""


LOCK_WAIT_S = 2.0
"""How long a transaction waits for somebody else's lock. The heartbeat must not wait longer."""
_READS = "coolwright_reads"
"""The option of a connection that only looks."""


class Store:
    """One database. Transactions are serialized in this process and never span an await.

    Who writes waits for other writers, once (see `patience`); who only reads waits for nobody.
    """

    def __init__(self, url: str, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self.url = url
        self._engine = _engine(url, lock_wait_s)
        self._readers = self._engine.execution_options(**{_READS: True})
        self._lock = threading.RLock()
        self._open: Connection | None = None
        self._changed = False
        """Whether the transaction that is open, or was last, has written anything."""
        event.listen(self._engine, "before_cursor_execute", self._note_writes)
        self._writing = Patience("writing to", lambda: _look(self._engine), lock_wait_s)
        self._reading = Patience("reading from", lambda: _look(self._readers), lock_wait_s)
        try:
            METADATA.create_all(self._engine)
            _add_missing_columns(self._engine)
        except OperationalError as error:
            raise ConfigError(
                f"store {make_url(url).render_as_string()}",
                f"cannot be opened ({error.orig})",
                "give a writable path or a reachable database",
            ) from None

    @property
    def writable(self) -> bool:
        """Whether the last one who wanted to write could."""
        return self._writing.answered

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. Inside another transaction of this thread it joins that one."""
        with self._lock:
            if self._open is not None:
                if _READS in self._open.get_execution_options():
                    raise BrokenPromise("who only looks at the store cannot begin to write half-way")
                yield self._open
                return
            self._changed = False
            # On a full disk a transaction that writes nothing goes well.
            proven = self._writing.once(lambda: self._changed)
            with proven, self._engine.begin() as connection, self._as_open(connection):
                yield connection

    def _note_writes(self, _connection: object, _cursor: object, statement: str, *_more: object) -> None:
        self._changed |= statement.startswith(("INSERT", "UPDATE", "DELETE"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The store as it is at one instant, whoever writes meanwhile. Inside a transaction it joins that."""
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            with self._reading.once(), self._readers.begin() as connection, self._as_open(connection):
                yield connection

    def rows(self, query: Any) -> Sequence[Mapping[str, Any]]:
        """All rows of a select, as mappings."""
        with self.reading() as now:
            return [dict(row) for row in now.execute(query).mappings()]

    def close(self) -> None:
        """Give the connections back. Nothing is lost without it."""
        self._writing.end()
        self._reading.end()
        self._engine.dispose()

    @contextmanager
    def _as_open(self, connection: Connection) -> Iterator[None]:
        self._open = connection
        try:
            yield
        finally:
            self._open = None

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


def _engine(url: str, lock_wait_s: float) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "store", "is not a database URL", "write for example sqlite:///coolwright.db"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        # A server that went away is found out before a statement, and soon.
        patience_ms = max(1000, round(lock_wait_s * 1000))
        soon = {"connect_timeout": max(2, round(lock_wait_s)), "tcp_user_timeout": patience_ms}
        postgres = parsed.get_backend_name() == "postgresql"
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=soon if postgres else {})
        if postgres:
            event.listen(engine, "begin", _postgres_begins(lock_wait_s))
        return engine
    in_memory = parsed.database in (None, "", ":memory:")
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": lock_wait_s}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _look(engine: Engine) -> None:
    """Begin as the engine's users do, and read something."""
    with engine.begin() as connection:
        connection.execute(select(AUDIT_HEAD.c.seq)).all()


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


def _postgres_begins(lock_wait_s: float) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        if _READS in connection.get_execution_options():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(lock_wait_s * 1000))}")
        # The command line may write beside the service; the audit chain wants one writer at a time.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    return begin


def _begin_sqlite(connection: Connection) -> None:
    # In WAL mode who only reads sees the last state that was whole, and waits for no writer.
    reads = _READS in connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
