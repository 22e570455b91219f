"""Routes that show: the site, savings, alarms, the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from controller.api.bodies import PLAIN, AlarmQuery, AuditQuery, HandoverQuery, ShelfIn
from controller.api.deps import ApiDeps
from controller.api.etag import IfMatch, check_match, tagged
from controller.api.problems import Code, Problem, documented
from controller.api.schemas import (
    AlarmOut,
    AuditOut,
    HandoverOut,
    HoldOut,
    RequestOut,
    SavingOut,
    StateOut,
    VerificationOut,
    WhoOut,
)
from controller.api.security import AlarmHandler, Deps, Reader
from controller.handover import handover

router = APIRouter()
_LONGEST = timedelta(days=366)
AlarmId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["A-1a2b3c4d"])]


@router.get("/whoami", tags=["state"], responses=documented())
async def whoami(who: Reader) -> WhoOut:
    """Who this token says you are."""
    return WhoOut(name=who.name, role=who.role, scopes=sorted(who.scopes))


@router.get("/state", tags=["state"], responses=documented())
async def state(deps: Deps, _who: Reader) -> StateOut:
    """The site right now: zones against their limits, power, mode, saving so far."""
    status = deps.status()
    if status is None:
        raise Problem(503, Code.NOT_READY, "the plant has not been read yet")
    return StateOut.of(status)


@router.get("/savings", tags=["state"], responses=documented())
async def savings(deps: Deps, _who: Reader) -> SavingOut:
    """What was saved so far against the named baseline; negative is a loss."""
    status = deps.status()
    if status is None or status.saving is None:
        raise Problem(503, Code.NOT_READY, "nothing has been accounted yet")
    return SavingOut.of(status.saving)


@router.get("/alarms", tags=["alarms"], responses=documented())
async def alarms(deps: Deps, _who: Reader, query: Annotated[AlarmQuery, Query()]) -> list[AlarmOut]:
    """Alarms that stand, oldest first."""
    return [AlarmOut.of(a) for a in deps.alarms.standing(deps.clock.now(), shelved=query.shelved)]


@router.get("/alarms/{alarm_id}", tags=["alarms"], responses=documented(404))
async def alarm(alarm_id: AlarmId, deps: Deps, _who: Reader, response: Response) -> AlarmOut:
    """One alarm that stands, shelved or not."""
    return tagged(response, _alarm(deps, alarm_id))


@router.post("/alarms/{alarm_id}/acknowledgement", tags=["alarms"], responses=documented(404, 412))
async def acknowledge(alarm_id: AlarmId, deps: Deps, who: AlarmHandler, if_match: IfMatch = "*") -> AlarmOut:
    """Say that you have seen an alarm. Safe to repeat."""
    check_match(if_match, _alarm(deps, alarm_id))
    alarm = deps.alarms.acknowledge(alarm_id, by=who.name, at=deps.clock.now())
    if alarm is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no alarm {alarm_id}")
    deps.events.publish("alarm", {"id": alarm.id})
    return AlarmOut.of(alarm)


@router.post("/alarms/{alarm_id}/shelf", tags=["alarms"], responses=documented(404, 412, 423))
async def shelve(
    alarm_id: AlarmId, body: ShelfIn, deps: Deps, who: AlarmHandler, if_match: IfMatch = "*"
) -> AlarmOut:
    """Put an alarm aside for a stated time. Safety alarms cannot be."""
    check_match(if_match, _alarm(deps, alarm_id))
    at = deps.clock.now()
    until = at + timedelta(minutes=body.minutes)
    answer = deps.alarms.shelve(alarm_id, until=until, reason=body.reason, by=who.name, at=at)
    if answer is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no alarm {alarm_id}")
    if isinstance(answer, str):
        raise Problem(423, Code.HELD, answer)
    return AlarmOut.of(answer)


@router.get("/audit", tags=["audit"], responses=documented())
async def audit(deps: Deps, _who: Reader, query: Annotated[AuditQuery, Query()]) -> list[AuditOut]:
    """The last audit records, newest first; page back with `before`."""
    return [AuditOut.of(r) for r in deps.audit.tail(query.limit, before=query.before)]


@router.get("/audit/verification", tags=["audit"], responses=documented())
async def verification(deps: Deps, _who: Reader) -> VerificationOut:
    """Walk the whole chain. Note the head elsewhere: it anchors everything before it."""
    finding, head = deps.audit.verify(), deps.audit.head()
    problem = None if finding is None else f"record {finding.seq}: {finding.problem}"
    return VerificationOut(intact=finding is None, records=head.seq, head=head.hash, problem=problem)


@router.get("/handover", tags=["audit"], responses=documented())
async def shift_handover(deps: Deps, _who: Reader, query: Annotated[HandoverQuery, Query()]) -> HandoverOut:
    """What the next shift needs to know: outcomes, people, what stood out, what still stands."""
    at = deps.clock.now()
    since = max(query.since, at - _LONGEST) if query.since else at - timedelta(hours=query.hours)
    summed = handover(deps.audit, min(since, at), at)
    return HandoverOut(
        since=summed.since,
        until=summed.until,
        proposals=dict(summed.proposals),
        people=dict(summed.people),
        events=[AuditOut.of(r) for r in summed.events],
        alarms=[AlarmOut.of(a) for a in deps.alarms.standing(at, shelved=True)],
        holds=[HoldOut.of(h) for h in deps.holds.active(at)],
        waiting=[RequestOut.of(r) for r in deps.modes.requests(at)],
    )


def _alarm(deps: ApiDeps, alarm_id: str) -> AlarmOut:
    standing = deps.alarms.standing(deps.clock.now(), shelved=True)
    found = next((a for a in standing if a.id == alarm_id), None)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no alarm {alarm_id}")
    return AlarmOut.of(found)
