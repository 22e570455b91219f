"""Routes for long work: asked for with 202, looked at under its own address until it is done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from controller.api.bodies import PLAIN, JobIn, JobQuery, ReasonIn, ReplayIn, ReportIn
from controller.api.deps import ApiDeps
from controller.api.etag import IfMatch, check_tag
from controller.api.out import Out
from controller.api.problems import Code, Problem, documented
from controller.api.security import Decider, Deps, Reader
from controller.auth import Principal, Scope
from controller.canonical import Json
from controller.jobs import Job, JobKind, JobStatus, fixed
from controller.reporting import Order, asked_period, check_order
from plant.errors import ConfigError
from sim.scenario import NAMES

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["J-000001"])]
LOCATION = {"Location": {"description": "Where to look at it", "schema": {"type": "string"}}}


class JobOut(Out):
    """A piece of long work. `result` is there once it is done and made a document.

    While it runs, `note` says what it is at, and `progress` (0 to 1) how far, where that can be told.
    `attempt` is 2 after a restart: what ran then is begun anew, once.
    """

    id: str
    kind: JobKind
    status: JobStatus
    order: dict[str, object]
    by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    note: str
    attempt: int
    progress: float | None
    result: str | None

    @classmethod
    def of(cls, job: Job) -> JobOut:
        """From the record."""
        return cls(
            id=job.id,
            kind=job.kind,
            status=job.status,
            order=dict(job.order),
            by=job.by,
            asked_at=job.asked_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            note=job.note,
            attempt=job.attempt,
            progress=job.progress,
            result=f"/api/v1/jobs/{job.id}/result" if job.media_type else None,
        )


def asked(deps: ApiDeps, who: Principal, response: Response, kind: JobKind, order: dict[str, Json]) -> JobOut:
    """Queue a job and say where it is."""
    job = deps.jobs.ask(kind, order, by=who.name, at=deps.clock.now())
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return JobOut.of(job)


@router.get("", responses=documented())
async def jobs(deps: Deps, _who: Reader, query: Annotated[JobQuery, Query()]) -> list[JobOut]:
    """The last jobs, newest first."""
    return [JobOut.of(job) for job in deps.jobs.recent(query.limit, query.kind)]


@router.get("/{job_id}", responses=documented(404))
async def job(job_id: JobId, deps: Deps, _who: Reader, response: Response) -> JobOut:
    """One job: where it stands, and what came of it. Its status is the ETag."""
    found = _found(deps, job_id)
    response.headers["ETag"] = _tag(found)
    return JobOut.of(found)


@router.get(
    "/{job_id}/result",
    response_class=Response,
    responses={**documented(404, 409), 200: {"description": "The document", "content": {"*/*": {}}}},
)
async def result(job_id: JobId, deps: Deps, _who: Reader) -> Response:
    """The document a finished job made."""
    found = _found(deps, job_id)
    if found.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        raise Problem(409, Code.NOT_FINISHED, f"job {job_id} is {found.status}")
    made = deps.jobs.result(job_id)
    if made is None:
        raise Problem(404, Code.NOT_FOUND, f"job {job_id} made no document: {found.note}")
    return Response(made[1], media_type=made[0])


@router.post("", status_code=202, responses={**documented(), 202: {"headers": LOCATION}})
async def order_job(body: JobIn, deps: Deps, who: Decider, response: Response) -> JobOut:
    """Ask for long work: a `report`, a `calibration` (learn the plant anew) or a `replay` of a scenario.

    Operators may ask for reports, engineers for the rest.
    """
    kind = JobKind(body.kind)
    _check_may(who, kind, "ask for")
    if isinstance(body, ReportIn):
        try:
            named = asked_period(deps.site, body.period, body.start, body.end)
            check_order(Order(named.start, named.end, body.split, body.profile))
        except ConfigError as error:
            raise Problem(422, Code.INVALID, str(error)) from None
    if isinstance(body, ReplayIn) and body.scenario not in NAMES:
        raise Problem(422, Code.INVALID, f"no scenario {body.scenario} ships; there are {', '.join(NAMES)}")
    return asked(deps, who, response, kind, body.model_dump(mode="json", exclude={"kind"}))


@router.post("/{job_id}/cancellation", responses=documented(404, 409, 412))
async def cancel(job_id: JobId, body: ReasonIn, deps: Deps, who: Decider, if_match: IfMatch = "*") -> JobOut:
    """Take back a job that waits or runs; what it began is let go of within a second or two.

    Who may ask for a kind of work may also cancel it. A drill that runs is broken off by the stop only.
    """
    found = _found(deps, job_id)
    _check_may(who, found.kind, "cancel")
    check_tag(if_match, _tag(found))
    cancelled = deps.jobs.cancel(job_id, by=who.name, at=deps.clock.now(), reason=body.reason)
    if cancelled is None:
        raise Problem(409, Code.NOT_OPEN, f"job {job_id} cannot be cancelled: {fixed(_found(deps, job_id))}")
    return JobOut.of(cancelled)


def _check_may(who: Principal, kind: JobKind, what: str) -> None:
    if kind is not JobKind.REPORT and not who.may(Scope.MODE):
        raise Problem(403, Code.FORBIDDEN, f"role {who.role} with this token may not {what} a {kind}")


def _tag(job: Job) -> str:
    return f'"{job.id}.{job.status}"'


def _found(deps: ApiDeps, job_id: str) -> Job:
    found = deps.jobs.get(job_id)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no job {job_id}")
    return found
