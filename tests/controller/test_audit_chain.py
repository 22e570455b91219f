"""An altered, missing, moved or cut-off audit record is found."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update
from supervision_kit import START

from controller.audit import AuditHead, AuditLog
from controller.store import Store, sqlite_url
from controller.tables import AUDIT, AUDIT_HEAD


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(sqlite_url(tmp_path / "audit.db"))


@pytest.fixture
def log(store: Store) -> AuditLog:
    audit = AuditLog(store)
    for i in range(6):
        audit.record(
            "test.event", f"person-{i % 2}", {"i": i, "why": "because"}, START + timedelta(minutes=i)
        )
    return audit


def test_an_untouched_log_is_in_order(log: AuditLog) -> None:
    assert log.verify() is None
    assert log.head().seq == 6
    assert [r.seq for r in log.tail(2)] == [6, 5]


def test_an_empty_log_is_in_order(store: Store) -> None:
    assert AuditLog(store).verify() is None


@pytest.mark.parametrize("column", ["what", "who", "at", "kind"])
def test_an_altered_record_is_found(log: AuditLog, store: Store, column: str) -> None:
    with store.transaction() as tx:
        tx.execute(
            text(f"UPDATE audit SET {column} = replace({column}, substr({column}, 1, 1), 'x') WHERE seq = 3")
        )
    finding = log.verify()
    assert finding is not None
    assert finding.seq == 3


@pytest.mark.parametrize("seq", [1, 4])
def test_a_missing_record_is_found(log: AuditLog, store: Store, seq: int) -> None:
    with store.transaction() as tx:
        tx.execute(delete(AUDIT).where(AUDIT.c.seq == seq))
    finding = log.verify()
    assert finding is not None
    assert finding.seq == seq


def test_two_records_that_changed_places_are_found(log: AuditLog, store: Store) -> None:
    with store.transaction() as tx:
        for before, after in ((2, 99), (3, 2), (99, 3)):
            tx.execute(update(AUDIT).where(AUDIT.c.seq == before).values(seq=after))
    finding = log.verify()
    assert finding is not None
    assert finding.seq == 2


def test_a_log_cut_off_at_the_end_is_found(log: AuditLog, store: Store) -> None:
    with store.transaction() as tx:
        tx.execute(delete(AUDIT).where(AUDIT.c.seq > 4))
    finding = log.verify()
    assert finding is not None
    assert "ends at 4" in finding.problem


def test_a_forger_who_also_mends_the_head_is_found_by_an_anchor(log: AuditLog, store: Store) -> None:
    anchor = log.head()
    four = log.tail(10)[2]
    with store.transaction() as tx:
        tx.execute(delete(AUDIT).where(AUDIT.c.seq > four.seq))
        tx.execute(update(AUDIT_HEAD).values(seq=four.seq, hash=four.hash))
    assert log.verify() is None  # inside the database nothing is left to see
    finding = log.verify(anchor)
    assert finding is not None
    assert finding.seq == 6
    assert log.verify(AuditHead(four.seq, four.hash)) is None


def test_a_record_and_the_change_it_tells_of_stand_or_fall_together(log: AuditLog, store: Store) -> None:
    class Crash(Exception):
        pass

    def half_done() -> None:
        with store.transaction():
            log.record("test.event", "eve", {"half": True}, START)
            raise Crash

    with pytest.raises(Crash):
        half_done()
    assert log.head().seq == 6
    assert log.verify() is None


def test_threads_that_write_at_once_keep_one_chain(log: AuditLog) -> None:
    def write() -> None:
        for i in range(20):
            log.record("test.thread", threading.current_thread().name, {"i": i}, START)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.head().seq == 86
    assert log.verify() is None
