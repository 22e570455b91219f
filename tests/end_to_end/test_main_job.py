"""The main job as a user meets it: real programs, real sockets, and the plant's own registers as witness."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from end_to_end.programs import Api, World, coolwright, until
from loopback import free_port

SAFE = {100: 70, 101: 240, **{200 + 10 * n: 180 for n in range(8)}, **{201 + 10 * n: 900 for n in range(8)}}
"""The demo site's fallback setpoints as raw registers: 7.0, 24.0 and 18.0 °C, 90.0 %."""


def end(program: subprocess.Popen[str]) -> None:
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=30)


@pytest.mark.slow
def test_an_approved_change_reaches_the_plant_and_no_other_does(world: World) -> None:
    token = world.token()
    controller = world.controller()
    try:
        api = Api(world.url, token)
        first = until(api.pending, what="a first proposal")
        before = world.setpoint_registers()
        assert before == SAFE

        assert api.decide(first, "approve", digest="0" * 64) == 409, "one byte different is not approved"
        assert api.decide(first, "reject") == 200
        assert api.decide(first, "approve") == 409, "a decision stands"
        time.sleep(2)
        assert world.setpoint_registers() == before, "a refused proposal leaves every register as it was"

        second = until(api.pending, what="a second proposal")
        assert api.decide(second, "approve") == 200
        shown = f"/api/v1/proposals/{second['id']}"
        until(lambda: api.get(shown)["status"] == "verified", what="the plant to confirm")
        after = world.setpoint_registers()
        moved = {address for address in after if after[address] != before[address]}
        assert moved, "the approved change is in the plant's registers"
        asked = {change["lever"]: change["after"] for change in second["changes"]}
        if "zone-a.supply-air" in asked:
            assert after[200] == after[210] == round(asked["zone-a.supply-air"] * 10)

        state = api.get("/api/v1/state")
        for zone in state["zones"]:
            assert zone["worst_inlet_c"] < zone["recommended_max_c"]
        assert state["saving"] is None or state["saving"]["carbon_synthetic"] is True
        metrics = until(lambda: api._http.get("/metrics").text, what="metrics")
        assert "coolwright_inlet_temperature_celsius" in metrics
        assert api._http.get("/docs").status_code == 200
    finally:
        end(controller)
    assert controller.returncode == 0


@pytest.mark.slow
def test_an_expired_proposal_changes_nothing(impatient_world: World) -> None:
    token = impatient_world.token()
    controller = impatient_world.controller()
    try:
        api = Api(impatient_world.url, token)
        offered = until(api.pending, what="a proposal")
        before = impatient_world.setpoint_registers()
        shown = f"/api/v1/proposals/{offered['id']}"
        until(lambda: api.get(shown)["expires_in_s"] == 0, what="the end of the offer")
        assert api.decide(offered, "approve") == 410
        assert api.get(shown)["status"] == "expired"
        time.sleep(2)
        assert impatient_world.setpoint_registers() == before == SAFE
    finally:
        end(controller)


@pytest.mark.slow
def test_killed_at_once_the_plant_goes_safe_and_the_record_is_whole(world: World) -> None:
    token = world.token()
    controller = world.controller()
    api = Api(world.url, token)
    approved = until(api.pending, what="a proposal")
    assert api.decide(approved, "approve") == 200
    until(lambda: world.setpoint_registers() != SAFE, what="the change in the registers")
    controller.kill()
    controller.communicate(timeout=30)

    until(lambda: world.setpoint_registers() == SAFE, 120, what="the plant's own safe setpoints")

    verdict = coolwright("audit", "verify", "--database", world.database)
    assert verdict.returncode == 0, verdict.stderr
    again = world.controller(fresh=False)
    try:
        kept = until(lambda: api.get(f"/api/v1/proposals/{approved['id']}"), what="the restarted program")
        assert kept["digest"] == approved["digest"]
        assert kept["decided_by"] == "Kim"
        plans = sqlite3.connect(world.folder / "controller.sqlite").execute("select count(*) from plans")
        assert plans.fetchone()[0] >= 1, "plans and snapshots survive as well"
        kinds = [record["kind"] for record in api.get("/api/v1/audit?limit=200")]
        assert "proposal.approved" in kinds
        until(api.pending, what="a proposal after the restart")
    finally:
        end(again)


@pytest.mark.slow
def test_the_demo_runs_unattended_and_writes_an_honest_result(tmp_path: Path) -> None:
    import json

    result = tmp_path / "result.json"
    done = coolwright(
        *("demo", "--for", "1h", "--speed", "120", "--json", str(result)),
        *("--data", str(tmp_path / "demo"), "--port", str(free_port())),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(result.read_text())
    figures = {"facility_kwh", "it_kwh", "cooling_kwh", "carbon_kg", "cost", "water_l"}
    for part in ("totals", "baseline", "saving"):
        assert set(told[part]) == figures
    assert told["inlet"]["violation_minutes"] == 0
    assert told["inlet"]["max_c"] < told["inlet"]["limit_c"]
    assert told["proposals"].get("verified", 0) >= 1
    assert told["carbon"]["synthetic"] is True
    truth = told["truth"]
    assert truth["violation_minutes"] == 0
    # The site's own meters must agree with what the simulator knows to have flowed (same hour, ±15 % for
    # the minutes at either end that one covers and the other does not).
    assert told["totals"]["facility_kwh"] == pytest.approx(truth["controlled"]["facility_kwh"], rel=0.15)
