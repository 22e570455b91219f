"""The report route: the same report as on the command line, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.api.problems import Code, Problem, documented, files
from controller.api.security import Reader
from controller.feeds import carbon_settings
from controller.reporting import MEDIA_TYPES, Order, ReportFormat, asked_period, make_report, written
from controller.switchback_kept import recorded_runs
from controller.wiring import Controller
from plant.errors import ConfigError
from reports.periods import Split
from reports.report_record import EnergyReport


async def report_of(controller: Controller, order: Order) -> EnergyReport:
    """A running controller's own draft of a report."""
    return await make_report(
        controller.parts.site,
        controller.historian,
        controller.feeds,
        controller.knowledge.baseline,
        order,
        generated_at=controller.parts.clock.now(),
        second=carbon_settings(controller.parts.clock, controller.settings),
        runs=recorded_runs(controller.parts.authority.store),
    )


def report_routes(controller: Controller) -> APIRouter:
    """Routes over one controller's historian and baseline."""
    router = APIRouter(prefix="/api/v1/reports", tags=["reports"])
    site = controller.parts.site

    @router.get(
        "/energy", responses={**documented(), 200: files(*MEDIA_TYPES.values())}, response_class=Response
    )
    async def energy(
        _who: Reader,
        period: Annotated[str | None, Query(examples=["2026-10", "2026-Q4"], max_length=40)] = None,
        start: Annotated[str | None, Query(alias="from", examples=["2026-10-01"], max_length=40)] = None,
        end: Annotated[str | None, Query(alias="to", examples=["2026-11-01"], max_length=40)] = None,
        form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.JSON,
        split: Split = Split.WHOLE,
        profile: Annotated[str | None, Query(examples=["eu-2024-1364"], max_length=40)] = None,
    ) -> Response:
        """Energy, carbon, water and savings of a period, with the share of data that was measured.

        Always a draft: reports are closed on the command line; `/reports/closed` gives those.
        """
        try:
            named = asked_period(site, period, start, end)
            report = await report_of(controller, Order(named.start, named.end, split, profile))
            content = await asyncio.to_thread(written, report, form)
        except ConfigError as error:
            raise Problem(422, Code.INVALID, str(error)) from None
        name = f'attachment; filename="{report.id}.{form}"'
        return Response(content, media_type=MEDIA_TYPES[form], headers={"Content-Disposition": name})

    return router
