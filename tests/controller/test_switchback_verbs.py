"""The switchback's verbs as people say them: the real command line against the real API, served.

One clock for all: the loop runs the plant a tick at a time, and between ticks somebody types a command.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import uvicorn
from switchback_kit import SHORT, SITE, Loop, summer_loop
from typer.testing import CliRunner, Result

from controller.auth import Role, TokenBook
from controller.beside import make_beside
from controller.cli.main import app
from controller.clock import WallClock
from controller.service import Service
from controller.serving import make_app
from controller.store import Store
from plant.errors import ConfigError
from reports.switchback import Arm
from telemetry.historian import Historian

DAYS = ["--days", "2", "--seed", str(SHORT.seed), "--block", "2", "--washout", "0.5"]
FROM = ["--from", SHORT.first_day.isoformat()]
STEP = timedelta(minutes=30)


@dataclass
class Hall:
    """A running loop, its API on a socket of its own, and people with tokens."""

    loop: Loop
    url: str
    tokens: dict[str, str]
    databases: dict[str, str]
    patch: pytest.MonkeyPatch

    def says(self, who: str, *words: str) -> Result:
        """What a person types, and what comes back."""
        here = {"URL": self.url, "TOKEN": self.tokens[who], **self.databases}
        for name, value in here.items():
            self.patch.setenv(f"COOLWRIGHT_{name}", value)
        return CliRunner().invoke(app, ["switchback", *words])

    def asks(self, who: str, path: str, **params: str) -> httpx2.Response:
        """A GET as a browser would do it."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return httpx2.get(f"{self.url}/api/v1{path}", headers=headers, params=params, timeout=60)

    def registers(self) -> dict[str, float]:
        """Every setpoint as the plant itself has it."""
        return {p: self.loop.plant.register(p) for lever in SITE.levers for p in lever.points}


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    urls = {name: f"sqlite:///{tmp_path / name.lower()}.sqlite" for name in ("DATABASE", "HISTORIAN")}
    loop = summer_loop(store=Store(urls["DATABASE"]), historian=Historian(urls["HISTORIAN"]))
    controller = loop.controller
    authority = controller.parts.authority
    book = TokenBook(authority.store, authority.audit)
    roles = {"ann": Role.ENGINEER, "bob": Role.ENGINEER, "kim": Role.OPERATOR, "eve": Role.VIEWER}
    # A token ends by the wall's clock, whatever hour the plant has.
    day, now = timedelta(days=1), WallClock().now()
    tokens = {name: book.issue(name, role, day, at=now).token for name, role in roles.items()}
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    answering = make_app(Service(controller), book, make_beside(controller))
    server = uvicorn.Server(uvicorn.Config(answering, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield Hall(loop, f"http://127.0.0.1:{listening.getsockname()[1]}", tokens, urls, monkeypatch)
    server.should_exit = True
    thread.join(10)
    loop.historian.close()
    loop.store.close()


def test_two_engineers_start_it_and_nobody_else_does(hall: Hall) -> None:
    assert hall.says("eve", "status").stdout == "no switchback was ever started\n"
    for who in ("eve", "kim"):
        refused = hall.says(who, "start", *DAYS)
        assert (refused.exit_code, "forbidden" in refused.stderr) == (1, True)
    asked = hall.says("ann", "start", *DAYS, *FROM)
    assert asked.exit_code == 0, asked.output
    request = asked.stdout.partition(":")[0]
    assert SHORT.drawn(SITE.timezone).id in asked.stdout, "what is asked for is known before it is agreed to"
    assert f"{request} by ann waits" in hall.says("kim", "status").stdout
    assert "same_person" in hall.says("ann", "confirm", request).stderr
    assert "forbidden" in hall.says("kim", "confirm", request).stderr
    assert hall.loop.book.running(hall.loop.now) is None
    started = hall.says("bob", "confirm", request)
    assert started.exit_code == 0, started.output
    run = started.stdout.partition(":")[0]
    assert "24 blocks" in started.stdout
    assert "not_open" in hall.says("bob", "confirm", request).stderr, "agreed to once is agreed to"
    assert "is running" in hall.says("ann", "start", *DAYS, *FROM).stderr, "one at a time"
    waiting = hall.says("eve", "status")
    assert (waiting.exit_code, f"{run}: begins at" in waiting.stdout) == (0, True)
    assert "forbidden" in hall.says("eve", "stop", "no reason").stderr
    assert hall.says("kim", "stop", "belt on crah-3").stdout == f"{run} is stopped\n"
    over = hall.says("eve", "status")
    assert (over.exit_code, over.stdout) == (1, f"{run}: stopped by kim: belt on crah-3\n")
    assert "not_open" in hall.says("kim", "stop", "again").stderr
    kinds = [r.kind for r in hall.loop.controller.parts.authority.audit.tail(20)]
    assert {"switchback.started", "switchback.stopped"} <= set(kinds)


def test_what_cannot_be_drawn_is_refused_in_words(hall: Hall) -> None:
    for words, told in (
        (["--block", "5"], "does not divide a day"),
        (["--block", "week"], "is neither day nor hours"),
        (["--from", "2026-07-01"], "would begin in the past"),
        (["--washout", "12"], "eats the blocks"),
        (["--from", "soon"], "first_day"),
        (["--days", "1", *FROM], "use 2 days or more"),
    ):
        done = hall.says("ann", "start", "--days", "2", "--seed", "1", *words)
        assert done.exit_code != 0
        said = str(done.exception) if isinstance(done.exception, ConfigError) else done.stderr
        assert told in said
    headers = {"Authorization": f"Bearer {hall.tokens['ann']}"}
    body = {"days": 1, "seed": 1, "block_h": 2, "washout_h": 0.5, "first_day": SHORT.first_day.isoformat()}
    answer = httpx2.post(f"{hall.url}/api/v1/switchback", headers=headers, json=body, timeout=60)
    assert (answer.status_code, "use 2 days or more" in answer.text) == (422, True)
    assert hall.loop.book.requests(hall.loop.now) == []


def test_blocks_alternate_in_the_plants_registers_and_the_report_tells_of_them(hall: Hall) -> None:
    request = hall.says("ann", "start", *DAYS, *FROM).stdout.partition(":")[0]
    run = hall.says("bob", "confirm", request).stdout.partition(":")[0]
    first, second = SHORT.drawn(SITE.timezone).blocks[:2]
    assert (first.arm, second.arm) == (Arm.BASELINE, Arm.CONTROL)
    seen = []
    while hall.loop.now < second.end - STEP:
        hall.loop.until(max(hall.loop.now, first.start) + STEP)
        seen.append((hall.loop.now, hall.says("eve", "status").stdout, hall.registers()))
    found = {p: lever.as_found for lever in SITE.levers for p in lever.points}
    for at, line, registers in seen:
        in_first = at < first.end
        assert f"{first.arm if in_first else second.arm} block {1 if in_first else 2} of 24" in line
        if in_first:
            assert "baseline" in line
            assert registers == pytest.approx(found)
    assert seen[-1][2] != pytest.approx(found), "control never moved a lever: the test shows nothing"
    # Half an hour after a switch the plant is settling: the hour it lies in belongs to neither arm.
    told = json.loads(hall.says("eve", "status", "--format", "json").stdout)["latest"]
    assert (told["run"], told["arm"], told["applied"], told["over"]) == (run, "control", "control", False)
    hall.says("kim", "stop", "seen enough")
    _check_analysis(hall, run)


def _check_analysis(hall: Hall, run: str) -> None:
    """Two blocks are no answer, and both the command and the report say so with what was counted."""
    site = str(Path(__file__).parents[2] / "examples" / "demo.yaml")
    result = json.loads(hall.says("eve", "analyze", site, "--run", "latest").stdout)
    assert (result["qualified"], result["saving_kw"], result["interim"]) == (False, None, True)
    assert "only 1 baseline blocks have data, 6 are needed" in result["reasons"]
    # Two hours less half an hour of settling is one whole hour; the second block was stopped before its own.
    assert (result["baseline_hours"], result["control_blocks"]) == (1.0, 0)
    day = SHORT.first_day.isoformat()
    answer = hall.asks("eve", "/reports/energy", period=day)
    assert answer.status_code == 200, answer.text
    (told,) = answer.json()["switchbacks"]
    assert told["run"] == run
    assert {s["applied"] for s in told["record"]} >= {"baseline", "control"}
    assert told["reasons"] == result["reasons"]
