"""ETags, limits, jobs, drills, the commissioning record, deliveries and the stream: over the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from api_kit import Desk, api_room
from supervision_kit import A_AIR, START

from controller.alarms import AlarmKind
from controller.job_runner import JobRunner, Tell
from controller.jobs import Job, JobBook, JobKind, JobStatus, Result
from controller.webhooks import DeliveryStatus

LIMIT = "/api/v1/limits/zone-a.recommended_max_c"


@pytest.fixture
def d() -> Desk:
    return api_room()


async def ask(d: Desk, method: str, path: str, who: str = "engineer", **more: Any) -> Any:
    async with d.client(who) as c:
        return await c.request(method, f"/api/v1{path}" if not path.startswith("/api") else path, **more)


async def test_a_change_decided_on_an_old_picture_is_412_and_changes_nothing(d: Desk) -> None:
    r = d.room
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    hold = (await ask(d, "POST", "/holds", json={"target": "crah-5", "minutes": 60, "reason": "belt"})).json()
    alarm = d.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading", r.now)
    assert alarm is not None
    grant = {"ranges": {str(A_AIR): {"low": 18, "high": 20}}, "minutes": 60, "count": 3}
    standing = (await ask(d, "POST", "/standing-approvals", json=grant)).json()
    reason = {"reason": "x"}
    changes: Sequence[tuple[str, str, str, Any]] = (
        ("PUT", "/modes/site", "/modes", {"mode": "shadow", **reason}),
        ("PUT", LIMIT, LIMIT, {"value": 25.0, **reason}),
        ("POST", f"/alarms/{alarm.id}/shelf", f"/alarms/{alarm.id}", {"minutes": 60, **reason}),
        ("POST", f"/alarms/{alarm.id}/acknowledgement", f"/alarms/{alarm.id}", None),
        ("DELETE", f"/holds/{hold['id']}", f"/holds/{hold['id']}", None),
        ("DELETE", f"/standing-approvals/{standing['id']}", f"/standing-approvals/{standing['id']}", None),
        (
            "POST",
            f"/proposals/{p.id}/decision",
            f"/proposals/{p.id}",
            {"decision": "reject", "digest": p.digest, "code": "not_now"},
        ),
    )
    for method, path, look, body in changes:
        head = r.audit.head()
        old = await ask(d, method, path, json=body, headers={"If-Match": '"what-it-was"'})
        assert (old.status_code, old.json()["code"]) == (412, "precondition_failed"), path
        assert r.audit.head() == head, "a refused change leaves no trace because it did nothing"
        tag = (await ask(d, "GET", look)).headers["ETag"]
        assert old.headers["ETag"] == tag
        weak = await ask(d, method, path, json=body, headers={"If-Match": f"W/{tag}"})
        assert weak.status_code == 412, "weak tags never match (RFC 9110, 13.1.1)"
        new = await ask(d, method, path, json=body, headers={"If-Match": f'"other", {tag}'})
        assert new.is_success, (path, new.text)


async def test_a_limit_takes_two_engineers(d: Desk) -> None:
    body = {"value": 25.0, "reason": "old servers"}
    assert (await ask(d, "PUT", LIMIT, "operator", json=body)).status_code == 403
    wide = await ask(d, "PUT", LIMIT, json={**body, "value": 29.0})
    assert (wide.status_code, wide.json()["code"]) == (409, "not_narrower")
    assert (await ask(d, "PUT", "/limits/zone-z.high", json=body)).status_code == 404
    asked = await ask(d, "PUT", LIMIT, json=body)
    assert asked.status_code == 202
    path = f"/limits/requests/{asked.json()['id']}/confirmation"
    assert (await ask(d, "POST", path)).json()["code"] == "same_person"
    assert (await ask(d, "GET", LIMIT)).json()["value"] == 27.0
    assert (await ask(d, "POST", path, "engineer-2")).status_code == 200
    shown = (await ask(d, "GET", LIMIT)).json()
    assert (shown["value"], shown["hard"], shown["by"]) == (25.0, 27.0, "engineer-1 and engineer-2")
    assert (await ask(d, "POST", path, "engineer-2")).status_code == 409


async def test_a_narrowed_inlet_limit_refuses_an_approval_that_it_allowed_before(d: Desk) -> None:
    r = d.room
    r.plant.inlet_c["zone-a"] = 25.6
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    asked = await ask(d, "PUT", LIMIT, json={"value": 25.0, "reason": "old servers"})
    await ask(d, "POST", f"/limits/requests/{asked.json()['id']}/confirmation", "engineer-2")
    body = {"decision": "approve", "digest": p.digest}
    answer = await ask(d, "POST", f"/proposals/{p.id}/decision", "operator", json=body)
    assert (answer.status_code, answer.json()["code"]) == (412, "plant_changed")
    assert r.plant.writes == []


async def test_long_work_is_202_then_a_status_then_a_document(d: Desk) -> None:
    asked = await ask(
        d, "POST", "/jobs", "operator", json={"kind": "report", "period": "2026-02", "format": "csv"}
    )
    where = asked.headers["Location"]
    assert asked.status_code == 202
    assert (await ask(d, "GET", where)).json()["status"] == "queued"
    assert (await ask(d, "GET", f"{where}/result")).json()["code"] == "not_finished"
    twice = await ask(
        d, "POST", "/jobs", "operator", json={"kind": "report", "period": "2026-02", "format": "csv"}
    )
    assert twice.headers["Location"] == where, "the same work is not done twice at once"

    async def write(job: Job, tell: Tell) -> Result:
        return Result("a report", "text/csv; charset=utf-8", str(job.order["period"]).encode())

    await JobRunner(d.deps.jobs, d.room.clock, {JobKind.REPORT: write}).finish()
    done = (await ask(d, "GET", where)).json()
    assert (done["status"], done["note"], done["result"]) == ("done", "a report", f"{where}/result")
    document = await ask(d, "GET", done["result"])
    assert (document.text, document.headers["content-type"]) == ("2026-02", "text/csv; charset=utf-8")
    assert (
        await ask(d, "POST", "/jobs", "operator", json={"kind": "report", "period": "soon"})
    ).status_code == 422
    assert (await ask(d, "POST", "/jobs", "operator", json={"kind": "calibration"})).status_code == 403


async def test_a_bug_in_a_job_is_the_jobs_failure_and_a_restart_begins_it_anew(d: Desk) -> None:
    async def broken(job: Job, tell: Tell) -> Result:
        raise ZeroDivisionError("no meter")

    book = d.deps.jobs
    job = book.ask(JobKind.REPORT, {}, by="eve", at=START)
    await JobRunner(book, d.room.clock, {JobKind.REPORT: broken}).finish()
    failed = book.get(job.id)
    assert failed is not None
    assert (failed.status, failed.note) == (JobStatus.FAILED, "no meter")

    again = book.ask(JobKind.CALIBRATION, {}, by="eve", at=START)
    drill = book.ask(JobKind.DRILL, {}, by="eve", at=START)
    assert book.begin(again, START)
    assert book.begin(drill, START)
    assert not book.begin(drill, START), "claimed once"
    restarted = JobBook(d.room.store, d.room.audit)
    restarted.recover(START)
    assert [j.id for j in restarted.queued()] == [again.id]
    assert restarted.get(drill.id).note == "the program ended meanwhile"  # type: ignore[union-attr]


async def test_a_drill_is_a_job_and_its_want_is_shown(d: Desk) -> None:
    from dataclasses import replace

    from controller.api import build_app

    told = (await ask(d, "GET", "/drills", "viewer")).json()
    assert (told["last"], told["blocks_supervised"]) == (None, "the dead-man drill was never held")
    started = await ask(d, "POST", "/drills")
    assert (started.status_code, started.json()["kind"]) == (202, "drill")
    d.deps.rollout.record_drill(by="eve", at=d.room.now, passed=True, took_over_after_s=151)
    told = (await ask(d, "GET", "/drills", "viewer")).json()
    assert (told["blocks_supervised"], told["last"]["took_over_after_s"]) == ("", 151)
    assert told["due"][:10] == f"{START + timedelta(days=92):%Y-%m-%d}"
    d.app = build_app(replace(d.deps, drill_objection=lambda: "the stop is latched"))
    barred = await ask(d, "POST", "/drills")
    assert (barred.status_code, barred.json()["code"]) == (423, "held")


async def test_the_commissioning_record_is_json_or_a_page_to_sign(d: Desk) -> None:
    d.room.modes.change("zone-a", d.room.modes.chosen().SHADOW, by="eve", at=START, reason="a | b")
    page = await ask(d, "GET", "/rollout/commissioning?format=md", "viewer")
    assert page.headers["content-type"].startswith("text/markdown")
    assert "mode.set | eve" in page.text
    assert "a \\| b" in page.text
    record = (await ask(d, "GET", "/rollout/commissioning", "viewer")).json()
    assert record["audit_intact"] is True
    assert [e["kind"] for e in record["events"]] == ["mode.set"]
    shown = (await ask(d, "GET", "/rollout", "viewer")).json()
    assert {z["zone"]: z["stage"] for z in shown["zones"]}["zone-a"] == "shadow"


async def test_a_rejection_without_a_code_is_422(d: Desk) -> None:
    r = d.room
    p = r.desk.offer(r.draft({A_AIR: 18.4}), r.now)
    path, body = f"/proposals/{p.id}/decision", {"decision": "reject", "digest": p.digest}
    assert (await ask(d, "POST", path, "operator", json=body)).status_code == 422
    no = await ask(d, "POST", path, "operator", json={**body, "code": "unsafe", "reason": "hot spot"})
    assert no.json()["decision_code"] == "unsafe"


async def test_dead_letters_are_shown_and_sent_again_by_an_engineer(d: Desk) -> None:
    hooks = d.deps.webhooks

    async def nobody(url: str, body: bytes, headers: Any) -> str:
        return "it answered 500"

    hooks._post = nobody
    d.deps.alarms.listen(hooks.told)
    d.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading", START)
    while hooks.count(DeliveryStatus.DEAD) == 0:
        await hooks.deliver()
        d.room.clock.forward(4000)
    (dead,) = (await ask(d, "GET", "/webhooks/deliveries?status=dead", "viewer")).json()
    assert (dead["attempts"], dead["last_error"]) == (10, "it answered 500")
    again = f"/webhooks/deliveries/{dead['id']}/retry"
    assert (await ask(d, "POST", again, "operator")).status_code == 403
    assert (await ask(d, "POST", again)).json()["status"] == "waiting"
    assert (await ask(d, "POST", again)).status_code == 404


async def stream_of(d: Desk, last_id: str | None) -> list[str]:
    seen: list[str] = []
    headers = {} if last_id is None else {"Last-Event-ID": last_id}

    async def listen() -> None:
        async with d.client("viewer") as c, c.stream("GET", "/api/v1/events", headers=headers) as stream:
            seen.extend([line async for line in stream.aiter_lines() if line])

    listening = asyncio.create_task(listen())
    while not d.deps.events.watched:
        await asyncio.sleep(0.01)
    d.deps.stopping.set()
    await asyncio.wait_for(listening, 5)
    d.deps.stopping.clear()
    return seen


async def test_a_stream_that_broke_goes_on_where_it_was(d: Desk) -> None:
    bus = d.deps.events
    for n in range(3):
        bus.publish("proposal", {"n": n})
    (first, *_) = bus._past
    seen = await stream_of(d, bus.id_of(first))
    assert [s for s in seen if s.startswith("event:")] == [
        "event: hello",
        "event: proposal",
        "event: proposal",
        "event: state",
    ]
    assert [json.loads(s[6:]) for s in seen if s.startswith("data:")][1:3] == [{"n": 1}, {"n": 2}]
    assert f"id: {bus.id_of(bus._past[-1])}" in seen
    for unknown in ("0-1", "nonsense", bus.id_of(first).split("-")[0] + "-999"):
        assert "event: reset" in await stream_of(d, unknown)


async def test_the_handover_begins_where_it_is_asked_to(d: Desk) -> None:
    d.room.modes.stop(by="eve", reason="smoke", at=START)
    d.room.clock.forward(7200)
    since = {"since": (START + timedelta(hours=1)).isoformat()}
    late = (await ask(d, "GET", "/handover", "viewer", params=since)).json()
    assert "stop" not in [e["kind"] for e in late["events"]]
    early = (await ask(d, "GET", "/handover", "viewer", params={"since": START.isoformat()})).json()
    assert "stop" in [e["kind"] for e in early["events"]]


async def test_a_hold_and_its_release_make_the_program_think_again_at_once(d: Desk) -> None:
    from dataclasses import replace

    from controller.api import build_app

    thoughts: list[str] = []
    d.app = build_app(replace(d.deps, replan=lambda: thoughts.append("again")))
    hold = (await ask(d, "POST", "/holds", json={"target": "crah-3", "minutes": 60, "reason": "belt"})).json()
    assert thoughts == ["again"]
    await ask(d, "DELETE", f"/holds/{hold['id']}")
    assert thoughts == ["again", "again"]


async def test_thinking_again_does_not_wait_for_the_cycle_to_be_due() -> None:
    from types import SimpleNamespace

    from controller.clock import WallClock
    from controller.service import Service

    clock = WallClock()
    service: Any = SimpleNamespace(
        controller=SimpleNamespace(parts=SimpleNamespace(clock=clock)), _rethink=asyncio.Event()
    )
    waiting = asyncio.create_task(Service._due_or_asked(service, clock.now() + timedelta(hours=1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    Service.replan(service)
    await asyncio.wait_for(waiting, 5)
