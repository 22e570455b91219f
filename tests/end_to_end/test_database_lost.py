"""With its database locked by somebody else, the program goes on beating and comes back by itself."""

from __future__ import annotations

import sqlite3

import pytest
from end_to_end.programs import Api, World, read_holding, until


@pytest.mark.slow
def test_a_locked_database_does_not_end_the_program(world: World) -> None:
    token = world.token()
    controller = world.controller()
    try:
        api = Api(world.url, token)
        until(api.pending, what="a first proposal")
        other = sqlite3.connect(world.folder / "controller.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        # Longer than the 30 s a transaction waits for the lock.
        until(lambda: api._http.get("/healthz", timeout=60).status_code == 200, 90, what="an answer")
        beats = read_holding(world.modbus_port, 0)
        until(lambda: read_holding(world.modbus_port, 0) != beats, 90, what="the next heartbeat")
        other.execute("ROLLBACK")
        other.close()
        assert controller.poll() is None, "the program is still there"
        until(api.pending, 120, what="a proposal once the database is back")
    finally:
        controller.terminate()
        controller.communicate(timeout=60)
    assert controller.returncode == 0
