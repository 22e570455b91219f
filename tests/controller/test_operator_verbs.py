"""The operator's verbs on the command line, over the API of a fake plant."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from api_kit import Desk, api_room
from supervision_kit import A_AIR
from typer.testing import CliRunner, Result

from controller.alarms import AlarmKind
from controller.audit import AuditLog
from controller.auth import NotKnown, Principal, Scope, TokenBook
from controller.cli.main import app, main
from controller.cli.words import HoldWords, hold_words, minutes_of
from controller.store import Store
from plant.errors import ConfigError


@dataclass
class Line:
    """A command line of somebody with a token."""

    desk: Desk
    url: str
    patch: pytest.MonkeyPatch

    def __call__(self, *words: str, who: str = "engineer") -> Result:
        self.patch.setenv("COOLWRIGHT_URL", self.url)
        self.patch.setenv("COOLWRIGHT_TOKEN", self.desk.tokens[who])
        return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Desk, str]]:
    desk = api_room()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield desk, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def line(served: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(*served, monkeypatch)


def test_status_says_how_it_stands_with_its_exit_code(line: Line) -> None:
    r = line.desk.room
    well = line("status")
    assert (well.exit_code, "zone-a" in well.stdout) == (0, True)
    r.plant.inlet_c["zone-a"] = 28.0
    assert line("status").exit_code == 1
    r.plant.inlet_c.clear()
    blind = {p for p in r.plant.snapshot(r.now).readings if p.startswith("zone-b")}
    r.plant.blind |= blind
    assert line("status").exit_code == 1, "what is not seen is not in order"
    r.plant.blind.clear()
    line.url = "http://127.0.0.1:1"
    nobody = line("status")
    assert isinstance(nobody.exception, ConfigError), "one line and exit code 2, from main()"


def test_a_hold_is_said_as_people_say_it(line: Line) -> None:
    placed = line("hold", "crah-3", "for", "3h", "belt", "and", "braces", who="operator")
    assert placed.exit_code == 0, placed.output
    (hold,) = line.desk.room.holds.active(line.desk.room.now)
    assert (hold.target, hold.reason) == ("crah-3", "belt and braces")
    assert (hold.until - hold.placed_at).total_seconds() == 3 * 3600
    assert line("release", hold.id).exit_code == 0
    told = line("handover", "--since", "8h", who="viewer").stdout
    assert "hold.placed" in told
    assert "belt and braces" in told
    line.desk.room.clock.forward(3600)
    assert "hold.placed" not in line("handover", "--since", "2026-03-01T10:30Z").stdout


def test_a_limit_takes_two_and_a_rejection_a_code(line: Line) -> None:
    asked = line("limits", "set", "zone-a.recommended_max_c", "25", "old servers")
    request = asked.stdout.split()[0]
    same = line("confirm", request)
    assert same.exit_code == 1
    assert "same_person" in same.stderr
    assert line("confirm", request, who="engineer-2").exit_code == 0
    assert "now 25 (engineer-1 and engineer-2: old servers)" in line("limits", "list").stdout
    r = line.desk.room
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    assert line("reject", p.id, "no").exit_code == 2, "a no has a kind"
    assert line("reject", p.id, "no", "--code", "disagree").exit_code == 0
    assert r.desk.get(p.id).decision_code == "disagree"  # type: ignore[union-attr]


def test_alarms_are_seen_and_put_aside(line: Line) -> None:
    alarm = line.desk.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading", line.desk.room.now)
    assert alarm is not None
    assert "no reading" in line("alarms", "list").stdout
    assert "shelved until" in line("alarms", "shelve", alarm.id, "on order", "--for", "90m").stdout
    assert line("alarms", "ack", alarm.id).exit_code == 0
    assert "seen by engineer-1" in line("alarms", "list").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("approve ../state", "not_found"),
        ("approve ..", "is none"),
        ("approve P-999", "there is no proposal P-999"),
        ("reject P-1 no", "Missing option '--code'"),
        ("reject P-1 no --code silly", "not_found"),
        ("hold", "Missing argument 'TARGET'"),
        ("hold crah-99 for 3h belt", "crah-99"),
        ("hold crah-1 for 99999h belt", "43200"),
        ("hold crah-1 for 3 belt", "write 90m, 3h"),
        ("release a/b", "not_found"),
        ("mode zone-x shadow why", "zone-x"),
        ("mode zone-a turbo why", "'shadow', 'advisory' or 'supervised'"),
        ("limits set zone-a.recommended_max_c nan why", "is not a number"),
        ("limits set zone-a.recommended_max_c 1e999 why", "is not a number"),
        ("limits set zone-a.silly 25 why", "zone-a.silly"),
        ("confirm R-0", "does not wait"),
        ("standing grant zone-a.supply-air=18-23", "18..23"),
        ("standing grant zone-a.supply-air=18..nan", "is not a number"),
        ("standing grant zone-a.supply-air=23..18", "low is above high"),
        ("standing revoke S-0", "S-0"),
        ("alarms ack A-0", "A-0"),
        ("alarms shelve A-0 why --for 1y", "cannot be read"),
        ("levers mended zone-a.silly why", "zone-a.silly"),
        ("jobs show J-9", "J-9"),
        ("jobs replay hot-week", "heat-wave"),
        ("jobs report 2026-13", "2026-13"),
        ("jobs report 2026-02 --format docx", "'pdf'"),
        ("webhooks retry W-0", "W-0"),
        ("handover --since yesterday", "cannot be read"),
        ("handover --since 2026-03-01", "names no time zone"),
        ("commissioning -o nowhere/at/all.md", "cannot be written"),
        ("token issue --name Kim --role king", "king"),
        ("token issue --name Kim --role viewer --scope stop", "may not stop"),
        ("token issue --name Kim --scope dance", "dance"),
        ("token issue --name Kim --days nan", "no life for a token"),
        ("token issue --name Kim --days 1e30", "no life for a token"),
        ("token revoke 0", "is not there"),
        ("silly", "No such command 'silly'"),
        ("status --silly", "--silly"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(
    line: Line, words: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOLWRIGHT_URL", line.url)
    monkeypatch.setenv("COOLWRIGHT_TOKEN", line.desk.tokens["engineer"])
    monkeypatch.setenv("COOLWRIGHT_DATABASE", "sqlite://")
    monkeypatch.setattr(sys, "argv", ["coolwright", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    assert says in told
    assert len(told.splitlines()) == 1, told


def test_a_refusal_is_one_line_and_exit_code_one(line: Line) -> None:
    said = line("standing", "grant", "zone-a.supply-air=18..23", who="operator")
    assert said.exit_code == 1
    assert "may not grant or revoke standing approvals" in said.stderr


def test_a_token_may_be_less_than_its_role_and_ends_when_it_is_revoked(line: Line, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tokens.sqlite'}"
    less = ("--scope", "read", "--scope", "alarm")
    issued = line("token", "issue", "--name", "Kim", "--role", "operator", *less, "--database", url)
    store = Store(url)
    book = TokenBook(store, AuditLog(store))
    now = datetime.now(UTC)
    who = book.identify(issued.stdout.strip(), now)
    assert isinstance(who, Principal)
    assert (who.may(Scope.ALARM), who.may(Scope.STOP)) == (True, False)
    listed = line("token", "list", "--database", url).stdout
    assert line("token", "revoke", listed.split()[0], "--database", url).exit_code == 0
    assert isinstance(book.identify(issued.stdout.strip(), now), NotKnown), "at once, in the running program"
    assert "revoked" in line("token", "list", "--database", url).stdout


def test_what_could_not_be_judged_yet_is_no_number(line: Line) -> None:
    assert "nan" not in line("rollout").stdout
    assert "nan" not in line("commissioning").stdout
    assert "inlet error ? K" in line("rollout").stdout


def test_a_standing_approval_is_granted_listed_and_revoked(line: Line) -> None:
    given = line("standing", "grant", "zone-a.supply-air=18..23", "--for", "8h", "--count", "5")
    name = given.stdout.split(":")[0]
    assert line.desk.room.standing.active(line.desk.room.now)[0].id == name
    told = line("standing", "list").stdout
    assert "5 changes left" in told
    assert "zone-a.supply-air: 18 to 23" in told
    assert line("standing", "revoke", name).exit_code == 0
    assert line("standing", "list").stdout == "none\n"


async def test_words_that_would_play_with_a_terminal_are_refused(line: Line) -> None:
    async with line.desk.client("operator") as c:
        order = {"target": "crah-3", "minutes": 5, "reason": "a\x1b[2J"}
        assert (await c.post("/api/v1/holds", json=order)).status_code == 422
        assert (await c.get("/api/v1/holds/%00")).status_code == 422


def test_rollout_drill_and_the_commissioning_record(line: Line, tmp_path: Path) -> None:
    assert line("drill", "status").exit_code == 1
    assert "never held" in line("rollout").stdout
    assert line("drill", "start", "--no-wait").exit_code == 0
    line.desk.deps.rollout.record_drill(by="eve", at=line.desk.room.now, passed=True, note="took 151 s")
    assert line("drill", "status").exit_code == 0
    page = tmp_path / "record.md"
    assert line("commissioning", "-o", str(page)).exit_code == 0
    assert "drill.dead_man" in page.read_text()
    assert '"audit_intact":true' in line("commissioning", "--format", "json").stdout
    assert line("jobs", "calibrate").exit_code == 0
    assert "calibration" in line("jobs", "list").stdout


@pytest.mark.parametrize(
    ("text", "minutes"), [("90m", 90), ("3h", 180), ("2d", 2880), ("1h30m", 90), ("0.5h", 30), ("45 min", 45)]
)
def test_lengths_are_read(text: str, minutes: float) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize("words", [[], ["for", "3h"], ["for"], ["for", "soon", "belt"], ["for", "3", "belt"]])
def test_a_hold_that_says_too_little_is_a_clear_line(words: list[str]) -> None:
    with pytest.raises(ConfigError):
        hold_words(words)


def test_a_hold_lasts_three_hours_where_nothing_is_said() -> None:
    assert hold_words(["belt"]) == HoldWords(180.0, "belt")
