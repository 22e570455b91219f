"""Errors as `application/problem+json` (RFC 9457) with codes that never change."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from controller.store import StoreUnavailable

MEDIA_TYPE = "application/problem+json"


class Code(StrEnum):
    """Every way a request can fail. Clients may rely on these."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    SAME_PERSON = "same_person"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    DIGEST_MISMATCH = "digest_mismatch"
    ALREADY_DECIDED = "already_decided"
    NOT_STOPPED = "not_stopped"
    NOT_OPEN = "not_open"
    NOT_EARNED = "not_earned"
    EXPIRED = "expired"
    PLANT_CHANGED = "plant_changed"
    PRECONDITION_FAILED = "precondition_failed"
    NOT_NARROWER = "not_narrower"
    NOT_FINISHED = "not_finished"
    INVALID = "invalid"
    HELD = "held"
    TOO_MANY_REQUESTS = "too_many_requests"
    STORE_UNAVAILABLE = "store_unavailable"
    NOT_READY = "not_ready"


class ProblemOut(BaseModel):
    """A problem, after RFC 9457. `code` is stable; `detail` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:coolwright:problem:digest_mismatch",
                "title": "Conflict",
                "status": 409,
                "code": "digest_mismatch",
                "detail": "the decision is for something else than proposal P-000042",
            }
        }
    )

    type: str
    title: str
    status: int
    code: Code
    detail: str


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, code: Code, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


def problem_response(
    status: int, code: Code, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response for a problem."""
    body = {
        "type": f"urn:coolwright:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the problems a route may answer with; the usual ones are always included."""
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({400, 401, 403, 422, 429, 503, *statuses})
    }


def files(*media_types: str) -> dict[str, Any]:
    """The OpenAPI entry of an answer that is a file."""
    return {"description": "The document", "content": {kind.partition(";")[0]: {} for kind in media_types}}


def add_handlers(app: FastAPI) -> None:
    """Turn everything that can go wrong into a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreUnavailable, _store)


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Problem):
        raise error
    return problem_response(error.status, error.code, error.detail, error.headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem_response(422, Code.INVALID, f"{where}: {first['msg']}")


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    codes = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}
    code = codes.get(error.status_code, Code.INVALID)
    headers = dict(error.headers) if error.headers else None
    if error.status_code == 405:
        headers = {"Allow": ", ".join(_methods_at(request))}
    return problem_response(error.status_code, code, str(error.detail), headers)


def _methods_at(request: Request) -> list[str]:
    """Every documented method of this path; the router itself only knows the first route it met."""
    found: set[str] = set()
    for template, methods in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.url.path):
            found |= {method.upper() for method in methods}
    return sorted(found)


async def _store(_request: Request, _error: Exception) -> JSONResponse:
    detail = "the database cannot be reached; stop and fallback still work"
    return problem_response(503, Code.STORE_UNAVAILABLE, detail)
