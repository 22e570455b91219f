"""Webhooks: every alarm goes out to the addresses the settings name, signed, until it arrives or is dead.

What is to be sent is written down in the same transaction as the alarm's record. When the database
is gone it is kept in memory instead: the alarm that says so must still get out.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import func, insert, select, update

from controller.alarms import Alarm, AlarmBook, AlarmKind
from controller.canonical import canonical, instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import DELIVERIES
from plant.errors import ConfigError
from plant.ports import Clock

_log = logging.getLogger(__name__)

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
TRIES = 10
"""After so many (about three hours) a delivery is a dead letter; people may send it again."""
KEPT_IN_MEMORY = 1000
LOOK_EVERY_WALL_S = 1.0
TIMEOUT_S = 5.0


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one address."""

    id: str
    url: str
    event: str
    body: str
    status: DeliveryStatus
    attempts: int
    made_at: datetime
    next_at: datetime
    last_error: str = ""


class Post(Protocol):
    """Sends one message; answers with an empty text, or with what went wrong."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Send."""
        ...


def check_webhook_url(url: str) -> str:
    """The address, if it is one we send to: https (or http), a host, no credentials.

    Raises
    ------
    ConfigError
        Otherwise. Addresses come from the settings only, never from a request.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConfigError(
            f"webhook {url!r}", "is not an https:// or http:// address", "correct COOLWRIGHT_WEBHOOKS"
        )
    if parts.username or parts.password:
        raise ConfigError(
            f"webhook at {parts.hostname}", "carries credentials", "use the signature to tell that it is us"
        )
    return url


def signature(secret: bytes, at: datetime, body: bytes) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 over the seconds, a dot and the body."""
    seconds = str(int(at.timestamp()))
    sealed = hmac.new(secret, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={sealed}"


async def post_once(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """One POST, following no redirect: an answer may not send us somewhere else."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.post(url, content=body, headers=dict(headers))
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"it answered {answer.status_code}"


class Webhooks:
    """The outbox and its postman."""

    def __init__(
        self,
        store: Store,
        urls: Sequence[str],
        secret: bytes,
        *,
        site: str,
        clock: Clock,
        post: Post = post_once,
    ) -> None:
        self._store = store
        self._urls = tuple(check_webhook_url(url) for url in urls)
        self._secret = secret
        self._site = site
        self._clock = clock
        self._post = post
        self._memory: deque[Delivery] = deque(maxlen=KEPT_IN_MEMORY)
        if urls and len(secret) < 16:
            raise ConfigError(
                "webhook secret", "is missing or shorter than 16 bytes", "set COOLWRIGHT_WEBHOOK_SECRET_FILE"
            )

    def told(self, event: str, alarm: Alarm, at: datetime) -> None:
        """A listener of the alarm book: put a message for each address into the outbox."""
        body = canonical({"event": event, "site": self._site, "at": at, "alarm": _facts(alarm)})
        for url in self._urls:
            made = Delivery(
                f"W-{secrets.token_hex(6)}",
                url,
                event,
                body,
                DeliveryStatus.WAITING,
                0,
                at,
                self._clock.now(),
            )
            try:
                with self._store.transaction() as tx:
                    tx.execute(insert(DELIVERIES).values(**_row(made)))
            except StoreUnavailable:
                self._memory.append(made)

    async def run(self, alarms: AlarmBook) -> None:
        """Deliver what is due, every second, until cancelled."""
        while self._urls:
            await self.deliver()
            dead = self.count(DeliveryStatus.DEAD)
            detail = f"{dead} messages were not delivered"
            alarms.hold_to(AlarmKind.WEBHOOK_DEAD, "webhooks", dead > 0, detail, self._clock.now())
            await asyncio.sleep(LOOK_EVERY_WALL_S)

    async def deliver(self) -> int:
        """Send what is due now; how many arrived."""
        now, arrived = self._clock.now(), 0
        for delivery in [*self._take_memory(now), *self._due(now)]:
            body = delivery.body.encode()
            headers = {
                "Content-Type": "application/json",
                "Coolwright-Event": delivery.event,
                "Coolwright-Delivery": delivery.id,
                "Coolwright-Signature": signature(self._secret, now, body),
            }
            error = await self._post(delivery.url, body, headers)
            arrived += not error
            self._note(delivery, error, self._clock.now())
        return arrived

    def recent(self, count: int = 50, status: DeliveryStatus | None = None) -> list[Delivery]:
        """The last deliveries, newest first."""
        query = select(DELIVERIES).order_by(DELIVERIES.c.made_at.desc()).limit(count)
        if status is not None:
            query = query.where(DELIVERIES.c.status == status)
        return [_delivery(row) for row in self._store.rows(query)]

    def count(self, status: DeliveryStatus) -> int:
        """How many deliveries stand so; 0 while the database cannot be asked."""
        query = select(func.count().label("n")).where(DELIVERIES.c.status == status)
        try:
            return int(self._store.rows(query)[0]["n"])
        except StoreUnavailable:
            return 0

    def retry(self, delivery_id: str, at: datetime) -> Delivery | None:
        """Send a dead letter again, from the first try on; None if it is not a dead letter."""
        again = {"status": DeliveryStatus.WAITING, "attempts": 0, "next_at": stamp(at)}
        dead = (DELIVERIES.c.id == delivery_id, DELIVERIES.c.status == DeliveryStatus.DEAD)
        with self._store.transaction() as tx:
            if tx.execute(update(DELIVERIES).where(*dead).values(**again)).rowcount != 1:
                return None
            rows = self._store.rows(select(DELIVERIES).where(DELIVERIES.c.id == delivery_id))
        return _delivery(rows[0])

    def _due(self, now: datetime) -> list[Delivery]:
        if not self._store.writable:
            return []  # that it was sent could not be written down, and it would be sent again and again
        query = select(DELIVERIES).where(
            DELIVERIES.c.status == DeliveryStatus.WAITING, DELIVERIES.c.next_at <= stamp(now)
        )
        try:
            return [_delivery(r) for r in self._store.rows(query.order_by(DELIVERIES.c.made_at).limit(50))]
        except StoreUnavailable:
            return []

    def _take_memory(self, now: datetime) -> list[Delivery]:
        due = [d for d in self._memory if d.next_at <= now]
        for delivery in due:
            self._memory.remove(delivery)
        return due

    def _note(self, delivery: Delivery, error: str, at: datetime) -> None:
        after = _after(delivery, error, at)
        values = {
            k: v for k, v in _row(after).items() if k in ("status", "attempts", "next_at", "last_error")
        }
        try:
            with self._store.transaction() as tx:
                known = tx.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery.id).values(**values))
                if known.rowcount == 0:  # it was made while the database was away
                    tx.execute(insert(DELIVERIES).values(**_row(after)))
        except StoreUnavailable:
            if after.status is DeliveryStatus.WAITING:
                self._memory.append(after)
        if after.status is DeliveryStatus.DEAD:
            _log.warning("webhook %s was given up: %s", urlsplit(delivery.url).hostname, error)


def _after(delivery: Delivery, error: str, at: datetime) -> Delivery:
    """What a try made of it: delivered, dead, or waiting twice as long as before."""
    attempts = delivery.attempts + 1
    if not error:
        return replace(delivery, status=DeliveryStatus.DELIVERED, attempts=attempts, last_error="")
    if attempts >= TRIES:
        return replace(delivery, status=DeliveryStatus.DEAD, attempts=attempts, last_error=error)
    wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    return replace(delivery, attempts=attempts, next_at=at + wait, last_error=error)


def _facts(alarm: Alarm) -> dict[str, object]:
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "priority": alarm.facts.priority,
        "source": alarm.source,
        "detail": alarm.detail,
        "cause": alarm.facts.cause,
        "consequence": alarm.facts.consequence,
        "response": alarm.facts.response,
        "raised_at": alarm.raised_at,
        "cleared_at": alarm.cleared_at,
        "acknowledged_at": alarm.acknowledged_at,
        "acknowledged_by": alarm.acknowledged_by,
        "shelved_until": alarm.shelved_until,
    }


def _row(d: Delivery) -> dict[str, Any]:
    return {
        "id": d.id,
        "url": d.url,
        "event": d.event,
        "body": d.body,
        "status": d.status,
        "attempts": d.attempts,
        "made_at": stamp(d.made_at),
        "next_at": stamp(d.next_at),
        "last_error": d.last_error,
    }


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=row["id"],
        url=row["url"],
        event=row["event"],
        body=row["body"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        made_at=instant(row["made_at"]),
        next_at=instant(row["next_at"]),
        last_error=row["last_error"] or "",
    )
