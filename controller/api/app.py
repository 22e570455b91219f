"""The application, put together: a table of contents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse, RedirectResponse

from controller.api import jobs, limits, live, proposals, rollout, state, supervision, webhooks
from controller.api.deps import ApiDeps
from controller.api.documentation import add_documentation
from controller.api.examples import add_examples
from controller.api.headers import CarefulHeaders
from controller.api.problems import ProblemOut, add_handlers
from controller.api.security import gate_for

CONSOLE = Path(__file__).parents[1] / "console"
_ASSETS = {
    "": ("index.html", "text/html; charset=utf-8"),
    "console.css": ("console.css", "text/css; charset=utf-8"),
    "console.js": ("console.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def build_app(deps: ApiDeps, more: Sequence[APIRouter] = ()) -> FastAPI:
    """The API and the console, on the given dependencies; ``more`` are routes of other rooms."""
    app = FastAPI(
        title="Coolwright supervisory API",
        version="1",
        summary="What the plant does, what would be better, and who agreed to it.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
    )
    app.state.deps = deps
    app.state.gate = gate_for(deps)
    app.add_middleware(CarefulHeaders)
    add_handlers(app)
    v1 = APIRouter(prefix="/api/v1")
    routes = (state, proposals, supervision, limits, rollout, jobs, webhooks)
    for router in (*(module.router for module in routes), live.stream):
        v1.include_router(router)
    for router in (v1, *more, live.machines):
        app.include_router(router)
    _add_console(app)
    add_documentation(app)
    _document_problems(app)
    return app


def _add_console(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/console/")

    @app.get("/console/{asset}", include_in_schema=False)
    @app.get("/console/", include_in_schema=False)
    async def console(asset: str = "") -> Response:
        if asset not in _ASSETS:
            return Response(status_code=404)
        name, media_type = _ASSETS[asset]
        return FileResponse(
            CONSOLE / name,
            media_type=media_type,
            headers={"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"},
        )


def _document_problems(app: FastAPI) -> None:
    """Put the problem schema, which routes refer to, and examples into the OpenAPI document."""
    plain = app.openapi

    def with_problems() -> dict[str, object]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "ProblemOut" not in schemas:
            schema = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas["ProblemOut"] = schema
            add_examples(document)
        return document

    app.openapi = with_problems  # type: ignore[method-assign]


_DESCRIPTION = """
Every request except `/healthz`, `/readyz`, `/metrics` and the console page carries a bearer token.
Errors are `application/problem+json` with a stable `code`.

Approving writes nothing by itself: it lets the next cycle carry out exactly the values whose digest
was approved, after checking them once more against fresh data.
"""
_TAGS = [
    {"name": "state", "description": "What the site does now."},
    {"name": "proposals", "description": "One decision for a person."},
    {"name": "supervision", "description": "Stop, modes, holds, standing approvals."},
    {"name": "limits", "description": "Narrower than the site file, by two people."},
    {"name": "rollout", "description": "Scorecards, commissioning, the dead-man drill."},
    {"name": "switchback", "description": "A saving measured by switching control on and off at random."},
    {"name": "levers", "description": "Levers that were found to lie."},
    {"name": "reports", "description": "Drafts of any period, and reports as they were closed."},
    {"name": "jobs", "description": "Long work: asked for, looked at, fetched."},
    {"name": "alarms", "description": "What needs a person."},
    {"name": "audit", "description": "Who did what, sealed."},
    {"name": "machines", "description": "Health and metrics."},
]
