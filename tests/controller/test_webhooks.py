"""Webhooks: signed, tried again ever more slowly, kept through a restart and a lost database."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from loopback import Asked, Told, serving
from sqlalchemy.exc import OperationalError
from supervision_kit import START, Room, room

from controller.alarms import AlarmBook, AlarmKind
from controller.store import sqlite_url
from controller.webhooks import DeliveryStatus, Webhooks, check_webhook_url, post_once
from plant.errors import ConfigError

SECRET = b"0123456789abcdef"
URL = "https://pager.example/hook"


class Pager:
    """Takes messages, or says what goes wrong."""

    def __init__(self) -> None:
        self.error = ""
        self.got: list[tuple[str, bytes, Mapping[str, str]]] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        self.got.append((url, body, headers))
        return self.error


def hooked(r: Room, pager: Pager) -> tuple[Webhooks, AlarmBook]:
    hooks = Webhooks(r.store, (URL,), SECRET, site=r.site.id, clock=r.clock, post=pager)
    alarms = AlarmBook(r.store, r.audit)
    alarms.listen(hooks.told)
    return hooks, alarms


async def test_each_event_of_an_alarm_goes_out_signed() -> None:
    r, pager = room(), Pager()
    hooks, alarms = hooked(r, pager)
    alarm = alarms.raise_(AlarmKind.INLET_ALLOWABLE, "zone-a", "33 °C", START)
    assert alarm is not None
    alarms.acknowledge(alarm.id, by="eve", at=START)
    alarms.clear(AlarmKind.INLET_ALLOWABLE, "zone-a", START)
    assert await hooks.deliver() == 3
    url, body, headers = pager.got[0]
    assert url == URL
    told = json.loads(body)
    assert (told["event"], told["alarm"]["priority"], told["alarm"]["source"]) == (
        "alarm.raised",
        "high",
        "zone-a",
    )
    seconds, sealed = (part.split("=")[1] for part in headers["Coolwright-Signature"].split(","))
    # The receiver's own way to check it, written from the manual and not from the code.
    assert sealed == hmac.new(SECRET, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert await hooks.deliver() == 0, "once"


async def test_it_is_tried_again_twice_as_late_each_time_and_then_it_is_a_dead_letter(tmp_path: Path) -> None:
    r, pager = room(sqlite_url(tmp_path / "w.db")), Pager()
    hooks, alarms = hooked(r, pager)
    alarms.raise_(AlarmKind.STOPPED, "site", "smoke", START)
    pager.error = "it answered 500"
    waits = []
    for _ in range(10):
        await hooks.deliver()
        (delivery,) = hooks.recent()
        waits.append((delivery.next_at - r.now) / timedelta(seconds=1))
        r.clock.forward(max(waits[-1], 0))
    assert waits[:9] == [10, 20, 40, 80, 160, 320, 640, 1280, 2560]
    assert hooks.recent(status=DeliveryStatus.DEAD) == hooks.recent()
    again, _ = hooked(r, Pager())
    assert again.count(DeliveryStatus.DEAD) == 1, "a restart keeps it"
    pager.error = ""
    hooks.retry(hooks.recent()[0].id, r.now)
    assert await hooks.deliver() == 1


async def test_the_alarm_that_says_the_database_is_gone_gets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    r, pager = room(), Pager()
    hooks, alarms = hooked(r, pager)

    def gone() -> None:
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    with monkeypatch.context() as lost:
        lost.setattr(r.store._engine, "begin", gone)
        pager.error = "away"
        alarms.raise_(AlarmKind.STORE_LOST, "site", "gone", START)
        assert await hooks.deliver() == 0
        r.clock.forward(10)
        pager.error = ""
        assert await hooks.deliver() == 1
    assert [json.loads(body)["alarm"]["kind"] for _, body, _ in pager.got] == ["store_lost"] * 2


async def test_what_is_sent_while_nothing_can_be_written_down_is_not_sent_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    r, pager = room(), Pager()
    hooks, alarms = hooked(r, pager)
    alarms.raise_(AlarmKind.STOPPED, "site", "smoke", START)

    def locked() -> None:
        raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    with monkeypatch.context() as lost:
        lost.setattr(r.store._engine, "begin", locked)  # and what is only read can still be read
        assert hooks.count(DeliveryStatus.WAITING) == 1
        for _ in range(20):
            await hooks.deliver()
    assert len(pager.got) == 1


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "file:///etc/passwd", "gopher://x", "https://", "https://me:pw@a/"]
)
def test_odd_addresses_stop_the_start(url: str) -> None:
    with pytest.raises(ConfigError):
        check_webhook_url(url)


def test_an_address_without_a_secret_stops_the_start() -> None:
    r = room()
    with pytest.raises(ConfigError, match="secret"):
        Webhooks(r.store, (URL,), b"short", site="demo", clock=r.clock)


async def test_over_a_real_socket_a_redirect_is_an_error_and_is_not_followed() -> None:
    def answer(asked: Asked) -> Told:
        return Told("", 302 if asked.path == "/moved" else 204, headers={"Location": "/secret"})

    with serving(answer) as site:
        assert await post_once(f"{site.url}/hook", b"{}", {}) == ""
        assert await post_once(f"{site.url}/moved", b"{}", {}) == "it answered 302"
        assert "Error" in await asyncio.wait_for(post_once("http://127.0.0.1:1/x", b"{}", {}), 10)
    assert [asked.path for asked in site.log] == ["/hook", "/moved"]
