"""An auditor reads closed reports over HTTP: as they were closed, and told when one was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from made_up_plant import MadeUpPlant
from made_up_reports import LossyHistorian, made_report

from controller.api.problems import add_handlers
from controller.api.security import Reader
from controller.archive_routes import archive_routes
from controller.reporting import rendered
from reports.archive import Archive
from reports.evidence import EvidenceBook

DAY = "2026-07-02"
FIRST, SECOND = f"demo-{DAY}-v1", f"demo-{DAY}-v2"


@pytest.fixture(scope="module")
def archive(made_up: MadeUpPlant, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A day closed with a twentieth of its samples missing, and restated when they had come in."""
    kept = Archive(tmp_path_factory.mktemp("archive"))
    for source, reason in (
        (LossyHistorian(made_up, lost=0.05), None),
        (LossyHistorian(made_up), "late data"),
    ):
        book = EvidenceBook()
        report = made_report(made_up, None, DAY, source=source, keep=book.keep)
        kept.close(report, book, None, at=report.generated_at, by="ann", reason=reason, rendered=rendered())
    return kept


@pytest.fixture
async def client(archive: Archive) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    add_handlers(app)
    # Who may read is tested with the API; here everybody may.
    app.dependency_overrides[Reader.__metadata__[0].dependency] = lambda: None  # type: ignore[attr-defined]
    app.include_router(archive_routes(archive))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://plant/api/v1/reports") as found:
        yield found


async def test_every_file_comes_as_it_was_closed(client: AsyncClient) -> None:
    assert [r["report"] for r in (await client.get("/closed")).json()] == [FIRST, SECOND]
    told = (await client.get(f"/closed/{FIRST}")).json()
    assert told["closed_by"] == "ann"
    assert {"report.json", "report.csv", "report.xlsx", "report.pdf", "evidence.parquet"} <= set(
        told["files"]
    )
    for name, sha256 in told["files"].items():
        content = (await client.get(f"/closed/{FIRST}/files/{name}")).content
        assert hashlib.sha256(content).hexdigest() == sha256, name
    report = (await client.get(f"/closed/{FIRST}/files/report.json")).json()
    assert report["status"] == "closed"


async def test_a_restatement_says_why_and_which_cells(client: AsyncClient) -> None:
    told = (await client.get(f"/closed/{SECOND}")).json()
    assert (told["reason"], told["restates"]) == ("late data", FIRST)
    changes = {c["cell"]: c for c in (await client.get(f"/closed/{SECOND}/changes")).json()}
    first = (await client.get(f"/closed/{FIRST}/files/report.json")).json()
    second = (await client.get(f"/closed/{SECOND}/files/report.json")).json()
    cell = changes["total/it_kwh"]
    assert (cell["before"], cell["after"]) == (first["totals"]["it_kwh"], second["totals"]["it_kwh"])
    assert cell["before"] < cell["after"]
    assert (await client.get(f"/closed/{FIRST}/changes")).json() == []


async def test_a_cell_is_explained(client: AsyncClient) -> None:
    told = (await client.get(f"/closed/{FIRST}/explanation", params={"cell": "total/it_kwh"})).json()
    report = (await client.get(f"/closed/{FIRST}/files/report.json")).json()
    assert told["value"] == report["totals"]["it_kwh"]
    unknown = await client.get(f"/closed/{FIRST}/explanation", params={"cell": "total/none"})
    assert unknown.status_code == 404


async def test_a_changed_file_is_refused_and_said(client: AsyncClient, archive: Archive) -> None:
    path: Path = archive.folder / FIRST / "cells.json"
    before = path.read_bytes()
    path.chmod(0o644)
    cells = json.loads(before)
    cells["total/it_kwh"]["value"] += 1
    path.write_text(json.dumps(cells))
    try:
        verified = (await client.get(f"/closed/{FIRST}/verification")).json()
        assert not verified["intact"]
        assert "cells.json was changed after closing" in verified["problem"]
        assert (await client.get(f"/closed/{FIRST}/files/report.json")).status_code == 409
        assert [r["intact"] for r in (await client.get("/closed")).json()] == [False, True]
    finally:
        path.write_bytes(before)
    assert (await client.get(f"/closed/{FIRST}/verification")).json()["intact"]


@pytest.mark.parametrize(
    "path", ["/closed/none-v1", "/closed/..%2f..%2fetc", f"/closed/{FIRST}/files/manifest"]
)
async def test_what_was_not_closed_is_not_there(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
