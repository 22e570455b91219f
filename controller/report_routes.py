"""The report route: the same report as on the command line, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.api.problems import Code, Problem, documented
from controller.api.security import Reader
from controller.clock import WallClock
from controller.reporting import MEDIA_TYPES, ReportFormat, make_report, moment, written
from controller.wiring import Controller, open_feeds
from plant.errors import ConfigError
from reports.periods import Split


def report_routes(controller: Controller) -> APIRouter:
    """Routes over one controller's historian and baseline."""
    router = APIRouter(prefix="/api/v1/reports", tags=["reports"])
    site = controller.parts.site
    feeds = open_feeds(site)

    @router.get("/energy", responses=documented(), response_class=Response)
    async def energy(
        _who: Reader,
        start: Annotated[str, Query(alias="from", examples=["2026-10-01"], max_length=40)],
        end: Annotated[str, Query(alias="to", examples=["2026-11-01"], max_length=40)],
        form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.JSON,
        split: Split = Split.WHOLE,
    ) -> Response:
        """Energy, carbon, water and savings of a period, with the share of data that was measured."""
        try:
            report = await make_report(
                site,
                controller.historian,
                feeds,
                controller.knowledge.baseline,
                moment(start, site.timezone),
                moment(end, site.timezone),
                split=split,
                generated_at=WallClock().now(),
            )
        except ConfigError as error:
            raise Problem(422, Code.INVALID, str(error)) from None
        return Response(written(report, form), media_type=MEDIA_TYPES[form])

    return router
