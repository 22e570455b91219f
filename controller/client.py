"""A client of our own API, for the operator's verbs and the demo's robot: nothing the API does not check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from plant.errors import ConfigError, CoolwrightError


class ApiRefused(CoolwrightError):
    """The API said no: its stable code, and its words."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and its tag if it has one."""

    content: bytes
    etag: str | None

    @property
    def text(self) -> str:
        """As text."""
        return self.content.decode()

    @property
    def data(self) -> Any:
        """As JSON; None where nothing came."""
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True)
class ApiClient:
    """Calls ``/api/v1`` with a bearer token."""

    url: str
    token: str | None
    timeout_s: float = 30.0

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """A GET's JSON."""
        return self.answer("GET", path, query=query).data

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """A POST's JSON."""
        return self.answer("POST", path, body).data

    def put(self, path: str, body: Mapping[str, object], if_match: str | None = None) -> Any:
        """A PUT's JSON; with the ETag of what was looked at, it is refused if that has changed."""
        return self.answer("PUT", path, body, if_match=if_match).data

    def delete(self, path: str) -> Any:
        """A DELETE's JSON, or None."""
        return self.answer("DELETE", path).data

    def answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str | int] | None = None,
        if_match: str | None = None,
    ) -> Answer:
        """Any request's answer as it came.

        Raises
        ------
        ConfigError
            If nothing answers there, or the token is not one.
        ApiRefused
            If the answer is no.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if if_match is not None:
            headers["If-Match"] = if_match
        try:
            answer = httpx2.request(
                method,
                f"{self.url}/api/v1{path}",
                json=body,
                params=dict(query or {}),
                headers=headers,
                timeout=self.timeout_s,
            )
        except httpx2.TransportError as error:
            raise ConfigError(
                f"controller {self.url}",
                f"does not answer ({type(error).__name__})",
                "start it with `coolwright run` or set COOLWRIGHT_URL",
            ) from None
        if answer.is_success:
            return Answer(answer.content, answer.headers.get("ETag"))
        raise _refusal(answer)


def _refusal(answer: httpx2.Response) -> CoolwrightError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    detail = str(problem.get("detail", answer.reason_phrase))
    if answer.status_code == 401:
        return ConfigError("token", detail, "set COOLWRIGHT_TOKEN to one from `coolwright token issue`")
    return ApiRefused(answer.status_code, str(problem.get("code", answer.status_code)), detail)
