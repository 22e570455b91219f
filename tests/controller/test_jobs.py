"""Long work: how far it is, taken back, begun anew once, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from multiprocessing.util import Finalize
from pathlib import Path
from typing import cast

import pytest
from api_kit import Desk, api_room
from supervision_kit import START

from controller.child_work import WorkFailed, in_child
from controller.drill import DeadManDrill
from controller.job_runner import JobRunner, Tell
from controller.jobs import Job, JobBook, JobKind, JobStatus, Result
from controller.wiring import Controller
from controller.workers import Workers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def d() -> Desk:
    return api_room()


async def shown(d: Desk, job_id: str) -> dict[str, object]:
    async with d.client("viewer") as c:
        return dict((await c.get(f"/api/v1/jobs/{job_id}")).json())


async def until(condition: object, turns: int = 400) -> None:
    for _ in range(turns):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


async def test_a_running_job_says_how_far_it_is_and_a_cancelled_one_lets_go(
    d: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.job_runner.LOOK_EVERY_WALL_S", 0.02)
    began, let_go = asyncio.Event(), asyncio.Event()

    async def endless(_job: Job, tell: Tell) -> Result:
        tell(0.4, "playing")
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)  # letting go takes a while, and is waited for
            let_go.set()
        raise AssertionError

    book = d.deps.jobs
    job = book.ask(JobKind.REPLAY, {"scenario": "heat-wave"}, by="eve", at=START)
    running = asyncio.ensure_future(JobRunner(book, d.room.clock, {JobKind.REPLAY: endless}).run())
    await asyncio.wait_for(began.wait(), 5)
    told = await shown(d, job.id)
    assert (told["status"], told["progress"], told["note"], told["attempt"]) == ("running", 0.4, "playing", 1)

    async with d.client("operator") as c:
        where, why = f"/api/v1/jobs/{job.id}/cancellation", {"reason": "the wrong scenario"}
        assert (await c.post(where, json=why)).status_code == 403, (
            "who may not ask for it may not take it back"
        )
    async with d.client("engineer") as c:
        old = (await c.get(f"/api/v1/jobs/{job.id}")).headers["ETag"]
        assert (await c.post(where, json=why, headers={"If-Match": '"J-000001.queued"'})).status_code == 412
        taken = await c.post(where, json=why, headers={"If-Match": old})
        assert (taken.status_code, taken.json()["status"]) == (200, "cancelled")
        twice = await c.post(where, json=why)
        assert (twice.status_code, twice.json()["code"]) == (409, "not_open")
    await asyncio.wait_for(let_go.wait(), 5)
    await until(lambda: book.get(job.id).status is JobStatus.CANCELLED)  # type: ignore[union-attr]
    assert (await shown(d, job.id))["note"] == "cancelled by engineer-1: the wrong scenario"
    last = d.room.audit.tail(1)[0]
    assert (last.kind, last.who, last.what["before"]) == ("job.cancelled", "engineer-1", "running")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_drill_that_runs_is_not_taken_back(d: Desk) -> None:
    book = d.deps.jobs
    drill = book.ask(JobKind.DRILL, {}, by="eve", at=START)
    assert book.begin(drill, START)
    async with d.client("engineer") as c:
        no = await c.post(f"/api/v1/jobs/{drill.id}/cancellation", json={"reason": "x"})
    assert (no.status_code, no.json()["code"]) == (409, "not_open")
    assert "by the stop" in no.json()["detail"]


def test_a_job_that_ends_the_program_is_begun_anew_once_and_then_has_failed(d: Desk) -> None:
    job = d.deps.jobs.ask(JobKind.REPORT, {}, by="eve", at=START)
    for attempt in (1, 2):
        restarted = JobBook(d.room.store, d.room.audit)
        restarted.recover(START)
        (queued,) = restarted.queued()
        assert restarted.begin(queued, START)
        assert restarted.get(job.id).attempt == attempt  # type: ignore[union-attr]
    third = JobBook(d.room.store, d.room.audit)
    third.recover(START)
    lost = third.get(job.id)
    assert lost is not None
    assert (lost.status, lost.note) == (JobStatus.FAILED, "the program ended 2 times while it ran")
    assert [r.kind for r in d.room.audit.tail(2)] == ["job.failed", "job.begun_anew"]


async def test_a_finished_job_is_not_undone_by_a_late_cancellation(d: Desk) -> None:
    book = d.deps.jobs
    job = book.ask(JobKind.REPORT, {}, by="eve", at=START)
    assert book.begin(job, START)
    book.done(job, Result("written", "text/csv", b"a"), START)
    assert book.cancel(job.id, by="eve", at=START, reason="too late") is None
    book.failed(job, "too late as well", START)
    assert book.get(job.id).status is JobStatus.DONE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"kind": "replay", "scenario": "hot-week"}, "heat-wave"),
        ({"kind": "report", "start": "2026-02-02", "end": "2026-02-01"}, "ends before it begins"),
        ({"kind": "report", "start": "2020-01-01", "end": "2026-01-01"}, "longer than"),
        ({"kind": "report", "period": "2026-02", "profile": "my-own"}, "eu-2024-1364"),
    ],
)
async def test_an_order_nobody_can_carry_out_is_refused_when_it_is_given(
    d: Desk, order: dict[str, object], says: str
) -> None:
    async with d.client("engineer") as c:
        no = await c.post("/api/v1/jobs", json=order)
    assert (no.status_code, no.json()["code"]) == (422, "invalid")
    assert says in no.json()["detail"]
    assert d.deps.jobs.recent() == []


def stumble() -> None:
    raise ValueError("no such meter")


def vanish() -> None:
    os._exit(9)


async def test_work_in_a_process_of_its_own_fails_in_words_and_takes_nobody_with_it() -> None:
    assert await in_child(len, "four") == 4
    with pytest.raises(WorkFailed, match="ValueError: no such meter"):
        await in_child(stumble)
    with pytest.raises(WorkFailed, match="vanish ended before it answered"):
        await in_child(vanish)


def leave_a_note_on_the_way_home(note: Path) -> None:
    Finalize(None, note.touch, exitpriority=1)


async def test_a_process_that_has_answered_goes_home_by_itself(tmp_path: Path) -> None:
    await in_child(leave_a_note_on_the_way_home, tmp_path / "note")
    assert (tmp_path / "note").exists(), "one that is killed clears nothing away"


async def test_work_that_nobody_waits_for_any_more_is_ended() -> None:
    before = time.monotonic()
    waiting = asyncio.ensure_future(in_child(time.sleep, 3600))
    await asyncio.sleep(0.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    assert time.monotonic() - before < 600, "it was not waited for"


def test_a_replay_ends_with_the_program_that_ordered_it() -> None:
    # The order is never read: whoever ordered it is gone before the first import is done.
    program = subprocess.Popen(
        [sys.executable, "-m", "controller.replay_job", '{"scenario": "heat-wave", "policy": "fixed"}'],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(60) == 3
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)


async def test_a_replay_that_cannot_be_played_fails_with_the_line_a_person_would_read(tmp_path: Path) -> None:
    order = {"scenario": "hot-week", "policy": "fixed", "days": 1}
    job = Job("J-000001", JobKind.REPLAY, order, JobStatus.RUNNING, "eve", START)
    told: list[str] = []
    workers = Workers(cast(Controller, None), cast(DeadManDrill, None), tmp_path)
    with pytest.raises(WorkFailed, match=r"hot-week.*heat-wave"):
        await workers.replay(job, lambda _share, words: told.append(words))
    assert told == ["making a simulated plant ready"]
    assert list(tmp_path.iterdir()) == []
