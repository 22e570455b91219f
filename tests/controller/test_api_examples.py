"""Every operation of the OpenAPI document has examples, true ones: answers of this program, kept beside it.

Run this file as a program to renew `controller/api/examples.json` after an answer has changed.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from api_kit import Desk, api_room
from supervision_kit import A_AIR, WATER

from controller.alarms import AlarmKind
from controller.api.examples import EXAMPLES, FILE
from controller.api.problems import Code
from controller.feeds import open_feeds
from controller.job_runner import JobRunner
from controller.jobs import JobKind, Result
from controller.reporting import Order, make_report
from controller.webhooks import DeliveryStatus
from reports.archive import Archive
from reports.evidence import EvidenceBook
from reports.periods import named_period
from telemetry.historian import Historian

FROZEN = "zone-c.fan-speed"
DOCUMENTS = frozenset({"GET /api/v1/reports/energy", "GET /api/v1/reports/closed/{report_id}/files/{name}"})
"""Answers that are files, and long; docs/reports.md shows what is in them."""
DOCS = Path(__file__).parents[2] / "docs" / "api.md"


async def collect(d: Desk, reports: Path) -> dict[str, Any]:
    """Ask for everything once; by "METHOD /path" the JSON of the answer."""
    await closed_report(d, reports)
    r, found = d.room, {}

    async def ask(key: str, path: str, body: Any = None, who: str = "engineer") -> Any:
        async with d.client(who) as c:
            answer = await c.request(key.split()[0], path, json=body)
        assert answer.is_success, (key, answer.text)
        if answer.content and key not in DOCUMENTS:
            found[key] = answer.json()
        return found.get(key)

    p = r.desk.offer(r.draft({A_AIR: 18.4, WATER: 7.3}), r.now)
    alarm = d.deps.alarms.raise_(AlarmKind.STALE_DATA, "zone-d", "no reading for 4 min", r.now)
    assert alarm is not None
    v1 = "/api/v1"
    for path in ("whoami", "state", "savings", "alarms", "proposals", "modes", "limits", "rollout"):
        await ask(f"GET {v1}/{path}", f"{v1}/{path}")
    await ask(f"GET {v1}/alarms/{{alarm_id}}", f"{v1}/alarms/{alarm.id}")
    shelf = {"minutes": 60, "reason": "sensor on order"}
    await ask(f"POST {v1}/alarms/{{alarm_id}}/shelf", f"{v1}/alarms/{alarm.id}/shelf", shelf)
    seen = f"{v1}/alarms/{alarm.id}/acknowledgement"
    await ask(f"POST {v1}/alarms/{{alarm_id}}/acknowledgement", seen)
    await ask(f"GET {v1}/proposals/{{proposal_id}}", f"{v1}/proposals/{p.id}")
    no = {"decision": "reject", "digest": p.digest, "code": "maintenance", "reason": "belt"}
    await ask(f"POST {v1}/proposals/{{proposal_id}}/decision", f"{v1}/proposals/{p.id}/decision", no)
    hold = await ask(
        f"POST {v1}/holds", f"{v1}/holds", {"target": "crah-3", "minutes": 180, "reason": "belt"}
    )
    await ask(f"GET {v1}/holds", f"{v1}/holds")
    await ask(f"GET {v1}/holds/{{hold_id}}", f"{v1}/holds/{hold['id']}")
    await ask(f"DELETE {v1}/holds/{{hold_id}}", f"{v1}/holds/{hold['id']}")
    grant = {"ranges": {str(A_AIR): {"low": 18, "high": 23}}, "minutes": 480, "count": 40}
    given = await ask(f"POST {v1}/standing-approvals", f"{v1}/standing-approvals", grant)
    await ask(f"GET {v1}/standing-approvals", f"{v1}/standing-approvals")
    await ask(f"GET {v1}/standing-approvals/{{approval_id}}", f"{v1}/standing-approvals/{given['id']}")
    await two_people(ask, v1)
    await long_work(d, ask, v1)
    await other_rooms(d, ask, v1)
    for path in ("audit", "audit/verification", "handover", "rollout/commissioning"):
        await ask(f"GET {v1}/{path}", f"{v1}/{path}")
    for path in ("healthz", "readyz"):
        await ask(f"GET /{path}", f"/{path}")
    return {key: shortened(value) for key, value in sorted(found.items())}


async def two_people(ask: Any, v1: str) -> None:
    limit = f"{v1}/limits/zone-a.recommended_max_c"
    wish = {"value": 25.5, "reason": "old servers in row 3"}
    asked = await ask(f"PUT {v1}/limits/{{name}}", limit, wish)
    path = f"{v1}/limits/requests/{asked['id']}/confirmation"
    await ask(f"POST {v1}/limits/requests/{{request_id}}/confirmation", path, None, "engineer-2")
    await ask(f"GET {v1}/limits/{{name}}", limit)
    up = {"mode": "supervised", "reason": "two good weeks"}
    asked = await ask(f"PUT {v1}/modes/{{scope}}", f"{v1}/modes/site", up)
    path = f"{v1}/modes/requests/{asked['id']}/confirmation"
    await ask(f"POST {v1}/modes/requests/{{request_id}}/confirmation", path, None, "engineer-2")
    await ask(f"POST {v1}/stop", f"{v1}/stop", {"reason": "smell of burning in hall 2"})
    asked = await ask(f"POST {v1}/resume", f"{v1}/resume", {"reason": "all clear"})
    path = f"{v1}/resume/{asked['id']}/confirmation"
    await ask(f"POST {v1}/resume/{{request_id}}/confirmation", path, None, "operator-2")


async def long_work(d: Desk, ask: Any, v1: str) -> None:
    async def write(_job: object, _tell: object) -> Result:
        return Result("report 2026-02", "text/csv", b"")

    async def nobody(*_: object) -> str:
        return "it answered 500"

    order = {"kind": "report", "period": "2026-02", "format": "csv"}
    job = await ask(f"POST {v1}/jobs", f"{v1}/jobs", order)
    await JobRunner(d.deps.jobs, d.room.clock, {JobKind.REPORT: write}).finish()
    await ask(f"GET {v1}/jobs/{{job_id}}", f"{v1}/jobs/{job['id']}")
    await ask(f"GET {v1}/jobs", f"{v1}/jobs")
    job = await ask(f"POST {v1}/jobs", f"{v1}/jobs", {"kind": "replay", "scenario": "heat-wave"})
    path = f"{v1}/jobs/{job['id']}/cancellation"
    await ask(f"POST {v1}/jobs/{{job_id}}/cancellation", path, {"reason": "the wrong scenario"})
    await ask(f"POST {v1}/drills", f"{v1}/drills")
    d.deps.rollout.record_drill(by="engineer-1", at=d.room.now, passed=True, took_over_after_s=151, note="ok")
    await ask(f"GET {v1}/drills", f"{v1}/drills")
    hooks = d.deps.webhooks
    hooks._post = nobody
    d.deps.alarms.listen(hooks.told)
    d.deps.alarms.raise_(AlarmKind.LEVER_SILENT, str(A_AIR), "no answer", d.room.now)
    while hooks.count(DeliveryStatus.DEAD) == 0:
        await hooks.deliver()
        d.room.clock.forward(4000)
    (dead, *_) = await ask(f"GET {v1}/webhooks/deliveries", f"{v1}/webhooks/deliveries")
    path = f"{v1}/webhooks/deliveries/{dead['id']}/retry"
    await ask(f"POST {v1}/webhooks/deliveries/{{delivery_id}}/retry", path)


async def other_rooms(d: Desk, ask: Any, v1: str) -> None:
    await ask(f"GET {v1}/levers/frozen", f"{v1}/levers/frozen")
    mended = f"{v1}/levers/{FROZEN}/mended"
    await ask(f"POST {v1}/levers/{{lever}}/mended", mended, {"reason": "the drive was replaced"})
    wish = {"days": 14, "seed": 20260302, "block_h": 24}
    asked = await ask(f"POST {v1}/switchback", f"{v1}/switchback", wish)
    path = f"{v1}/switchback/requests/{asked['id']}/confirmation"
    await ask(f"POST {v1}/switchback/requests/{{request_id}}/confirmation", path, None, "engineer-2")
    await ask(f"GET {v1}/switchback", f"{v1}/switchback")
    await ask(f"POST {v1}/switchback/stop", f"{v1}/switchback/stop", {"reason": "a chiller is down"})
    await ask(f"GET {v1}/reports/energy", f"{v1}/reports/energy?period=2026-02")
    closed = f"{v1}/reports/closed"
    (one, *_) = await ask(f"GET {closed}", closed)
    under = f"{closed}/{one['report']}"
    await ask(f"GET {closed}/{{report_id}}", under)
    await ask(f"GET {closed}/{{report_id}}/verification", f"{under}/verification")
    await ask(f"GET {closed}/{{report_id}}/changes", f"{under}/changes")
    await ask(f"GET {closed}/{{report_id}}/explanation", f"{under}/explanation?cell=total/pue")
    await ask(f"GET {closed}/{{report_id}}/files/{{name}}", f"{under}/files/report.json")


async def closed_report(d: Desk, folder: Path) -> None:
    """A month nobody measured, closed: every figure is withheld, and says why."""
    site, month = d.room.site, named_period("2026-02", d.room.site.timezone)
    book = EvidenceBook()
    report = await make_report(
        site,
        Historian("sqlite://"),
        open_feeds(site, d.room.clock),
        None,
        Order(month.start, month.end),
        generated_at=d.room.now,
        keep=book.keep,
    )
    Archive(folder).close(report, book, None, at=d.room.now, by="ann")


def shortened(value: Any) -> Any:
    """Long lists are told by their first two items."""
    if isinstance(value, dict):
        return {k: shortened(v) for k, v in value.items()}
    return [shortened(v) for v in value[:2]] if isinstance(value, list) else value


def collected() -> tuple[Desk, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        d = api_room(reports=Path(folder), frozen=FROZEN)
        return d, asyncio.run(collect(d, Path(folder)))


def document() -> dict[str, Any]:
    return json.loads(json.dumps(api_room().app.openapi()))


def operations(doc: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{m.upper()} {path}", op) for path, found in doc["paths"].items() for m, op in found.items()]


def test_the_examples_have_the_shape_of_what_is_answered_today() -> None:
    _, now = collected()
    assert set(now) == set(EXAMPLES), "renew the file: python tests/controller/test_api_examples.py"
    for key, told in now.items():
        assert set(_keys(told)) == set(_keys(EXAMPLES[key])), f"{key} has changed: renew the file"


def _keys(value: Any) -> list[str]:
    return list(value[0] if isinstance(value, list) and value else value)


_BEGINNINGS = ("proposal.offered", "proposal.started", "job.asked")
_WISHES = (".requested", ".agreed", ".refused", ".not_earned")


def test_every_state_change_is_on_record_with_who_what_before_and_after() -> None:
    d, _ = collected()
    records = d.room.audit.tail(500)
    families = {r.kind.split(".")[0] for r in records}
    assert {"alarm", "hold", "job", "limits", "mode", "proposal", "resume", "standing", "stop"} <= families
    for r in records:
        if r.kind not in _BEGINNINGS and not r.kind.endswith(_WISHES):
            assert {"before", "after"} <= set(r.what), r
        assert r.who, r


def test_every_operation_shows_an_example_of_what_goes_in_and_what_comes_out() -> None:
    doc = document()
    missing = []
    for key, op in operations(doc):
        body = op.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body is not None and not _examples_of(body, doc):
            missing.append(f"{key}: body")
        for status, answer in op["responses"].items():
            media = answer.get("content", {}).get("application/json", {})
            if status.startswith("2") and media.get("schema") and "example" not in media:
                missing.append(f"{key}: {status}")
    assert missing == []


def test_every_example_is_valid_by_its_own_schema() -> None:
    doc = document()
    for _, op in operations(doc):
        for status, answer in op["responses"].items():
            media = answer.get("content", {}).get("application/json", {})
            if status.startswith("2") and "example" in media and "schema" in media:
                schema = {**media["schema"], "components": doc["components"]}
                jsonschema.validate(media["example"], schema)


def _examples_of(schema: dict[str, Any], doc: dict[str, Any]) -> list[Any]:
    if "$ref" in schema:
        return _examples_of(doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], doc)
    parts = schema.get("oneOf", schema.get("anyOf", []))
    inside = [e for part in parts for e in _examples_of(part, doc)]
    return [*schema.get("examples", []), *inside, *([schema["example"]] if "example" in schema else [])]


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_in_the_manual(code: Code) -> None:
    assert f"`{code}`" in DOCS.read_text(encoding="utf-8")


if __name__ == "__main__":
    FILE.write_text(json.dumps(collected()[1], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
