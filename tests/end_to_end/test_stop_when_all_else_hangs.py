"""With the solver hung and the databases gone, stop latches, the plant is led to safety, and two lift it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from end_to_end.conftest import served
from end_to_end.programs import Api, World, read_holding, until, write_holding

from controller.audit import AuditLog
from controller.auth import Role, TokenBook
from controller.store import Store

CRAH_7_AIR = 260
"""Its supply-air setpoint's register, in tenths of a degree."""
POLICY = ("--policy", "trim-and-respond")
"""Needs no past to learn from; it thinks in the same worker process as any other."""


@pytest.fixture
def young_world(tmp_path: Path) -> Iterator[World]:
    """The demo site at twice its own pace, without a past."""
    yield from served(tmp_path, tmp_path / "no past", 2.0, {})


def workers_of(pid: int) -> list[int]:
    """The planner's processes of a program, from /proc; its keeper of shared memory does no work."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if int(stat[1]) == pid and "spawn_main" in command:
                found.append(int(entry.name))
    return found


def operators(world: World) -> tuple[str, str]:
    """Tokens of two people, as `coolwright token issue` makes them."""
    with closing(Store(world.database)) as store:
        book, at = TokenBook(store, AuditLog(store)), datetime.now(UTC)
        issued = [book.issue(name, Role.OPERATOR, timedelta(days=1), at=at) for name in ("Kim", "Lee")]
    return issued[0].token, issued[1].token


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Nobody else can read or write this database."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.slow
def test_stop_latches_with_the_solver_hung_and_the_databases_gone(young_world: World) -> None:
    world = young_world
    first, second = operators(world)
    controller = world.controller(*POLICY, fresh=False)
    api = Api(world.url, first)
    with ExitStack() as gone:
        try:
            until(lambda: api.get("/api/v1/state")["zones"], what="the first reading")
            workers = until(lambda: workers_of(controller.pid), what="the planner's process")
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
            held = api._http.post("/api/v1/holds", json={"target": "crah-1", "minutes": 60, "reason": "belt"})
            assert held.status_code == 201, (
                "whoever asks for a hold asks for a new plan: the solver hangs over it"
            )
            write_holding(world.modbus_port, CRAH_7_AIR, 210)
            time.sleep(1.5)
            assert read_holding(world.modbus_port, CRAH_7_AIR) == 210, (
                "advisory: nobody has approved anything"
            )
            for name in ("controller.sqlite", "history.sqlite"):
                gone.enter_context(locked(world.folder / name))
            answer = api._http.post("/api/v1/stop", json={"reason": "smoke in hall 2"})
            assert answer.status_code == 200, answer.text
            assert (world.folder / "controller.stop").exists(), "latched apart from the database"
            state = api.get("/api/v1/state")
            assert "smoke in hall 2" in state["stopped"]
            assert state["mode"] == "fallback", "announced"
            # One move of 0.5 K at a time from where a hand had put it, toward the fallback.
            until(
                lambda: 180 <= read_holding(world.modbus_port, CRAH_7_AIR) <= 205, what="fallback on the wire"
            )
            beats = read_holding(world.modbus_port, 0)
            until(lambda: read_holding(world.modbus_port, 0) != beats, what="the next heartbeat")
        finally:
            controller.terminate()
            _, told = controller.communicate(timeout=20)
        assert controller.returncode == 0, told
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers), "a stopped worker is killed"
    _still_stopped_until_two_agree(world, first, second)


def _still_stopped_until_two_agree(world: World, first: str, second: str) -> None:
    again = world.controller(*POLICY, fresh=False)
    try:
        api, other = Api(world.url, first), Api(world.url, second)
        assert "smoke in hall 2" in until(lambda: api.get("/api/v1/state")["stopped"], what="the stop")
        kinds = [record["kind"] for record in api.get("/api/v1/audit?limit=100")]
        assert "stop" in kinds, "what the database could not be told it is told now"
        asked = api._http.post("/api/v1/resume", json={"reason": "clear"}).json()["id"]
        confirmation = f"/api/v1/resume/{asked}/confirmation"
        assert api._http.post(confirmation, json={}).status_code in (403, 409), "nobody lifts it alone"
        assert api.get("/api/v1/state")["stopped"]
        assert other._http.post(confirmation, json={}).status_code == 200
        assert not api.get("/api/v1/state")["stopped"]
        assert api.get("/api/v1/audit/verification")["intact"]
    finally:
        again.terminate()
        again.communicate(timeout=20)
