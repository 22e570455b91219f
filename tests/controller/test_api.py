"""The API answers every mistake with its own code, and a mistake never moves the plant."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace

import pytest
from api_kit import Desk, api_room
from sqlalchemy.exc import OperationalError
from supervision_kit import A_AIR, WATER

from controller.alarms import AlarmKind
from controller.api import build_app
from controller.proposals import Proposal
from plant.points import PointId


@pytest.fixture
def d() -> Desk:
    return api_room()


def offered(d: Desk, air: float = 18.4) -> Proposal:
    r = d.room
    return r.desk.offer(r.draft({A_AIR: air, WATER: 7.3}), r.now)


async def decide(d: Desk, p: Proposal, digest: str | None = None, who: str = "operator", **body: object):
    async with d.client(who) as c:
        return await c.post(
            f"/api/v1/proposals/{p.id}/decision",
            json={"decision": "approve", "digest": digest or p.digest, **body},
        )


async def carry_out(d: Desk) -> int:
    """One turn of the cycle; how many registers were written."""
    r = d.room
    granted = r.desk.granted(r.now)
    if granted is not None:
        await r.carry_out(granted, held=r.holds.levers(r.now))
    return len(r.plant.writes)


async def test_an_approved_proposal_is_carried_out_exactly(d: Desk) -> None:
    p = offered(d)
    answer = await decide(d, p)
    assert answer.status_code == 200
    assert answer.json()["decided_by"] == "operator-1"
    assert await carry_out(d) == 3


async def refused_without_a_write(d: Desk, answer, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    before = dict(d.room.plant.registers)
    assert await carry_out(d) == 0
    assert d.room.plant.registers == before


async def test_one_byte_different_is_409(d: Desk) -> None:
    p = offered(d)
    wrong = ("1" if p.digest[0] != "1" else "2") + p.digest[1:]
    await refused_without_a_write(d, await decide(d, p, wrong), 409, "digest_mismatch")


async def test_rejected_then_approved_is_409(d: Desk) -> None:
    p = offered(d)
    assert (await decide(d, p, decision="reject", code="not_now")).status_code == 200
    await refused_without_a_write(d, await decide(d, p), 409, "already_decided")


async def test_expired_is_410(d: Desk) -> None:
    p = offered(d)
    d.room.clock.forward(d.room.site.safety.proposal_expiry_s)
    await refused_without_a_write(d, await decide(d, p), 410, "expired")


async def test_a_plant_that_changed_is_412(d: Desk) -> None:
    p = offered(d)
    d.room.plant.registers[PointId("plant.chw-supply.setpoint")] = 8.0
    await refused_without_a_write(d, await decide(d, p), 412, "plant_changed")


async def test_a_zone_that_got_hot_is_412(d: Desk) -> None:
    p = offered(d)
    d.room.plant.inlet_c["zone-a"] = 27.4
    await refused_without_a_write(d, await decide(d, p), 412, "plant_changed")


async def test_held_is_423_and_a_hold_withdraws_what_waits(d: Desk) -> None:
    p = offered(d)
    async with d.client() as c:
        held = await c.post("/api/v1/holds", json={"target": "crah-1", "minutes": 180, "reason": "belt"})
        assert held.status_code == 201
        assert (await c.get(f"/api/v1/proposals/{p.id}")).json()["status"] == "superseded"
    newer = offered(d)
    await refused_without_a_write(d, await decide(d, newer), 423, "held")
    async with d.client() as c:
        assert (await c.delete(f"/api/v1/holds/{held.json()['id']}")).status_code == 200
        assert (await c.delete(f"/api/v1/holds/{held.json()['id']}")).status_code == 404
    assert (await decide(d, newer)).status_code == 200


@pytest.mark.parametrize("who", ["", "viewer"])
async def test_who_may_not_decide_does_not(d: Desk, who: str) -> None:
    status, code = (403, "forbidden") if who else (401, "unauthenticated")
    await refused_without_a_write(d, await decide(d, offered(d), who=who), status, code)


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "approve"},
        {"decision": "maybe", "digest": "0" * 64},
        {"decision": "approve", "digest": "xyz"},
        {"decision": "approve", "digest": "0" * 64, "force": True},
    ],
)
async def test_a_malformed_decision_is_422(d: Desk, body: dict) -> None:
    p = offered(d)
    async with d.client() as c:
        answer = await c.post(f"/api/v1/proposals/{p.id}/decision", json=body)
    await refused_without_a_write(d, answer, 422, "invalid")


async def test_a_token_that_ended_or_was_revoked_is_401(d: Desk) -> None:
    async with d.client() as c:
        assert (await c.get("/api/v1/state")).status_code == 200
        d.deps.tokens.revoke(d.tokens["operator"].split("_")[1], by="admin-1", at=d.room.now)
        assert (await c.get("/api/v1/state")).status_code == 401
    async with d.client("viewer") as c:
        d.deps.wall.forward(9 * 3600)  # type: ignore[attr-defined]
        answer = await c.get("/api/v1/state")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_api_route_wants_a_token(d: Desk) -> None:
    open_paths = {"/healthz", "/readyz", "/metrics"}
    async with d.client("") as c:
        document = (await c.get("/openapi.json")).json()
        for path, methods in document["paths"].items():
            for method in methods:
                answer = await c.request(method.upper(), path.replace("{", "").replace("}", ""), json={})
                assert (answer.status_code == 200) is (path in open_paths), path
                if path not in open_paths:
                    assert answer.status_code == 401, path


async def test_the_console_page_is_served_without_a_token_and_loads_nothing_foreign(d: Desk) -> None:
    async with d.client("") as c:
        for asset in ("", "console.css", "console.js", "icon.svg"):
            answer = await c.get(f"/console/{asset}")
            assert answer.status_code == 200
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace(
                "https", "http"
            )
        assert (await c.get("/console/../api/app.py")).status_code == 404
        assert (await c.get("/console/secret")).status_code == 404


async def test_stop_latches_and_resuming_takes_another_person(d: Desk) -> None:
    p = offered(d)
    assert (await decide(d, p)).status_code == 200
    async with d.client() as c:
        assert (await c.post("/api/v1/stop", json={"reason": "smoke"})).json()["by"] == "operator-1"
        assert (await c.get("/api/v1/state")).json()["mode"] == "fallback"
        assert await carry_out(d) == 0
        request = await c.post("/api/v1/resume", json={"reason": "clear"})
        assert request.status_code == 202
        path = f"/api/v1/resume/{request.json()['id']}/confirmation"
        same = await c.post(path)
        assert (same.status_code, same.json()["code"]) == (403, "same_person")
    async with d.client("operator-2") as c:
        assert (await c.post(path)).json()["stopped"] is None
        assert (await c.post(path)).status_code == 409
        assert (await c.post("/api/v1/resume", json={"reason": "clear"})).status_code == 409
    assert await carry_out(d) == 0  # what was approved before the stop ended with it


async def test_stop_is_pressed_with_the_database_gone(d: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    monkeypatch.setattr(d.room.store._engine, "begin", gone)
    async with d.client() as c:
        assert (await c.post("/api/v1/stop", json={"reason": "smoke"})).status_code == 200
        assert d.room.modes.stopped is not None
        lost = await c.get("/api/v1/proposals")
        assert (lost.status_code, lost.json()["code"]) == (503, "store_unavailable")


async def test_a_promotion_waits_for_a_second_engineer(d: Desk) -> None:
    async with d.client("engineer") as c:
        asked = await c.put("/api/v1/modes/site", json={"mode": "supervised", "reason": "two good weeks"})
        assert asked.status_code == 202
        path = f"/api/v1/modes/requests/{asked.json()['id']}/confirmation"
        assert (await c.post(path)).json()["code"] == "same_person"
    async with d.client("operator") as c:
        assert (await c.post(path)).status_code == 403
    async with d.client("engineer-2") as c:
        assert (await c.post(path)).json()["effective"]["site"] == "supervised"
        down = await c.put("/api/v1/modes/zone-a", json={"mode": "shadow", "reason": "sensor work"})
        assert (down.status_code, down.json()["effective"]["zone-a"]) == (200, "shadow")
        assert (
            await c.put("/api/v1/modes/zone-z", json={"mode": "shadow", "reason": "x"})
        ).status_code == 404
        assert (
            await c.put("/api/v1/modes/site", json={"mode": "fallback", "reason": "x"})
        ).status_code == 422


async def test_standing_approvals_are_bounded_and_can_be_revoked(d: Desk) -> None:
    body = {"ranges": {"zone-a.supply-air": {"low": 18, "high": 21}}, "minutes": 60, "count": 3}
    async with d.client("operator") as c:
        assert (await c.post("/api/v1/standing-approvals", json=body)).status_code == 403
    async with d.client("engineer") as c:
        granted = await c.post("/api/v1/standing-approvals", json=body)
        assert granted.status_code == 201
        assert [s["remaining"] for s in (await c.get("/api/v1/standing-approvals")).json()] == [3]
        wrong = {**body, "ranges": {"zone-z": {"low": 1, "high": 2}}}
        assert (await c.post("/api/v1/standing-approvals", json=wrong)).status_code == 404
        turned = {**body, "ranges": {"zone-a.supply-air": {"low": 2, "high": 1}}}
        assert (await c.post("/api/v1/standing-approvals", json=turned)).status_code == 422
        gone = await c.delete(f"/api/v1/standing-approvals/{granted.json()['id']}")
        assert gone.status_code == 204
        assert (await c.get("/api/v1/standing-approvals")).json() == []


async def test_alarms_are_acknowledged_and_safety_alarms_never_shelved(d: Desk) -> None:
    hot = d.deps.alarms.raise_(AlarmKind.INLET_RECOMMENDED, "zone-a", "27.3 °C", d.room.now)
    moved = d.deps.alarms.raise_(AlarmKind.SETPOINT_MOVED, "crah-1", "16 °C", d.room.now)
    assert hot is not None
    assert moved is not None
    async with d.client() as c:
        assert len((await c.get("/api/v1/alarms")).json()) == 2
        shelf = {"minutes": 30, "reason": "known"}
        assert (await c.post(f"/api/v1/alarms/{hot.id}/shelf", json=shelf)).status_code == 423
        assert (await c.post(f"/api/v1/alarms/{moved.id}/shelf", json=shelf)).status_code == 200
        assert [a["id"] for a in (await c.get("/api/v1/alarms")).json()] == [hot.id]
        seen = await c.post(f"/api/v1/alarms/{hot.id}/acknowledgement")
        assert seen.json()["acknowledged_by"] == "operator-1"
        assert (await c.get("/api/v1/alarms")).json()[0]["response"].startswith("Look for a failed fan")
        d.deps.alarms.clear(AlarmKind.INLET_RECOMMENDED, "zone-a", d.room.now)
        assert (await c.get("/api/v1/alarms")).json() == []


async def test_the_audit_log_is_shown_and_verified(d: Desk) -> None:
    await decide(d, offered(d))
    async with d.client("viewer") as c:
        newest = (await c.get("/api/v1/audit?limit=1")).json()[0]
        assert (newest["kind"], newest["who"]) == ("proposal.approved", "operator-1")
        verified = (await c.get("/api/v1/audit/verification")).json()
        assert verified["intact"]
        assert verified["head"] == newest["hash"]


async def test_unknown_numbers_are_null_not_zero(d: Desk) -> None:
    offered(d)
    async with d.client("viewer") as c:
        assert (await c.get("/api/v1/state")).json()["facility_kw"] is None
        proposal = (await c.get("/api/v1/proposals?status=pending")).json()[0]
        assert proposal["effect"]["water_l"] == {"value": 3.0, "low": None, "high": None}
        assert proposal["changes"][0]["unit"] == "degC"


async def test_too_many_requests_are_429() -> None:
    d = api_room(requests_per_minute=3)
    async with d.client("viewer") as c:
        answers = [await c.get("/api/v1/whoami") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    async with d.client("operator") as c:
        assert (await c.get("/api/v1/whoami")).status_code == 200, "another caller is not slowed down"


@pytest.mark.parametrize("per_minute", [3, 45, 600])
async def test_who_waits_as_long_as_told_is_answered_and_who_waits_less_is_not(per_minute: int) -> None:
    d, now = api_room(requests_per_minute=per_minute), [0.0]
    d.app = build_app(replace(d.deps, ticker=lambda: now[0]))
    async with d.client("viewer") as c:
        for _ in range(per_minute):
            assert (await c.get("/api/v1/whoami")).status_code == 200
        told = await c.get("/api/v1/whoami")
        assert (told.status_code, told.json()["code"]) == (429, "too_many_requests")
        wait_s = int(told.headers["retry-after"])
        assert wait_s == math.ceil(60 / per_minute)
        now[0] += 60 / per_minute - 0.01
        assert (await c.get("/api/v1/whoami")).status_code == 429
        now[0] = wait_s
        assert (await c.get("/api/v1/whoami")).status_code == 200


async def test_guessing_tokens_is_slowed_down(d: Desk) -> None:
    d.tokens["guess"] = "cw_000000000000_x"
    async with d.client("guess") as c:
        statuses = [(await c.get("/api/v1/whoami")).status_code for _ in range(40)]
    assert statuses[:30] == [401] * 30
    assert set(statuses[31:]) == {429}


async def test_events_arrive_as_they_happen_and_end_with_the_service(d: Desk) -> None:
    p = offered(d)
    seen: list[str] = []

    async def listen() -> None:
        async with d.client("viewer") as c, c.stream("GET", "/api/v1/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            seen.extend([line async for line in stream.aiter_lines()])

    listening = asyncio.create_task(listen())
    while not d.deps.events.watched:
        await asyncio.sleep(0.01)
    await decide(d, p)
    while not d.deps.events.drained:
        await asyncio.sleep(0.01)
    d.deps.stopping.set()
    await asyncio.wait_for(listening, 5)
    data = [json.loads(line.removeprefix("data: ")) for line in seen if line.startswith("data: ")]
    told = [line.removeprefix("event: ") for line in seen if line.startswith("event: ")]
    assert told == ["hello", "state", "proposal", "state"]
    assert (data[0], data[2]) == ({"site": "demo"}, {"id": p.id, "status": "approved"})
    assert data[1]["zones"][0]["worst_inlet_c"] == 22.0


async def test_not_ready_says_why_with_503(d: Desk) -> None:
    from dataclasses import replace

    from controller.api import build_app
    from controller.status import Readiness

    deps = replace(d.deps, readiness=lambda: Readiness(False, ("no plan for 20 min",)), status=lambda: None)
    other = Desk(d.room, build_app(deps), deps, d.tokens)
    async with other.client("viewer") as c:
        answer = await c.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["no plan for 20 min"])
        assert (await c.get("/api/v1/state")).json()["code"] == "not_ready"


async def test_the_handover_tells_the_next_shift_what_stood_out(d: Desk) -> None:
    d.room.clock.forward(24 * 3600)
    await decide(d, offered(d), decision="reject", code="maintenance")
    async with d.client() as c:
        await c.post("/api/v1/holds", json={"target": "crah-1", "minutes": 180, "reason": "belt"})
        d.room.clock.forward(3600)
        await c.post("/api/v1/stop", json={"reason": "smoke"})
        told = (await c.get("/api/v1/handover?hours=8")).json()
        assert told["proposals"] == {"offered": 1, "rejected": 1}
        assert told["people"] == {"operator-1": 3}
        assert [e["kind"] for e in told["events"]] == ["proposal.rejected", "hold.placed", "stop"]
        assert [h["reason"] for h in told["holds"]] == ["belt"]
        late = (await c.get("/api/v1/handover?hours=0.5")).json()
        assert [e["kind"] for e in late["events"]] == ["stop"]
