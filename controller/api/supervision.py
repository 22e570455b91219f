"""Routes for stop and resume, modes, holds and standing approvals."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from controller.api.bodies import PLAIN, HoldIn, ModeIn, ReasonIn, StandingIn
from controller.api.deps import ApiDeps
from controller.api.etag import IfMatch, check_match, tagged
from controller.api.problems import Code, Problem, documented
from controller.api.schemas import HoldOut, ModesOut, RequestOut, StandingOut, StopOut
from controller.api.second import RequestId, check_second
from controller.api.security import Delegator, Deps, Holder, ModeSetter, Reader, Stopper
from controller.envelope import Range
from controller.holds import Hold, UnknownTarget
from controller.modes import Mode, NeedsSecond, NotEarned, UnknownScope
from controller.standing import StandingApproval
from plant.points import SITE
from plant.setpoints import LeverId

router = APIRouter(tags=["supervision"])
Name = Annotated[str, Path(pattern=PLAIN, max_length=80)]


@router.post("/stop", responses=documented())
async def stop(body: ReasonIn, deps: Deps, who: Stopper) -> StopOut:
    """Latch the stop: nothing but fallback is written until two people resume. Safe to repeat."""
    latched = deps.modes.stop(by=who.name, reason=body.reason, at=deps.clock.now())
    deps.events.publish("stop", {"by": latched.by, "reason": latched.reason})
    deps.nudge()
    return StopOut.of(latched)


@router.post("/resume", status_code=202, responses=documented(409))
async def ask_resume(body: ReasonIn, deps: Deps, who: Stopper) -> RequestOut:
    """Ask for the stop to be lifted. Another person confirms."""
    request = deps.modes.ask_resume(by=who.name, reason=body.reason, at=deps.clock.now())
    if request is None:
        raise Problem(409, Code.NOT_STOPPED, "the stop is not latched")
    deps.events.publish("request", {"id": request.id, "kind": request.kind})
    return RequestOut.of(request)


@router.post("/resume/{request_id}/confirmation", responses=documented(409))
async def confirm_resume(request_id: RequestId, deps: Deps, who: Stopper) -> ModesOut:
    """Lift the stop as the second person."""
    answer = deps.modes.confirm_resume(request_id, by=who.name, at=deps.clock.now())
    check_second(answer)
    deps.events.publish("resume", {"by": who.name})
    deps.nudge()
    return _modes_out(deps)


@router.get("/modes", responses=documented())
async def modes(deps: Deps, _who: Reader, response: Response) -> ModesOut:
    """The mode of the site and of each zone, and what waits for a second person."""
    return tagged(response, _modes_out(deps))


@router.put(
    "/modes/{scope}",
    responses={
        **documented(404, 409, 412),
        202: {"description": "Waits for a second person", "model": RequestOut},
    },
    response_model=ModesOut | RequestOut,
)
async def set_mode(
    scope: Name, body: ModeIn, deps: Deps, who: ModeSetter, response: Response, if_match: IfMatch = "*"
) -> ModesOut | RequestOut:
    """Choose a mode for `site` or a zone. Less authority holds at once, more waits for a second person."""
    check_match(if_match, _modes_out(deps))
    answer = deps.modes.change(scope, Mode(body.mode), by=who.name, at=deps.clock.now(), reason=body.reason)
    match answer:
        case UnknownScope():
            raise Problem(404, Code.NOT_FOUND, f"{scope} is neither 'site' nor a zone")
        case NotEarned():
            raise _not_earned(answer)
        case NeedsSecond(request):
            response.status_code = 202
            return RequestOut.of(request)
        case _:
            deps.events.publish("mode", {"scope": scope, "mode": body.mode})
            deps.nudge()
            return _modes_out(deps)


@router.post("/modes/requests/{request_id}/confirmation", responses=documented(409))
async def confirm_mode(request_id: RequestId, deps: Deps, who: ModeSetter) -> ModesOut:
    """Agree to more authority as the second person."""
    answer = deps.modes.confirm_change(request_id, by=who.name, at=deps.clock.now())
    check_second(answer)
    if isinstance(answer, NotEarned):
        raise _not_earned(answer)
    deps.events.publish("mode", {"request": request_id})
    deps.nudge()
    deps.replan()
    return _modes_out(deps)


@router.get("/holds", responses=documented())
async def holds(deps: Deps, _who: Reader) -> list[HoldOut]:
    """Holds in force, oldest first."""
    return [HoldOut.of(h) for h in deps.holds.active(deps.clock.now())]


@router.post("/holds", status_code=201, responses=documented(404))
async def place_hold(body: HoldIn, deps: Deps, who: Holder) -> HoldOut:
    """Keep the program's hands off. Proposals that touch the target are withdrawn."""
    at = deps.clock.now()
    until = at + timedelta(minutes=body.minutes)
    hold = deps.holds.place(body.target, reason=body.reason, by=who.name, at=at, until=until)
    if isinstance(hold, UnknownTarget):
        raise Problem(404, Code.NOT_FOUND, f"nothing that a lever moves is called {body.target}")
    deps.desk.withdraw(deps.holds.levers_of(hold.target), at, f"{hold.target} is held: {hold.reason}")
    deps.events.publish("hold", {"id": hold.id, "target": hold.target})
    deps.nudge()
    deps.replan()
    return HoldOut.of(hold)


@router.get("/holds/{hold_id}", responses=documented(404))
async def shown_hold(hold_id: Name, deps: Deps, _who: Reader, response: Response) -> HoldOut:
    """One hold in force."""
    return tagged(response, HoldOut.of(_hold(deps, hold_id)))


@router.delete("/holds/{hold_id}", responses=documented(404, 412))
async def release_hold(hold_id: Name, deps: Deps, who: Holder, if_match: IfMatch = "*") -> HoldOut:
    """End a hold early."""
    check_match(if_match, HoldOut.of(_hold(deps, hold_id)))
    hold = deps.holds.release(hold_id, by=who.name, at=deps.clock.now())
    if hold is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no hold {hold_id} in force")
    deps.events.publish("hold", {"id": hold.id, "released": True})
    deps.nudge()
    deps.replan()
    return HoldOut.of(hold)


@router.get("/standing-approvals", responses=documented())
async def standing_approvals(deps: Deps, _who: Reader) -> list[StandingOut]:
    """Standing approvals in force."""
    return [StandingOut.of(s) for s in deps.standing.active(deps.clock.now())]


@router.post("/standing-approvals", status_code=201, responses=documented(404))
async def grant_standing(body: StandingIn, deps: Deps, who: Delegator) -> StandingOut:
    """Agree beforehand to changes within ranges, so many times, for so long (mode `supervised` only)."""
    unknown = sorted(set(body.ranges) - set(deps.site.lever_by_id))
    if unknown:
        raise Problem(404, Code.NOT_FOUND, f"the site has no lever {', '.join(unknown)}")
    for name, given in body.ranges.items():
        if given.low > given.high:
            raise Problem(422, Code.INVALID, f"{name}: low is above high")
    at = deps.clock.now()
    granted = deps.standing.grant(
        {LeverId(name): Range(r.low, r.high) for name, r in body.ranges.items()},
        until=at + timedelta(minutes=body.minutes),
        count=body.count,
        by=who.name,
        at=at,
        min_margin_k=body.min_margin_k,
    )
    deps.nudge()
    return StandingOut.of(granted)


@router.get("/standing-approvals/{approval_id}", responses=documented(404))
async def shown_standing(approval_id: Name, deps: Deps, _who: Reader, response: Response) -> StandingOut:
    """One standing approval in force."""
    return tagged(response, StandingOut.of(_standing(deps, approval_id)))


@router.delete("/standing-approvals/{approval_id}", status_code=204, responses=documented(404, 412))
async def revoke_standing(approval_id: Name, deps: Deps, who: Delegator, if_match: IfMatch = "*") -> None:
    """End a standing approval now."""
    check_match(if_match, StandingOut.of(_standing(deps, approval_id)))
    if not deps.standing.revoke(approval_id, by=who.name, at=deps.clock.now()):
        raise Problem(404, Code.NOT_FOUND, f"there is no standing approval {approval_id} in force")


def _not_earned(answer: NotEarned) -> Problem:
    missing = "; ".join(answer.missing)
    return Problem(409, Code.NOT_EARNED, f"{answer.scope} is not ready for {answer.mode}: {missing}")


def _hold(deps: ApiDeps, hold_id: str) -> Hold:
    found = next((h for h in deps.holds.active(deps.clock.now()) if h.id == hold_id), None)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no hold {hold_id} in force")
    return found


def _standing(deps: ApiDeps, approval_id: str) -> StandingApproval:
    found = next((s for s in deps.standing.active(deps.clock.now()) if s.id == approval_id), None)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no standing approval {approval_id} in force")
    return found


def _modes_out(deps: ApiDeps) -> ModesOut:
    scopes = (SITE, *(z.id for z in deps.site.zones))
    stop = deps.modes.stopped
    return ModesOut(
        chosen={s: deps.modes.chosen(s) for s in scopes},
        effective={s: deps.modes.effective(s) for s in scopes},
        stopped=None if stop is None else StopOut.of(stop),
        fallback=[f"{scope}: {cause}" for scope, cause in deps.modes.fallback_causes],
        waiting=[RequestOut.of(r) for r in deps.modes.requests(deps.clock.now())],
    )
