"""The console in a real browser: judge, reject, approve, stop, and two people to resume."""

from __future__ import annotations

import math
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvicorn
from api_kit import Desk, api_room
from supervision_kit import A_AIR, WATER

from controller.contingency import TripOutcome
from controller.proposals import InletOutlook, ProposalStatus
from plant.points import OwnerId

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
]


@pytest.fixture
def served() -> Iterator[tuple[Desk, str]]:
    desk = api_room()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(desk.app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield desk, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_an_operator_judges_decides_stops_and_another_lets_go(served: tuple[Desk, str]) -> None:
    from playwright.sync_api import Page, sync_playwright

    desk, url = served
    r = desk.room
    draft = replace(
        r.draft({A_AIR: 18.4, WATER: 7.3}),
        inlets=tuple(InletOutlook(z.id, 22.0, 22.4, 0.2, 27.0) for z in r.site.zones),
        trips=tuple(TripOutcome(OwnerId("crah-1"), z.id, 29.0, 32.0, math.inf) for z in r.site.zones),
    )
    first = r.desk.offer(draft, r.now)
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])

        def sign_in(who: str) -> Page:
            page = browser.new_context().new_page()
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda e: complaints.append(str(e)))
            page.on("request", lambda q: None if q.url.startswith(url) else complaints.append(q.url))
            page.goto(url)
            page.fill("#token", desk.tokens[who])
            page.click("#login button")
            page.wait_for_selector("#main:not([hidden])")
            return page

        page = sign_in("operator")
        page.wait_for_selector("#approve:enabled")
        shown = page.inner_text("#proposal")
        for fact in (
            "18.4 °C",
            "7.3 °C",
            "−12.0 kW",
            "−15.0 to −9.0",
            "interval not known yet",
            first.digest,
        ):
            assert fact in shown
        assert "zone-a at 22.4 °C, 4.6 K below its limit" in page.inner_text("#verdict")
        assert "if crah-1 trips" in page.inner_text("#verdict") or "may trip" in page.inner_text("#verdict")
        page.click("#approve")
        page.wait_for_selector("text=Nothing waits for you")
        approved = r.desk.get(first.id)
        assert approved is not None
        assert (approved.status, approved.decided_by) == (ProposalStatus.APPROVED, "operator-1")

        second = r.desk.offer(replace(draft, reason="another"), r.now)
        page.set_viewport_size({"width": 390, "height": 844})  # a phone: both answers without scrolling
        page.wait_for_selector("#reject:enabled")
        for button in ("#approve", "#reject"):
            box = page.locator(button).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 844
        assert page.is_hidden("#code")
        page.click("#reject")
        page.wait_for_selector("text=Choose which kind of no it is")
        page.select_option("#code", "maintenance")
        page.click("#reject")
        page.wait_for_selector("text=Nothing waits for you")
        assert r.desk.get(second.id).decision_code == "maintenance"  # type: ignore[union-attr]
        page.fill("#hold-target", "crah-3")
        page.fill("#hold-why", "belt")
        page.click("#hold-form button")
        page.wait_for_selector("#holds >> text=crah-3 until")

        page.click("#stop")
        page.fill("#stop-why", "smoke")
        page.click("#stop-form .stop")
        page.wait_for_selector("#stopped:not([hidden])")
        page.fill("#resume-why", "all clear")
        page.click("#resume")
        page.wait_for_selector("#requests button:disabled")
        other = sign_in("operator-2")
        other.click("#requests button:enabled")
        other.wait_for_selector("#stopped", state="hidden")
        assert r.modes.stopped is None
        assert other.inner_text("#mode") == "advisory"

        for who, does in (("engineer", "#limit-form button"), ("engineer-2", "#requests button:enabled")):
            engineer = sign_in(who)
            engineer.wait_for_selector("#limit-form:not([hidden])")
            if who == "engineer":
                engineer.select_option("#limit-name", "zone-a.recommended_max_c")
                engineer.fill("#limit-value", "25.5")
                engineer.fill("#limit-why", "old servers")
            engineer.click(does)
            engineer.wait_for_selector(
                "#waiting:not([hidden])" if who == "engineer" else "#limits >> text=25.5"
            )
        assert desk.deps.limits.site.zones[0].limits.recommended_max_c == 25.5

        viewer = sign_in("viewer")
        r.desk.offer(r.draft({A_AIR: 18.2}), r.now)
        viewer.wait_for_selector("#proposal:not([hidden])")
        viewer.wait_for_timeout(2000)
        assert viewer.is_disabled("#approve")
        browser.close()
    assert complaints == []
