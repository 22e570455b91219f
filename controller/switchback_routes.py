"""Routes of a switchback: asked for by one engineer, started by another, stopped by anyone who may stop."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from controller.api.bodies import PLAIN, ReasonIn
from controller.api.problems import Code, Problem, documented
from controller.api.schemas import RequestOut
from controller.api.security import Deps, ModeSetter, Reader, Stopper
from controller.switchback import SwitchbackBook
from controller.switchback_run import Busy, Run, Wish, first_day_after, settling_h
from controller.two_person import NotOpen, SamePerson
from plant.errors import ConfigError
from reports.switchback import Arm
from reports.switchback_record import Applied

RequestId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["R-1a2b3c4d"])]


class SwitchbackIn(BaseModel):
    """What to draw. Say the seed before the first day; it decides every block."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"days": 14, "seed": 20260302, "block_h": 24}]},
    )

    days: Annotated[int, Field(ge=1, le=366)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    block_h: Annotated[int, Field(ge=1, le=24)] = 24
    washout_h: Annotated[float | None, Field(ge=0, le=12)] = None
    """None: as long as the site's slowest lever needs, and an hour."""
    first_day: date | None = None
    """A local day; None: tomorrow."""


class SwitchbackOut(BaseModel):
    """The schedule that holds, what it wants now and what is applied."""

    run: str
    schedule: str
    seed: int
    by: str
    started_at: datetime
    first_block: datetime
    last_block_ends: datetime
    block_h: int
    washout_h: float
    blocks: int
    block: int | None
    arm: Arm | None
    until: datetime | None
    applied: Applied | None
    detail: str
    in_washout: bool
    over: bool
    stopped_by: str | None
    reason: str | None


class SwitchbackStateOut(BaseModel):
    """The last schedule, if there ever was one, and what waits for a second person."""

    latest: SwitchbackOut | None
    waiting: list[RequestOut]


def switchback_routes(book: SwitchbackBook, cycle_s: float) -> APIRouter:
    """Routes over one controller's book."""
    router = APIRouter(prefix="/api/v1/switchback", tags=["switchback"])

    @router.get("", responses=documented())
    async def shown(deps: Deps, _who: Reader) -> SwitchbackStateOut:
        """What is run now, and by which schedule."""
        at = deps.clock.now()
        latest = None if book.latest is None else _out(book.latest, book, at)
        return SwitchbackStateOut(latest=latest, waiting=[RequestOut.of(r) for r in book.requests(at)])

    @router.post("", status_code=202, responses=documented(409))
    async def ask(body: SwitchbackIn, deps: Deps, who: ModeSetter) -> RequestOut:
        """Ask for a schedule. Another engineer confirms it before its first block."""
        at = deps.clock.now()
        washout_h = settling_h(deps.site, cycle_s) if body.washout_h is None else body.washout_h
        first = body.first_day or first_day_after(at, deps.site.timezone)
        wish = Wish(first, body.days, body.block_h, washout_h, body.seed)
        try:
            request = book.ask(wish, by=who.name, at=at)
        except (ConfigError, OverflowError) as error:
            raise Problem(422, Code.INVALID, str(error)) from None
        if isinstance(request, Busy):
            raise _busy(request)
        deps.events.publish("request", {"id": request.id, "kind": request.kind})
        return RequestOut.of(request)

    @router.post("/requests/{request_id}/confirmation", responses=documented(409))
    async def confirm(request_id: RequestId, deps: Deps, who: ModeSetter) -> SwitchbackOut:
        """Start it, as the second person."""
        at = deps.clock.now()
        try:
            answer = book.confirm(request_id, by=who.name, at=at)
        except ConfigError as error:
            raise Problem(422, Code.INVALID, str(error)) from None
        match answer:
            case Busy():
                raise _busy(answer)
            case SamePerson(request):
                raise Problem(403, Code.SAME_PERSON, f"{request.by} asked; someone else confirms")
            case NotOpen(_, reason):
                raise Problem(409, Code.NOT_OPEN, f"request {request_id}: {reason}")
            case Run():
                deps.events.publish("switchback", {"run": answer.id})
                deps.nudge()
                return _out(answer, book, at)

    @router.post("/stop", responses=documented(409))
    async def stop(body: ReasonIn, deps: Deps, who: Stopper) -> SwitchbackOut:
        """End the schedule now. Plans go on as before it; levers stay where they are."""
        at = deps.clock.now()
        stopped = book.stop(by=who.name, reason=body.reason, at=at)
        if stopped is None:
            raise Problem(409, Code.NOT_OPEN, "no switchback is running")
        deps.events.publish("switchback", {"run": stopped.id, "stopped_by": who.name})
        deps.nudge()
        return _out(stopped, book, at)

    return router


def _busy(answer: Busy) -> Problem:
    return Problem(409, Code.NOT_OPEN, f"switchback {answer.run.id} is running until its end; stop it first")


def _out(run: Run, book: SwitchbackBook, at: datetime) -> SwitchbackOut:
    schedule = run.schedule
    number = None if run.over(at) else schedule.block_at(at)
    block = None if number is None else schedule.blocks[number]
    stretch = book.stretch if block is not None else None
    return SwitchbackOut(
        run=run.id,
        schedule=schedule.id,
        seed=schedule.seed,
        by=run.by,
        started_at=run.started_at,
        first_block=schedule.blocks[0].start,
        last_block_ends=schedule.blocks[-1].end,
        block_h=schedule.block_h,
        washout_h=schedule.washout_h,
        blocks=len(schedule.blocks),
        block=None if number is None else number + 1,
        arm=None if block is None else block.arm,
        until=None if block is None else block.end,
        applied=None if stretch is None else stretch.applied,
        detail="" if stretch is None else stretch.detail,
        in_washout=block is not None and not schedule.counts(at),
        over=run.over(at),
        stopped_by=run.stopped_by,
        reason=run.reason,
    )
