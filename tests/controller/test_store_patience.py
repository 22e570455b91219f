"""A database that others keep locked: who reads waits for nobody, who writes has waited once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from end_to_end.postgres import postgres_server
from sqlalchemy import create_engine, event, text

from controller.audit import AuditLog
from controller.store import Store, StoreUnavailable, sqlite_url
from plant.errors import BrokenPromise

NOW = datetime(2026, 7, 1, tzinfo=UTC)
WAIT_S = 0.2


class Case:
    """A store with one record in it, and somebody else who can lock it."""

    def __init__(self, url: str, locked: Callable[[], AbstractContextManager[None]]) -> None:
        self.store = Store(url, lock_wait_s=WAIT_S)
        self.locked = locked
        self.audit = AuditLog(self.store)
        self.audit.record("note", "eve", {"n": 1}, NOW)
        self.waits = 0
        event.listen(self.store._engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cur: object, statement: str, *_: object) -> None:
        waits = statement.startswith(("BEGIN IMMEDIATE", "SELECT pg_advisory"))
        self.waits += waits and threading.current_thread() is threading.main_thread()

    def write(self) -> bool:
        try:
            self.audit.record("note", "eve", {"n": 2}, NOW)
        except StoreUnavailable:
            return False
        return True


def locked_file(file: Path) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    return locked


def locked_server(url: str) -> Callable[[], AbstractContextManager[None]]:
    """By what the command line does while it writes (see `controller.store`)."""

    @contextmanager
    def locked() -> Iterator[None]:
        with create_engine(url).begin() as other:
            other.execute(text(f"SELECT pg_advisory_xact_lock({0x436F6F6C})"))
            yield

    return locked


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


def fresh_database(server: str) -> str:
    name = f"d{uuid4().hex}"
    with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "sqlite":
        made = Case(sqlite_url(tmp_path / "c.db"), locked_file(tmp_path / "c.db"))
    else:
        url = fresh_database(request.getfixturevalue("server"))
        made = Case(url, locked_server(url))
    yield made
    made.store.close()


def test_the_first_wait_in_vain_is_the_last_until_the_database_answers(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    with case.locked():
        assert [case.write() for _ in range(20)] == [False] * 20
        assert case.waits == 1
        assert not case.store.writable
        assert [r.what["n"] for r in case.audit.tail()] == [1], "who reads waits for no writer"
        assert case.audit.verify() is None
    assert any(case.store.writable or time.sleep(0.05) for _ in range(600)), "it was asked meanwhile"
    assert any(case.write() or time.sleep(0.05) for _ in range(600))
    assert [r.what["n"] for r in case.audit.tail()] == [2, 1]
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2, "lost and found again, each once"


def test_a_refusal_that_comes_at_once_is_tried_again_at_once(case: Case) -> None:
    with pytest.raises(StoreUnavailable), case.store.transaction() as tx:
        tx.execute(text("INSERT INTO nowhere VALUES (1)"))
    assert not case.store.writable
    assert case.write()
    assert case.store.writable


def test_on_a_full_disk_a_transaction_that_writes_nothing_proves_nothing(tmp_path: Path) -> None:
    store = Store(sqlite_url(tmp_path / "c.db"))

    def write(letters: int) -> bool:
        try:
            store.save_plan("P", NOW, {"why": "x" * letters})
        except StoreUnavailable:
            return False
        return True

    def room_for(pages: int) -> None:
        with store._engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    room_for(1)  # SQLite takes it for the pages there are
    assert [write(10**6) for _ in range(2)] == [False, False]
    for _ in range(20):
        with store.transaction():
            assert store.plan("P") is None
    assert not store.writable, "it was looked at, and nothing was written"
    room_for(10**6)
    assert write(10**6)
    assert store.writable
    store.close()


def test_who_only_looks_cannot_begin_to_write_half_way(case: Case) -> None:
    with case.store.reading(), pytest.raises(BrokenPromise):
        case.audit.record("note", "eve", {"n": 2}, NOW)
    with case.store.transaction():
        assert case.audit.record("note", "eve", {"n": 2}, NOW).seq == 2
        assert case.audit.head().seq == 2, "a reading inside a transaction is of that transaction"


def test_a_reading_is_of_one_instant(case: Case) -> None:
    with closing(Store(case.store.url)) as other, case.store.reading():
        assert case.audit.head().seq == 1
        AuditLog(other).record("note", "adam", {"n": 3}, NOW)
        assert case.audit.head().seq == 1
        assert len(case.audit.tail()) == 1
    assert case.audit.head().seq == 2
