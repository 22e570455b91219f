"""The two-person rule: one asks, another agrees, and neither alone changes anything."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import Json, canonical, instant, stamp
from controller.store import Store
from controller.tables import REQUESTS

REQUEST_LASTS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Request:
    """One person's wish that waits for a second person."""

    id: str
    kind: str
    what: Mapping[str, Json]
    by: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Agreed:
    """A second person agreed; the caller now does what was asked."""

    request: Request
    by: str


@dataclass(frozen=True, slots=True)
class SamePerson:
    """The one who asked may not also agree."""

    request: Request


@dataclass(frozen=True, slots=True)
class NotOpen:
    """There is no such request, or it ended or was settled before."""

    id: str
    reason: str


Agreement: TypeAlias = Agreed | SamePerson | NotOpen


class Requests:
    """Requests that wait for a second person."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def ask(self, kind: str, what: Mapping[str, object], *, by: str, at: datetime) -> Request:
        """Write a wish down; it lasts half an hour."""
        request_id = f"R-{secrets.token_hex(4)}"
        expires_at = at + REQUEST_LASTS
        with self._store.transaction() as tx:
            tx.execute(
                insert(REQUESTS).values(
                    id=request_id,
                    kind=kind,
                    payload=canonical(what),
                    by=by,
                    at=stamp(at),
                    expires_at=stamp(expires_at),
                )
            )
            self._audit.record(f"{kind}.requested", by, {"request": request_id, **what}, at)
        return Request(request_id, kind, json.loads(canonical(what)), by, at, expires_at)

    def open(self, at: datetime, kind: str | None = None) -> list[Request]:
        """Requests that still wait, oldest first."""
        query = select(REQUESTS).where(REQUESTS.c.settled_at.is_(None), REQUESTS.c.expires_at > stamp(at))
        if kind is not None:
            query = query.where(REQUESTS.c.kind == kind)
        return [_request(row) for row in self._store.rows(query.order_by(REQUESTS.c.at))]

    def agree(self, request_id: str, *, kind: str, by: str, at: datetime) -> Agreement:
        """Settle a request of this kind as its second person. Works once."""
        with self._store.transaction() as tx:
            rows = self._store.rows(
                select(REQUESTS).where(REQUESTS.c.id == request_id, REQUESTS.c.kind == kind)
            )
            if not rows:
                return NotOpen(request_id, "there is no such request")
            request = _request(rows[0])
            if rows[0]["settled_at"] is not None:
                return NotOpen(request_id, "it was settled before")
            if request.expires_at <= at:
                return NotOpen(request_id, f"it ended at {request.expires_at.isoformat()}")
            if request.by == by:
                self._audit.record(f"{kind}.refused", by, {"request": request_id, "why": "same person"}, at)
                return SamePerson(request)
            tx.execute(
                update(REQUESTS)
                .where(REQUESTS.c.id == request_id)
                .values(settled_at=stamp(at), settled_by=by)
            )
            self._audit.record(
                f"{kind}.agreed", by, {"request": request_id, "asked_by": request.by, **request.what}, at
            )
        return Agreed(request, by)


def _request(row: Mapping[str, Any]) -> Request:
    return Request(
        row["id"],
        row["kind"],
        json.loads(row["payload"]),
        row["by"],
        instant(row["at"]),
        instant(row["expires_at"]),
    )
