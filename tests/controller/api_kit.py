"""The API on a fake plant, with a token for each role."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from supervision_kit import HandClock, Room, room

from controller.alarms import AlarmBook, AlarmKind
from controller.api import ApiDeps, EventBus, build_app
from controller.auth import Role, TokenBook
from controller.feeds import open_feeds
from controller.jobs import JobBook
from controller.knowledge import Knowledge
from controller.lever_memory import LeverMemory
from controller.lever_truth import LeverTruth
from controller.limits import LimitBook
from controller.rollout import Rollout
from controller.serving import routers_of
from controller.settings import Settings
from controller.status import Readiness, Saving, status_of
from controller.switchback import SwitchbackBook
from controller.webhooks import Webhooks
from controller.wiring import Controller
from telemetry.historian import Historian


@dataclass
class Desk:
    """The room with its API around it."""

    room: Room
    app: FastAPI
    deps: ApiDeps
    tokens: dict[str, str]

    def client(self, who: str = "operator") -> AsyncClient:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://plant", headers=headers)


def api_room(
    url: str = "sqlite://",
    *,
    requests_per_minute: int = 6000,
    failures_per_minute: int = 30,
    reports: Path = Path("nowhere"),
    frozen: str | None = None,
    **kwargs: object,
) -> Desk:
    """The whole API over a fake plant; ``reports`` is the folder of closed reports,
    ``frozen`` a lever that was found to answer backwards before."""
    r = room(url, **kwargs)  # type: ignore[arg-type]
    tokens = TokenBook(r.store, r.audit)
    issued = {str(role): tokens.issue(f"{role}-1", role, timedelta(hours=8), at=r.now).token for role in Role}
    issued["engineer-2"] = tokens.issue("engineer-2", Role.ENGINEER, timedelta(hours=8), at=r.now).token
    issued["operator-2"] = tokens.issue("operator-2", Role.OPERATOR, timedelta(hours=8), at=r.now).token
    alarms = AlarmBook(r.store, r.audit)
    if frozen is not None:
        alarms.raise_(AlarmKind.LEVER_BACKWARDS, frozen, "3 answers in a row", r.now)
    saving = Saving(datetime(2026, 3, 1, tzinfo=UTC), "fixed", 412.0, 160.0, 38.5, -90.0, "USD", True)
    deps = ApiDeps(
        site=r.site,
        clock=r.clock,
        wall=HandClock(r.now),
        store=r.store,
        audit=r.audit,
        desk=r.desk,
        modes=r.modes,
        holds=r.holds,
        standing=r.standing,
        alarms=alarms,
        limits=LimitBook(r.store, r.audit, r.site),
        rollout=Rollout(r.store, r.audit, r.site),
        jobs=JobBook(r.store, r.audit),
        webhooks=Webhooks(r.store, ("http://127.0.0.1:9/hook",), b"s" * 32, site=r.site.id, clock=r.clock),
        tokens=tokens,
        snapshot=r.snapshot,
        status=lambda: status_of(r.snapshot(), r.modes, at=r.now, saving=saving, plan="24 h plan, optimal"),
        readiness=lambda: Readiness(True),
        metrics=lambda: (b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"),
        events=EventBus(),
        stopping=asyncio.Event(),
        requests_per_minute=requests_per_minute,
        failures_per_minute=failures_per_minute,
    )
    return Desk(r, build_app(deps, routers_of(controller_of(r, alarms, reports))), deps, issued)


def controller_of(r: Room, alarms: AlarmBook, reports: Path) -> Controller:
    """As much of a controller as routes ask for."""
    authority = SimpleNamespace(
        store=r.store,
        switchback=SwitchbackBook(r.store, r.audit, r.site.timezone),
        truth=LeverTruth(r.site, alarms, r.audit, LeverMemory(r.store), r.now),
    )
    found = SimpleNamespace(
        parts=SimpleNamespace(site=r.site, clock=r.clock, cycle_s=300.0, authority=authority),
        settings=Settings(report_archive=reports),
        historian=Historian("sqlite://"),
        feeds=open_feeds(r.site, r.clock),
        knowledge=Knowledge(None, None, "nothing was learned"),
    )
    return cast(Controller, found)
