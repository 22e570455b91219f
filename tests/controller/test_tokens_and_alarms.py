"""Tokens prove who is asking; alarms stand until gone and seen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from supervision_kit import START

from controller.alarms import CATALOG, AlarmBook, AlarmKind, Priority
from controller.audit import AuditLog
from controller.auth import NotKnown, Principal, Role, Scope, TokenBook
from controller.store import Store, sqlite_url
from controller.tables import TOKENS
from plant.errors import ConfigError

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(sqlite_url(tmp_path / "t.db"))


@pytest.fixture
def book(store: Store) -> TokenBook:
    return TokenBook(store, AuditLog(store))


def test_a_token_says_who_and_what(book: TokenBook) -> None:
    issued = book.issue("eve", Role.OPERATOR, HOUR, at=START)
    who = book.identify(issued.token, START)
    assert isinstance(who, Principal)
    assert (who.name, who.role) == ("eve", Role.OPERATOR)
    assert who.may(Scope.DECIDE)
    assert not who.may(Scope.MODE)


def test_it_ends_and_can_be_revoked(book: TokenBook) -> None:
    issued = book.issue("eve", Role.OPERATOR, HOUR, at=START)
    assert book.identify(issued.token, START + HOUR) == NotKnown("expired")
    assert book.revoke(issued.record.id, by="root", at=START)
    assert not book.revoke(issued.record.id, by="root", at=START)
    assert book.identify(issued.token, START) == NotKnown("revoked")


@pytest.mark.parametrize(
    "token", ["", "x", "cw_", "cw_1_2", "cw__", "Bearer", "cw_" + "0" * 12 + "_" + "A" * 43]
)
def test_other_texts_prove_nothing(book: TokenBook, token: str) -> None:
    book.issue("eve", Role.ADMIN, HOUR, at=START)
    assert isinstance(book.identify(token, START), NotKnown)


def test_the_right_id_with_another_secret_proves_nothing(book: TokenBook) -> None:
    first, second = (book.issue(n, Role.ADMIN, HOUR, at=START) for n in ("eve", "adam"))
    mixed = f"cw_{first.record.id}_{second.token.split('_', 2)[2]}"
    assert isinstance(book.identify(mixed, START), NotKnown)


def test_the_token_itself_is_nowhere_in_the_store(book: TokenBook, store: Store, tmp_path: Path) -> None:
    issued = book.issue("eve", Role.ADMIN, HOUR, at=START)
    secret = issued.token.split("_", 2)[2]
    assert len(secret) >= 43, "256 bits"
    assert secret not in str(store.rows(select(TOKENS)))
    store.close()
    assert not any(secret.encode() in f.read_bytes() for f in tmp_path.iterdir())


def test_scopes_narrow_a_role_and_never_widen_it(book: TokenBook) -> None:
    narrow = book.issue("screen", Role.OPERATOR, HOUR, at=START, scopes=frozenset({Scope.READ}))
    who = book.identify(narrow.token, START)
    assert isinstance(who, Principal)
    assert not who.may(Scope.DECIDE)
    with pytest.raises(ConfigError, match="may not mode"):
        book.issue("eve", Role.OPERATOR, HOUR, at=START, scopes=frozenset({Scope.MODE}))


@pytest.mark.parametrize(("name", "ttl"), [(" ", HOUR), ("eve", timedelta(0))])
def test_a_token_has_a_name_and_an_end(book: TokenBook, name: str, ttl: timedelta) -> None:
    with pytest.raises(ConfigError):
        book.issue(name, Role.VIEWER, ttl, at=START)


def test_an_alarm_is_raised_once_and_goes_when_gone_and_seen(store: Store) -> None:
    alarms = AlarmBook(store, AuditLog(store))
    raised = alarms.raise_(AlarmKind.HEARTBEAT_LOST, "site", "no echo for 90 s", START)
    assert raised is not None
    assert alarms.raise_(AlarmKind.HEARTBEAT_LOST, "site", "still", START) is None
    alarms.clear(AlarmKind.HEARTBEAT_LOST, "site", START)
    assert [a.id for a in alarms.standing(START)] == [raised.id], "gone but nobody has seen it"
    alarms.acknowledge(raised.id, by="eve", at=START)
    assert alarms.standing(START) == []


def test_alarms_survive_a_restart_and_shelves_end(store: Store) -> None:
    alarms = AlarmBook(store, AuditLog(store))
    raised = alarms.raise_(AlarmKind.NO_PLAN, "site", "infeasible", START)
    assert raised is not None
    alarms.shelve(raised.id, until=START + HOUR, reason="known", by="eve", at=START)
    reborn = AlarmBook(store, AuditLog(store))
    assert reborn.standing(START) == []
    assert [a.id for a in reborn.standing(START + HOUR)] == [raised.id]
    assert [a.id for a in reborn.standing(START, shelved=True)] == [raised.id]
    too_long = alarms.shelve(raised.id, until=START + 13 * HOUR, reason="x", by="eve", at=START)
    assert isinstance(too_long, str)


def test_every_kind_of_alarm_says_what_to_do() -> None:
    assert set(CATALOG) == set(AlarmKind)
    for facts in CATALOG.values():
        assert all((facts.cause, facts.consequence, facts.response))
    unshelvable = {k for k, f in CATALOG.items() if not f.may_be_shelved}
    # domain notes 6.5: never shelve heartbeat, failover or inlet-limit alarms
    assert {AlarmKind.HEARTBEAT_LOST, AlarmKind.FALLBACK, AlarmKind.INLET_ALLOWABLE} <= unshelvable
    assert CATALOG[AlarmKind.INLET_ALLOWABLE].priority is Priority.HIGH
