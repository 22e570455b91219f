"""The event stream, and the routes that machines ask without a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controller.api.deps import ApiDeps
from controller.api.events import Event
from controller.api.problems import documented
from controller.api.schemas import HealthOut, ReadyOut, StateOut
from controller.api.security import Deps, Reader
from controller.canonical import canonical

stream = APIRouter(tags=["state"])
machines = APIRouter(tags=["machines"])
PING_S = 15.0


LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=80,
        description="The last id you had; what you missed comes first.",
        examples=["1a2b3c4d-17"],
    ),
]


@stream.get("/events", response_class=EventSourceResponse, responses=documented())
async def events(
    deps: Deps, _who: Reader, last_event_id: LastEventId = None
) -> AsyncIterable[ServerSentEvent]:
    """What happens, as it happens (server-sent events); ends when the service does.

    Begins with `hello`. With `Last-Event-ID` the events missed since follow, or `reset` where they are
    not remembered: then fetch afresh what you show. Then `state`: the site as `GET /state` shows it,
    again after every event and every quiet quarter minute. Only events have ids.
    """
    queue = deps.events.watch()
    try:
        yield ServerSentEvent(event="hello", raw_data=canonical({"site": deps.site.id}))
        for missed in _missed(deps, last_event_id):
            yield missed
        yield _state(deps)
        while (event := await _next(deps, queue)) is not None:
            if event.number:
                yield _told(deps, event)
            if queue.empty():
                yield _state(deps)
    finally:
        deps.events.leave(queue)


def _missed(deps: ApiDeps, last_event_id: str | None) -> Iterable[ServerSentEvent]:
    if last_event_id is None:
        return ()
    past = deps.events.since(last_event_id)
    if past is None:
        return (ServerSentEvent(event="reset", raw_data=canonical({"unknown": last_event_id})),)
    return [_told(deps, event) for event in past]


def _told(deps: ApiDeps, event: Event) -> ServerSentEvent:
    return ServerSentEvent(event=event.kind, id=deps.events.id_of(event), raw_data=canonical(event.data))


def _state(deps: ApiDeps) -> ServerSentEvent:
    status = deps.status()
    if status is None:
        return ServerSentEvent(comment="the plant has not been read yet")
    return ServerSentEvent(event="state", raw_data=StateOut.of(status).model_dump_json())


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
