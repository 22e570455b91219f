"""The API's documentation page, served from our own files: a plant network has no internet."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse

FOLDER = Path(__file__).parent / "swagger"
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "start.js": ("start.js", "text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
}


def add_documentation(app: FastAPI) -> None:
    """Serve ``/docs`` and what it needs."""

    @app.get("/docs", include_in_schema=False)
    @app.get("/docs/{asset}", include_in_schema=False)
    async def docs(asset: str = "") -> Response:
        if asset not in _FILES:
            return Response(status_code=404)
        name, media_type = _FILES[asset]
        return FileResponse(FOLDER / name, media_type=media_type)
