"""Routes for limits: look, ask for another, and agree as the second person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response

from controller.api.bodies import PLAIN, LimitIn
from controller.api.deps import ApiDeps
from controller.api.etag import IfMatch, check_match, tagged
from controller.api.out import Mirror, Out
from controller.api.problems import Code, Problem, documented
from controller.api.schemas import RequestOut
from controller.api.second import RequestId, check_second
from controller.api.security import Deps, ModeSetter, Reader
from controller.limits import HIGHER, Limit, LimitSet, NotNarrower, UnknownLimit
from controller.mode import NeedsSecond

router = APIRouter(prefix="/limits", tags=["limits"])
LimitName = Annotated[str, Path(pattern=PLAIN, max_length=120, examples=["zone-a.recommended_max_c"])]


class LimitOut(Out):
    """One limit: the hard value of the site file, and where it stands now."""

    name: str
    scope: str
    hard: float
    value: float
    narrower: Literal["higher", "lower"]
    by: str
    at: datetime | None
    reason: str

    @classmethod
    def of(cls, limit: Limit) -> LimitOut:
        """From the record."""
        return cls(
            name=limit.name,
            scope=limit.scope,
            hard=limit.hard,
            value=limit.value,
            narrower="higher" if limit.narrower == HIGHER else "lower",
            by=limit.by,
            at=limit.at,
            reason=limit.reason,
        )


class ClosedOut(Mirror):
    """A stored limit that cannot be honored: what it guarded does not move until it is settled."""

    name: str
    value: float
    why: str


class LimitsOut(Out):
    """Every limit, what is closed, and the wishes that wait for a second person."""

    limits: list[LimitOut]
    closed: list[ClosedOut]
    waiting: list[RequestOut]


@router.get("", responses=documented())
async def limits(deps: Deps, _who: Reader, response: Response) -> LimitsOut:
    """Every limit as it stands, against the hard value of the site file."""
    return tagged(response, _limits_out(deps))


@router.get("/{name}", responses=documented(404))
async def limit(name: LimitName, deps: Deps, _who: Reader, response: Response) -> LimitOut:
    """One limit."""
    return tagged(response, _limit_out(deps, name))


@router.put("/{name}", status_code=202, responses=documented(404, 409, 412))
async def ask_limit(
    name: LimitName, body: LimitIn, deps: Deps, who: ModeSetter, if_match: IfMatch = "*"
) -> RequestOut:
    """Ask for another value, inside what the site file allows. Somebody else confirms."""
    if deps.limits.get(name) is not None:
        check_match(if_match, _limit_out(deps, name))
    answer = deps.limits.ask(name, body.value, by=who.name, at=deps.clock.now(), reason=body.reason)
    match answer:
        case NeedsSecond(request):
            deps.events.publish("request", {"id": request.id, "kind": request.kind})
            return RequestOut.of(request)
        case refused:
            raise _refusal(refused)


@router.post("/requests/{request_id}/confirmation", responses=documented(404, 409))
async def confirm_limit(request_id: RequestId, deps: Deps, who: ModeSetter) -> LimitsOut:
    """Agree as the second person; from the next cycle on the limit holds."""
    answer = deps.limits.confirm(request_id, by=who.name, at=deps.clock.now())
    check_second(answer)
    match answer:
        case LimitSet(name, _, after):
            deps.events.publish("limit", {"name": name, "value": after})
            deps.nudge()
            deps.replan()
        case UnknownLimit() | NotNarrower():
            raise _refusal(answer)
    return _limits_out(deps)


def _refusal(refused: UnknownLimit | NotNarrower) -> Problem:
    match refused:
        case UnknownLimit(name):
            return Problem(404, Code.NOT_FOUND, f"the site has no limit {name}")
        case NotNarrower(name, why):
            return Problem(409, Code.NOT_NARROWER, f"{name}: {why}")


def _limit_out(deps: ApiDeps, name: str) -> LimitOut:
    found = deps.limits.get(name)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"the site has no limit {name}")
    return LimitOut.of(found)


def _limits_out(deps: ApiDeps) -> LimitsOut:
    waiting = [r for r in deps.modes.requests(deps.clock.now()) if r.kind == "limit"]
    return LimitsOut(
        limits=[LimitOut.of(limit) for limit in deps.limits.all()],
        closed=[ClosedOut.of(c) for c in deps.limits.closed],
        waiting=[RequestOut.of(request) for request in waiting],
    )
