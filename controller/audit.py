"""The audit log: who did what, when and why. Append-only, each record sealed to the one before.

Each record's hash covers its content and its predecessor's hash; the head (last number and hash)
is kept apart, so a record that was altered, removed, moved or cut off the end is found. A person
who can rewrite the whole database could forge a whole chain: publish `head()` somewhere else
(it is on the API and in the report) and hand it back to `verify`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from controller.canonical import Json, canonical, digest, instant, stamp
from controller.store import Store
from controller.tables import AUDIT, AUDIT_HEAD

GENESIS = "0" * 64


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

    def verify(self, anchor: AuditHead | None = None) -> AuditFinding | None:
        """Walk the whole chain; None when it is as it was written.

        ``anchor`` is a head noted earlier, elsewhere: the log must still contain it.
        """
        expected_seq, previous = 0, GENESIS
        for row in self._store.rows(select(AUDIT).order_by(AUDIT.c.seq)):
            expected_seq += 1
            if row["seq"] != expected_seq:
                return AuditFinding(expected_seq, f"record {expected_seq} is missing")
            if row["previous"] != previous:
                return AuditFinding(expected_seq, "does not follow the record before it")
            sealed = _seal(row["seq"], row["at"], row["kind"], row["who"], row["what"], row["previous"])
            if sealed != row["hash"]:
                return AuditFinding(expected_seq, "was altered after it was written")
            if anchor is not None and row["seq"] == anchor.seq and row["hash"] != anchor.hash:
                return AuditFinding(expected_seq, "is not the record that was anchored")
            previous = row["hash"]
        return self._check_end(expected_seq, previous, anchor)

    def _check_end(self, seq: int, last_hash: str, anchor: AuditHead | None) -> AuditFinding | None:
        head = self.head()
        if head != AuditHead(seq, last_hash):
            return AuditFinding(max(seq, head.seq), f"the log ends at {seq}, its head says {head.seq}")
        if anchor is not None and anchor.seq > seq:
            return AuditFinding(anchor.seq, f"record {anchor.seq} was anchored and is missing")
        return None


def _seal(seq: int, at: str, kind: str, who: str, what: str, previous: str) -> str:
    return digest([seq, at, kind, who, what, previous])


def _record(row: Mapping[str, Any]) -> AuditRecord:
    return AuditRecord(
        row["seq"], instant(row["at"]), row["kind"], row["who"], json.loads(row["what"]), row["hash"]
    )
