"""With its database locked by somebody else the program beats and answers on, and comes back by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.conftest import served
from end_to_end.programs import SPEED, Api, World, read_holding, until

BEATS = 12
"""Many times as long as a transaction waits for the lock: a beat takes at least a second."""

BELT = {"target": "crah-1", "minutes": 9, "reason": "belt"}


@pytest.fixture
def young_world(tmp_path: Path) -> Iterator[World]:
    """The demo site without a past; trim-and-respond needs none."""
    yield from served(tmp_path, tmp_path / "no past", SPEED, {})


def beat(world: World) -> int:
    """Wait for the next heartbeat in the plant's register, and give it."""
    before = read_holding(world.modbus_port, 0)
    return int(until(lambda: (n := read_holding(world.modbus_port, 0)) != before and n, what="a heartbeat"))


@pytest.mark.slow
def test_a_locked_database_does_not_end_the_program_nor_keep_anybody_waiting(young_world: World) -> None:
    world, token = young_world, young_world.token()
    controller = world.controller("--policy", "trim-and-respond", fresh=False)
    try:
        api = Api(world.url, token)
        until(api.pending, what="a first proposal")
        before = [r["seq"] for r in api.get("/api/v1/audit?limit=500")]
        other = sqlite3.connect(world.folder / "controller.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        first = beat(world)
        for n in range(BEATS):
            _everything_is_shown(api)
            hold = api._http.post("/api/v1/holds", json=BELT)
            assert (hold.status_code, hold.json()["code"]) == (503, "store_unavailable"), n
            last = beat(world)
        assert last - first >= BEATS - 1
        lost = [a for a in api.get("/api/v1/alarms") if a["kind"] == "store_lost"]
        assert [a["cleared_at"] for a in lost] == [None], "one alarm, which stands as long as the lock"
        other.execute("ROLLBACK")
        other.close()
        assert controller.poll() is None, "the program is still there"
        until(lambda: api._http.post("/api/v1/holds", json=BELT).status_code == 201, what="a write again")
        until(api.pending, 120, what="a proposal once the database is back")
        after = [r["seq"] for r in api.get("/api/v1/audit?limit=500")]
        assert set(before) < set(after)
        assert api.get("/api/v1/audit/verification")["intact"]
    finally:
        controller.terminate()
        _, said = controller.communicate(timeout=60)
    assert controller.returncode == 0
    assert said.count("waited for in vain; nobody waits") == 1, said
    assert "audit anchor" in said, "the log's head goes where the database's owner cannot reach it"


def _everything_is_shown(api: Api) -> None:
    assert api.get("/api/v1/state")["zones"]
    assert api.get("/healthz")["status"] == "alive"
    assert "ready" in api._http.get("/readyz").json()
    assert api.get("/api/v1/audit?limit=5"), "even what only the database knows"
    with api._http.stream("GET", "/api/v1/events") as events:
        said = (line for line in events.iter_lines() if line.startswith("event: state"))
        assert next(said)
