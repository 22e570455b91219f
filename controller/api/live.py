"""The event stream, and the routes that machines ask without a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controller.api.deps import ApiDeps
from controller.api.events import Event
from controller.api.problems import documented
from controller.api.schemas import HealthOut, ReadyOut
from controller.api.security import Deps, Reader
from controller.canonical import canonical

stream = APIRouter(tags=["state"])
machines = APIRouter(tags=["machines"])
PING_S = 15.0


@stream.get("/events", response_class=EventSourceResponse, responses=documented())
async def events(deps: Deps, _who: Reader) -> AsyncIterable[ServerSentEvent]:
    """What happens, as it happens (server-sent events). Begins with `hello`, ends when the service does."""
    queue = deps.events.watch()
    try:
        yield ServerSentEvent(event="hello", raw_data=canonical({"site": deps.site.id}))
        while (event := await _next(deps, queue)) is not None:
            if event.number == 0:
                yield ServerSentEvent(comment="still here")
            else:
                yield ServerSentEvent(event=event.kind, id=str(event.number), raw_data=canonical(event.data))
    finally:
        deps.events.leave(queue)


async def _next(deps: ApiDeps, queue: asyncio.Queue[Event]) -> Event | None:
    """The next event, a blank one after a quiet while, or None when the service ends."""
    waiting = asyncio.ensure_future(queue.get())
    ending = asyncio.ensure_future(deps.stopping.wait())
    try:
        done, _ = await asyncio.wait({waiting, ending}, timeout=PING_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, ending):
            if not task.done():
                task.cancel()
    if waiting in done:
        return waiting.result()
    return None if ending in done else Event(0, "ping", {})


@machines.get("/healthz")
async def healthz() -> HealthOut:
    """The process is alive."""
    return HealthOut(status="alive")


@machines.get("/readyz", responses={503: {"description": "Not ready", "model": ReadyOut}})
async def readyz(deps: Deps, response: Response) -> ReadyOut:
    """Whether data is fresh and a plan is recent."""
    readiness = deps.readiness()
    if not readiness.ready:
        response.status_code = 503
    return ReadyOut(ready=readiness.ready, reasons=list(readiness.reasons))


@machines.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus exposition", "content": {"text/plain": {}}}},
)
async def metrics(deps: Deps) -> Response:
    """The metrics page for Prometheus."""
    page, content_type = deps.metrics()
    return Response(page, media_type=content_type)
