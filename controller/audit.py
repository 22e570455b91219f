"""The audit log: who did what, when and why. Append-only, each record sealed to the one before.

Each record's hash covers its content and its predecessor's hash; the head (last number and hash)
is kept apart, so a record that was altered, removed, moved or cut off the end is found. A person
who can rewrite the whole database could forge a whole chain: `anchors` notes `head()` elsewhere, every
hour, and `verify` takes those notes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from controller.canonical import Json, canonical, digest, instant, stamp
from controller.store import Store
from controller.tables import AUDIT, AUDIT_HEAD

GENESIS = "0" * 64
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One sealed record."""

    seq: int
    at: datetime
    kind: str
    who: str
    what: Mapping[str, Json]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The chain's last number and hash. Written down elsewhere, it anchors the whole log."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """The first place where the log is not what was written."""

    seq: int
    problem: str


class AuditLog:
    """Append and verify. There is no way to change or remove a record."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[Callable[[AuditRecord], None]] = []

    def listen(self, listener: Callable[[AuditRecord], None]) -> None:
        """Tell ``listener`` each record as it is sealed (for counting), before its transaction ends."""
        self._listeners.append(listener)

    def record(self, kind: str, who: str, what: Mapping[str, object], at: datetime) -> AuditRecord:
        """Append one record, in the same transaction as the change it tells of (if one is open)."""
        body = canonical(what)
        with self._store.transaction() as tx:
            last = self.head()
            seq = last.seq + 1
            sealed = _seal(seq, stamp(at), kind, who, body, last.hash)
            tx.execute(
                insert(AUDIT).values(
                    seq=seq, at=stamp(at), kind=kind, who=who, what=body, previous=last.hash, hash=sealed
                )
            )
            tx.execute(delete(AUDIT_HEAD))
            tx.execute(insert(AUDIT_HEAD).values(only=1, seq=seq, hash=sealed))
        sealed_record = AuditRecord(seq, at, kind, who, json.loads(body), sealed)
        for listener in self._listeners:
            listener(sealed_record)
        return sealed_record

    def together(self) -> AbstractContextManager[Connection]:
        """One transaction for several records and the changes they tell of: all of it, or none."""
        return self._store.transaction()

    def head(self) -> AuditHead:
        """The last record's number and hash; number 0 for an empty log."""
        rows = self._store.rows(select(AUDIT_HEAD))
        return AuditHead(rows[0]["seq"], rows[0]["hash"]) if rows else AuditHead(0, GENESIS)

    def tail(self, count: int = 50, *, before: int | None = None) -> list[AuditRecord]:
        """The last ``count`` records (before number ``before``), newest first."""
        query = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(count)
        if before is not None:
            query = query.where(AUDIT.c.seq < before)
        return [_record(row) for row in self._store.rows(query)]

    def since(self, start: datetime) -> list[AuditRecord]:
        """Records from ``start`` on, oldest first."""
        rows = self._store.rows(select(AUDIT).where(AUDIT.c.at >= stamp(start)).order_by(AUDIT.c.seq))
        return [_record(row) for row in rows]

    def of_kind(self, kind: str) -> list[AuditRecord]:
        """Every record of one kind, newest first."""
        rows = self._store.rows(select(AUDIT).where(AUDIT.c.kind == kind).order_by(AUDIT.c.seq.desc()))
        return [_record(row) for row in rows]

    def verify(self, anchors: Mapping[int, str] | None = None) -> AuditFinding | None:
        """Walk the whole chain; None when it is as it was written.

        ``anchors`` are heads noted earlier, elsewhere (number → hash): the log must still contain each.
        """
        noted = dict(anchors or {})
        seq, previous, head = 0, GENESIS, AuditHead(0, GENESIS)
        for page in self._pages():
            rows, head = page
            for row in rows:
                seq += 1
                problem = _problem(row, seq, previous, noted.get(seq))
                if problem:
                    return AuditFinding(seq, problem)
                previous = row["hash"]
        if head != AuditHead(seq, previous):
            return AuditFinding(max(seq, head.seq), f"the log ends at {seq}, its head says {head.seq}")
        last = max(noted, default=0)
        return AuditFinding(last, f"record {last} was anchored and is missing") if last > seq else None

    def _pages(self) -> Iterator[tuple[Sequence[Mapping[str, Any]], AuditHead]]:
        """The log in pieces, each with the head of its instant: a long walk locks nobody out."""
        after = -1
        while True:
            query = select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(_PAGE)
            with self._store.reading():
                rows, head = self._store.rows(query), self.head()
            yield rows, head
            if len(rows) < _PAGE:
                return
            after = rows[-1]["seq"]


def _problem(row: Mapping[str, Any], seq: int, previous: str, anchor: str | None) -> str:
    """What is wrong with the record that should be number ``seq``, or nothing."""
    if row["seq"] != seq:
        return f"record {seq} is missing"
    if row["previous"] != previous:
        return "does not follow the record before it"
    if _seal(seq, row["at"], row["kind"], row["who"], row["what"], row["previous"]) != row["hash"]:
        return "was altered after it was written"
    return "is not the record that was anchored" if anchor not in (None, row["hash"]) else ""


def _seal(seq: int, at: str, kind: str, who: str, what: str, previous: str) -> str:
    return digest([seq, at, kind, who, what, previous])


def _record(row: Mapping[str, Any]) -> AuditRecord:
    return AuditRecord(
        row["seq"], instant(row["at"]), row["kind"], row["who"], json.loads(row["what"]), row["hash"]
    )
