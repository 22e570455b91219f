"""Routes for the rollout: where each zone stands, the commissioning record, the dead-man drill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.api.bodies import RecordForm, RecordQuery
from controller.api.jobs import LOCATION, JobOut, asked
from controller.api.out import Known, Mirror, Out
from controller.api.problems import Code, Problem, documented
from controller.api.security import Deps, ModeSetter, Reader
from controller.canonical import canonical
from controller.commissioning import commissioning_record, to_json, to_markdown
from controller.jobs import JobKind
from controller.mode import Mode
from controller.rollout import Stage, Standing

router = APIRouter(tags=["rollout"])
LONGEST = timedelta(days=366)


class ScorecardOut(Mirror):
    """What a zone has shown over its full days; null where nothing could be judged."""

    days: int
    cycles: int
    inlet_error_k: Known
    forecast_error: Known
    violation_s: float
    override_share: Known
    saving_ratio: Known
    overrides: dict[str, int]


class StandingZoneOut(Out):
    """Where a zone stands, and what the next mode still wants."""

    zone: str
    mode: Mode
    stage: Stage
    next_mode: Mode | None
    missing: list[str]
    scorecard: ScorecardOut

    @classmethod
    def of(cls, z: Standing) -> StandingZoneOut:
        """From the record."""
        return cls(
            zone=z.zone,
            mode=z.mode,
            stage=z.stage,
            next_mode=z.next_mode,
            missing=list(z.missing),
            scorecard=ScorecardOut.of(z.card),
        )


class DrillOut(Mirror):
    """A dead-man drill that was held."""

    at: datetime
    by: str
    passed: bool
    took_over_after_s: Known
    note: str


class DrillStateOut(Out):
    """The last drill, until when it counts, and whether `supervised` is closed for want of one."""

    last: DrillOut | None
    due: datetime | None
    blocks_supervised: str
    job: JobOut | None


class RolloutOut(Out):
    """Every zone on its way from shadow to supervised."""

    zones: list[StandingZoneOut]
    drill: DrillStateOut


@router.get("/rollout", responses=documented())
async def rollout(deps: Deps, _who: Reader) -> RolloutOut:
    """Scorecards, stages, and what stands between each zone and its next mode."""
    at = deps.clock.now()
    zones = [deps.rollout.standing(z.id, deps.modes.chosen(z.id), at) for z in deps.site.zones]
    return RolloutOut(zones=[StandingZoneOut.of(z) for z in zones], drill=_drill_state(deps))


@router.get(
    "/rollout/commissioning",
    response_class=Response,
    responses={
        **documented(),
        200: {
            "description": "The record",
            "content": {"application/json": {}, "text/markdown": {}},
        },
    },
)
async def commissioning(deps: Deps, _who: Reader, query: Annotated[RecordQuery, Query()]) -> Response:
    """The commissioning record: what was tried, what was seen, who agreed. As JSON, or to print and sign."""
    at = deps.clock.now()
    since = max(query.since or at - LONGEST, at - LONGEST)
    record = commissioning_record(deps.site, deps.rollout, deps.modes, deps.audit, since=since, at=at)
    if query.format is RecordForm.MARKDOWN:
        return Response(to_markdown(record), media_type="text/markdown; charset=utf-8")
    return Response(canonical(to_json(record)), media_type="application/json")


@router.get("/drills", responses=documented())
async def drills(deps: Deps, _who: Reader) -> DrillStateOut:
    """When the last dead-man drill was held, how it went, and when the next is due."""
    return _drill_state(deps)


@router.post("/drills", status_code=202, responses={**documented(423), 202: {"headers": LOCATION}})
async def start_drill(deps: Deps, who: ModeSetter, response: Response) -> JobOut:
    """Rehearse the dead man: the heartbeat is withheld until the plant takes over, then given back."""
    against = deps.drill_objection()
    if against:
        raise Problem(423, Code.HELD, f"no drill can be held now: {against}")
    return asked(deps, who, response, JobKind.DRILL, {})


def _drill_state(deps: Deps) -> DrillStateOut:
    last = deps.rollout.last_drill()
    jobs = deps.jobs.recent(1, JobKind.DRILL)
    return DrillStateOut(
        last=None if last is None else DrillOut.of(last),
        due=deps.rollout.drill_due(),
        blocks_supervised=deps.rollout.drill_objection(deps.clock.now()),
        job=JobOut.of(jobs[0]) if jobs else None,
    )
