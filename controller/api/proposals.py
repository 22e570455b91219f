"""Routes for proposals: look, and decide."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from controller.api.bodies import PLAIN, DecisionIn, ProposalQuery, RejectIn
from controller.api.deps import ApiDeps
from controller.api.etag import IfMatch, check_tag
from controller.api.problems import Code, Problem, documented
from controller.api.proposal_schema import ProposalOut
from controller.api.security import Decider, Deps, Reader
from controller.decisions import (
    AlreadyDecided,
    Decided,
    Decision,
    DigestMismatch,
    Expired,
    Held,
    RejectionCode,
    Unknown,
)
from controller.proposal_record import Proposal, ProposalStatus
from controller.recheck import Moment, Refusal, objection

router = APIRouter(prefix="/proposals", tags=["proposals"])
ProposalId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["P-000001"])]


@router.get("", responses=documented())
async def proposals(deps: Deps, _who: Reader, query: Annotated[ProposalQuery, Query()]) -> list[ProposalOut]:
    """The last proposals, newest first; `?status=pending` is what waits for you."""
    at = deps.clock.now()
    deps.desk.expire(at)
    return [ProposalOut.of(p, deps.site, at) for p in deps.desk.recent(query.limit, query.status)]


@router.get("/{proposal_id}", responses=documented(404))
async def proposal(proposal_id: ProposalId, deps: Deps, _who: Reader, response: Response) -> ProposalOut:
    """One proposal with everything needed to judge it. Its digest and status are the ETag."""
    found = deps.desk.get(proposal_id)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no proposal {proposal_id}")
    response.headers["ETag"] = _tag(found)
    return ProposalOut.of(found, deps.site, deps.clock.now())


@router.post("/{proposal_id}/decision", responses=documented(404, 409, 410, 412, 423))
async def decide(
    proposal_id: ProposalId, body: DecisionIn, deps: Deps, who: Decider, if_match: IfMatch = "*"
) -> ProposalOut:
    """Approve or reject exactly what the digest covers. Works once; the first decision stands.

    Nothing is written to the plant here: an approved proposal is checked again, against fresh
    data, when it is carried out.
    """
    at = deps.clock.now()
    found = deps.desk.get(proposal_id)
    if found is not None:
        check_tag(if_match, _tag(found))
    if body.decision is Decision.APPROVE:
        _check_plant(deps, found, body.digest)
    answer = deps.desk.decide(
        proposal_id,
        body.decision,
        digest=body.digest,
        by=who.name,
        at=at,
        reason=body.reason,
        code=body.code if isinstance(body, RejectIn) else RejectionCode.OTHER,
    )
    match answer:
        case Decided(decided):
            deps.events.publish("proposal", {"id": decided.id, "status": str(decided.status)})
            deps.nudge()
            return ProposalOut.of(decided, deps.site, at)
        case Unknown(missing):
            raise Problem(404, Code.NOT_FOUND, f"there is no proposal {missing}")
        case DigestMismatch(p):
            raise Problem(
                409, Code.DIGEST_MISMATCH, f"the decision is for something else than proposal {p.id}"
            )
        case AlreadyDecided(p):
            raise Problem(409, Code.ALREADY_DECIDED, f"proposal {p.id} is already {p.status}")
        case Expired(p):
            raise Problem(410, Code.EXPIRED, f"the offer ended at {p.expires_at.isoformat()}")
        case Held(p, reason):
            raise Problem(423, Code.HELD, f"proposal {p.id} may not be approved now: {reason}")


def _tag(proposal: Proposal) -> str:
    return f'"{proposal.digest}.{proposal.status}"'


def _check_plant(deps: ApiDeps, found: Proposal | None, digest: str) -> None:
    """An approval of something that could no longer be carried out is answered now, not later."""
    at = deps.clock.now()
    if found is None or not _open(found, digest) or found.expires_at <= at:
        return  # the desk has the better answer
    snapshot = deps.snapshot()
    if snapshot is None:
        raise Problem(412, Code.PLANT_CHANGED, "the plant has not been seen yet")
    against = objection(found, Moment(at, snapshot, deps.limits.site, deps.holds.levers(at)))
    if against is None:
        return
    refusal, reason = against
    if refusal is not Refusal.HELD:  # the desk answers holds itself, and records the attempt
        raise Problem(412, Code.PLANT_CHANGED, reason)


def _open(proposal: Proposal, digest: str) -> bool:
    return proposal.status is ProposalStatus.PENDING and proposal.digest == digest
