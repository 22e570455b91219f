"""An altered, missing, moved or cut-off audit record is found."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import delete, select, text, update
from supervision_kit import START, HandClock

from controller.alarms import AlarmBook, AlarmKind
from controller.anchors import AnchorFile, Anchoring, beside_database
from controller.audit import AuditLog, _seal
from controller.cli.audit import verify
from controller.settings import Settings
from controller.store import Store, sqlite_url
from controller.tables import AUDIT, AUDIT_HEAD
from plant.errors import ConfigError


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
    head = log.head()
    four = log.tail(10)[2]
    with store.transaction() as tx:
        tx.execute(delete(AUDIT).where(AUDIT.c.seq > four.seq))
        tx.execute(update(AUDIT_HEAD).values(seq=four.seq, hash=four.hash))
    assert log.verify() is None  # inside the database nothing is left to see
    finding = log.verify({head.seq: head.hash})
    assert finding is not None
    assert finding.seq == 6
    assert log.verify({four.seq: four.hash}) is None


def forge(store: Store) -> None:
    """The whole chain written anew with one word changed: within itself it is perfect."""
    with store.transaction() as tx:
        records = store.rows(select(AUDIT).order_by(AUDIT.c.seq))
        previous = "0" * 64
        for r in records:
            what = r["what"].replace("because", "no reason")
            sealed = _seal(r["seq"], r["at"], r["kind"], "adam", what, previous)
            row = {"who": "adam", "what": what, "previous": previous, "hash": sealed}
            tx.execute(update(AUDIT).where(AUDIT.c.seq == r["seq"]).values(**row))
            previous = sealed
        tx.execute(update(AUDIT_HEAD).values(hash=previous))


async def test_a_whole_database_written_anew_is_found_by_the_anchor_file_and_by_nothing_else(
    log: AuditLog, store: Store, tmp_path: Path
) -> None:
    file, alarms = AnchorFile(tmp_path / "away" / "audit.anchor"), AlarmBook(store, log)
    watch = Anchoring(log, alarms, file, HandClock())
    await watch.note()
    log.record("test.event", "eve", {"n": 99}, START)
    await watch.note()
    assert len(file.read()) == 2
    assert log.verify(file.read()) is None
    forge(store)
    assert log.verify() is None
    finding = log.verify(file.read())
    assert finding is not None
    assert finding.problem == "is not the record that was anchored"
    await watch.note()
    assert [a.kind for a in alarms.standing(START)] == [AlarmKind.AUDIT_BROKEN]
    assert len(file.read()) == 2, "a broken log is not anchored"


def test_the_command_line_verifies_against_the_anchor_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, path = sqlite_url(tmp_path / "c.db"), tmp_path / "audit.anchor"
    store = Store(url)
    log = AuditLog(store)
    log.record("test.event", "eve", {"n": 1}, START)
    AnchorFile(path).append(log.head(), "2026-03-01T10:00:00+00:00")
    verify(url, path)
    assert "all of 1 anchors" in capsys.readouterr().out
    forge(store)
    with pytest.raises(typer.Exit) as left:
        verify(url, path)
    assert left.value.exit_code == 1
    path.write_text("nonsense\n")
    with pytest.raises(ConfigError, match="line 1 is not an anchor"):
        verify(url, path)


def test_unless_told_the_anchor_is_not_kept_with_the_database_and_no_two_databases_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    urls = [sqlite_url(tmp_path / name / "coolwright.sqlite") for name in ("north", "south")]
    urls += ["postgresql://u:secret@db.example/north", "postgresql://u:other@db.example/south"]
    files = [Settings(database=url).anchor_file for url in urls]
    assert len(set(files)) == 4
    assert {file.parent for file in files} == {tmp_path / "state" / "coolwright"}
    changed = Settings(database="postgresql://v:new@db.example/north").anchor_file
    assert changed == files[2], "another password is not another database"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert tmp_path / "home" / ".local" / "state" in Settings(database=urls[0]).anchor_file.parents
    told = Settings(database=urls[0], audit_anchor=tmp_path / "north" / "a.anchor")
    assert "beside its database" in beside_database(told.anchor_file, told.database_file)
    for url, file in zip(urls, files, strict=True):
        assert beside_database(file, Settings(database=url).database_file) == ""


def test_an_anchor_that_cannot_be_written_is_told_until_it_can(log: AuditLog, tmp_path: Path) -> None:
    in_the_way = tmp_path / "away"
    in_the_way.write_text("a file where the folder should be")
    watch = Anchoring(
        log,
        AlarmBook(log._store, log),
        AnchorFile(in_the_way / "audit.anchor"),
        HandClock(),
        tmp_path / "c.db",
    )
    watch._note_head()
    assert "cannot be written" in watch.remarks[0]
    in_the_way.unlink()
    watch._note_head()
    assert watch.remarks == ()


def test_the_command_line_finds_a_cut_tail_by_the_program_s_own_anchors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records and head taken back together leave a perfect, shorter chain: only the anchor knows more."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = sqlite_url(tmp_path / "db" / "c.db")
    (tmp_path / "db").mkdir()
    store = Store(url)
    log = AuditLog(store)
    for i in range(4):
        log.record("test.event", "eve", {"n": i}, START)
    verify(url, None)
    assert "without an anchor" in capsys.readouterr().out
    AnchorFile(Settings(database=url).anchor_file).append(log.head(), "2026-03-01T10:00:00+00:00")
    verify(url, None)
    assert "all of 1 anchors" in capsys.readouterr().out
    with store.transaction() as tx:
        tx.execute(delete(AUDIT).where(AUDIT.c.seq > 2))
        kept = store.rows(select(AUDIT).where(AUDIT.c.seq == 2))[0]
        tx.execute(update(AUDIT_HEAD).values(seq=2, hash=kept["hash"]))
    assert log.verify() is None, "the chain alone is whole"
    with pytest.raises(typer.Exit) as left:
        verify(url, None)
    assert left.value.exit_code == 1
    assert "record 4 was anchored and is missing" in capsys.readouterr().err


def test_a_log_of_several_pages_is_walked_whole(
    log: AuditLog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.audit._PAGE", 2)
    assert log.verify() is None
    with store.transaction() as tx:
        tx.execute(update(AUDIT).where(AUDIT.c.seq == 5).values(who="mallory"))
    finding = log.verify()
    assert finding is not None
    assert finding.seq == 5


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
