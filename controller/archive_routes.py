"""Closed reports over HTTP: what there is, each file as it was closed, and what a restatement changed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from controller.api.bodies import PLAIN
from controller.api.problems import Code, Problem, documented, files
from controller.api.security import Reader
from plant.errors import ConfigError
from reports.archive import Archive, ArchivedReport
from reports.explain import explain

ReportId = Annotated[str, Path(pattern=PLAIN, max_length=120, examples=["demo-2026-10-v1"])]
_MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "yaml": "application/yaml",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ChangeOut(BaseModel):
    """A cell that a restatement changed; null is withheld, or not there."""

    cell: str
    before: float | None
    after: float | None


class ClosedOut(BaseModel):
    """A closed report: who closed it when, the hash it is cited by, and its files with theirs."""

    report: str
    closed_at: datetime
    closed_by: str
    reason: str | None
    restates: str | None
    manifest_sha256: str
    config_sha256: str
    code_sha256: str
    files: dict[str, str]

    @classmethod
    def of(cls, found: ArchivedReport) -> ClosedOut:
        """From the manifest and its own hash."""
        return cls(**found.manifest, manifest_sha256=found.manifest_sha256)


class IntactOut(BaseModel):
    """Whether every file of a closed report, and the version it restates, is what was closed."""

    report: str
    intact: bool
    problem: str | None


def archive_routes(archive: Archive) -> APIRouter:
    """Routes over the folder closed reports are kept in. Every reading checks the hashes."""
    router = APIRouter(prefix="/api/v1/reports/closed", tags=["reports"])

    @router.get("", responses=documented())
    async def listed(_who: Reader) -> list[IntactOut]:
        """Every closed report by name, and whether it is still what was closed."""
        return [await _checked(archive, name) for name in archive.ids()]

    @router.get("/{report_id}", responses=documented(404, 409))
    async def one(report_id: ReportId, _who: Reader) -> ClosedOut:
        """Who closed it, when, why it was restated, and its files."""
        return ClosedOut.of(await _opened(archive, report_id))

    @router.get("/{report_id}/verification", responses=documented(404))
    async def verification(report_id: ReportId, _who: Reader) -> IntactOut:
        """Hash every file again."""
        if report_id not in archive.ids():
            raise _unknown(report_id)
        return await _checked(archive, report_id)

    @router.get("/{report_id}/changes", responses=documented(404, 409))
    async def changes(report_id: ReportId, _who: Reader) -> list[ChangeOut]:
        """Every cell that differs from the version it restates."""
        found = await _opened(archive, report_id)
        return [ChangeOut(**change) for change in found.json("changes.json")]

    @router.get("/{report_id}/explanation", responses=documented(404, 409))
    async def explanation(
        report_id: ReportId, _who: Reader, cell: Annotated[str, Query(max_length=120, examples=["total/pue"])]
    ) -> dict[str, Any]:
        """How a cell came about: meters, samples, gaps, factors, formula, hashes."""
        await _opened(archive, report_id)
        return await _explained(archive, f"{report_id}#{cell}")

    @router.get(
        "/{report_id}/files/{name}",
        responses={**documented(404, 409), 200: files(*_MEDIA.values())},
        response_class=Response,
    )
    async def file(
        report_id: ReportId,
        _who: Reader,
        name: Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["report.csv"])],
    ) -> Response:
        """One file, byte by byte as it was closed."""
        return _file(await _opened(archive, report_id), report_id, name)

    return router


async def _opened(archive: Archive, report_id: str) -> ArchivedReport:
    """The report after checking its hashes; a changed one is refused like one that is not there."""
    if report_id not in archive.ids():
        raise _unknown(report_id)
    try:
        return await asyncio.to_thread(archive.open, report_id)
    except ConfigError as error:
        raise Problem(409, Code.DIGEST_MISMATCH, str(error)) from None


async def _explained(archive: Archive, cell: str) -> dict[str, Any]:
    try:
        found = await asyncio.to_thread(explain, archive, cell)
    except ConfigError as error:
        raise Problem(404, Code.NOT_FOUND, str(error)) from None
    return dict(found.content)


def _file(found: ArchivedReport, report_id: str, name: str) -> Response:
    """A file of the manifest; its hash there is its ETag."""
    content = found.content(name)
    if content is None:
        raise Problem(404, Code.NOT_FOUND, f"{report_id} has no file {name}")
    headers = {
        "Content-Disposition": f'attachment; filename="{report_id}-{name}"',
        "ETag": f'"{found.manifest["files"][name]}"',
    }
    return Response(content, media_type=_MEDIA.get(name.rsplit(".", 1)[-1]), headers=headers)


async def _checked(archive: Archive, report_id: str) -> IntactOut:
    try:
        await asyncio.to_thread(archive.open, report_id)
    except ConfigError as error:
        return IntactOut(report=report_id, intact=False, problem=str(error))
    return IntactOut(report=report_id, intact=True, problem=None)


def _unknown(report_id: str) -> Problem:
    return Problem(404, Code.NOT_FOUND, f"no report {report_id} was closed")
