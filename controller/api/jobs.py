"""Routes for long work: asked for with 202, looked at under its own address until it is done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from controller.api.bodies import JobIn, JobQuery, ReportIn
from controller.api.deps import ApiDeps
from controller.api.out import Out
from controller.api.problems import Code, Problem, documented
from controller.api.security import Decider, Deps, Reader
from controller.auth import Principal, Scope
from controller.canonical import Json
from controller.jobs import Job, JobKind, JobStatus
from controller.reporting import asked_period
from plant.errors import ConfigError

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[str, Path(max_length=80, examples=["J-000001"])]
LOCATION = {"Location": {"description": "Where to look at it", "schema": {"type": "string"}}}


class JobOut(Out):
    """A piece of long work. `result` is there once it is done and made a document."""

    id: str
    kind: JobKind
    status: JobStatus
    order: dict[str, object]
    by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    note: str
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
async def job(job_id: JobId, deps: Deps, _who: Reader) -> JobOut:
    """One job: where it stands, and what came of it."""
    return JobOut.of(_found(deps, job_id))


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
    if not isinstance(body, ReportIn) and not who.may(Scope.MODE):
        raise Problem(403, Code.FORBIDDEN, f"role {who.role} with this token may not ask for a {body.kind}")
    if isinstance(body, ReportIn):
        try:
            asked_period(deps.site, body.period, body.start, body.end)
        except ConfigError as error:
            raise Problem(422, Code.INVALID, str(error)) from None
    order = body.model_dump(mode="json", exclude={"kind"})
    return asked(deps, who, response, JobKind(body.kind), order)


def _found(deps: ApiDeps, job_id: str) -> Job:
    found = deps.jobs.get(job_id)
    if found is None:
        raise Problem(404, Code.NOT_FOUND, f"there is no job {job_id}")
    return found
