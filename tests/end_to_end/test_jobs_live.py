"""Long work on the real program: a report, a calibration and a replay are done, another is cancelled."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from end_to_end.conftest import served
from end_to_end.programs import ROOT, START, Api, World, until

REPLAY = {"kind": "replay", "scenario": "commissioning-week", "policy": "fixed", "days": 0.01}
"""A quarter of an hour, after the shortest past of any scenario."""
OTHER = {**REPLAY, "days": 7}
"""An order that takes long, to be taken back."""


@pytest.fixture
def room_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The smallest example with the least past that can be learned from: two days and a little."""
    monkeypatch.setenv("COOLWRIGHT_REPLAY_RUNS", str(tmp_path / "runs"))
    past = tmp_path / "past.parquet"
    command = [sys.executable, "-m", "sim", "history", "--site", "examples/one-zone.yaml", "--start", START]
    days = ["--as-found-days", "1.1", "--excitation-days", "1"]
    subprocess.run([*command, "--history", str(past), *days], cwd=ROOT, check=True, timeout=300)
    yield from served(tmp_path, past, 2.0, {}, example="one-zone.yaml")


@pytest.mark.slow
def test_long_work_is_asked_for_followed_and_fetched_and_one_is_taken_back(room_world: World) -> None:
    world = room_world
    token = world.token("engineer")
    controller = world.controller("--policy", "trim-and-respond")
    try:
        api = Api(world.url, token)
        until(lambda: api.get("/api/v1/state")["zones"], what="the first reading")
        report = {"kind": "report", "start": "2026-07-18", "end": "2026-07-20"}
        long = asked_for(api, OTHER)
        until(lambda: replays_of(controller.pid), what="the replay at work")
        taken_back = api._http.post(f"{long}/cancellation", json={"reason": "once is enough"})
        assert taken_back.status_code == 200, taken_back.text
        until(lambda: not replays_of(controller.pid), 10, what="the end of its process")
        asked = [asked_for(api, order) for order in (report, {"kind": "calibration"}, REPLAY)]
        heard: set[str] = set()
        done = [until(lambda at=at: ended(api, at, heard), 120, what=at) for at in asked]
        assert [job["status"] for job in done] == ["done"] * 3, [job["note"] for job in done]
        assert any("reading the history" in note or "learning" in note or "playing" in note for note in heard)
        made = [fetched(api, job) for job in done]
        assert "report" in json.dumps(made[0])[:2000]
        assert made[1]["model"], "two days are enough to learn from"
        assert Path(made[2]["folder"], "kpis.json").exists()
        assert api.get(long)["status"] == "cancelled"
        assert api._http.get(f"{long}/result").status_code == 404
        kinds = [record["kind"] for record in api.get("/api/v1/audit?limit=200")]
        assert {"job.asked", "job.done", "job.cancelled"} <= set(kinds), sorted(set(kinds))
    finally:
        controller.terminate()
        controller.communicate(timeout=30)
    assert controller.returncode == 0


def replays_of(pid: int) -> list[Path]:
    """The program's processes that play a scenario, from /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            command = (entry / "cmdline").read_text()
        except OSError:
            continue
        if int(parent) == pid and "controller.replay_job" in command:
            found.append(entry)
    return found


def asked_for(api: Api, order: dict[str, Any]) -> str:
    """Where the job is to be looked at."""
    answer = api._http.post("/api/v1/jobs", json=order)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] in ("queued", "running")
    return str(answer.headers["Location"])


def ended(api: Api, at: str, heard: set[str]) -> dict[str, Any] | None:
    job: dict[str, Any] = api.get(at)
    heard.add(job["note"] or "")
    assert job["progress"] is None or 0 <= job["progress"] <= 1
    return job if job["status"] in ("done", "failed", "cancelled") else None


def fetched(api: Api, job: dict[str, Any]) -> Any:
    answer = api._http.get(job["result"])
    assert answer.status_code == 200, answer.text
    return answer.json()
