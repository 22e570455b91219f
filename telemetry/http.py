"""HTTP as telemetry needs it: a bounded, authenticated GET whose every failure is a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from plant.errors import ConfigError
from plant.gateways import Gateway, Login
from telemetry.tls import tls_context

MOST_BYTES = 64 * 1024 * 1024
"""An answer larger than this is not telemetry."""


@dataclass(frozen=True, slots=True)
class HttpFault:
    """A request that brought no usable answer. `status` is None where nothing came at all."""

    reason: str
    status: int | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer."""

    text: str
    content_type: str


def client_for(gateway: Gateway) -> httpx2.AsyncClient:
    """A client with the gateway's time-out, trust and login.

    Raises
    ------
    ConfigError
        If a certificate or secret file cannot be used.
    """
    return httpx2.AsyncClient(
        timeout=gateway.timeout_s,
        verify=tls_context(gateway) or True,
        trust_env=False,  # a plant is not reached through an office proxy
        headers=_headers(gateway.login, f"gateway {gateway.id}"),
        auth=_basic(gateway.login, f"gateway {gateway.id}"),
        follow_redirects=False,
    )


async def get(
    client: httpx2.AsyncClient,
    url: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer | HttpFault:
    """GET ``url``. A network error, a status that is not 2xx or too large a body is a fault."""
    try:
        async with client.stream("GET", url, params=params, headers=headers) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    return HttpFault(f"the answer is larger than {MOST_BYTES} bytes", response.status_code)
    except httpx2.TimeoutException:
        return HttpFault("no answer in time")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return HttpFault(str(error) or type(error).__name__)
    text = body.decode("utf-8", errors="replace")
    if not response.is_success:
        wait = response.headers.get("retry-after", "")
        retry_after_s = float(wait) if wait.isdigit() else None
        return HttpFault(
            f"HTTP {response.status_code}: {text[:200]}".strip(), response.status_code, retry_after_s
        )
    return Answer(text, response.headers.get("content-type", ""))


def read_secret(path: Path, where: str) -> str:
    """A secret's file, without its line end.

    Raises
    ------
    ConfigError
        If it cannot be read or is empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(where, f"secret file {path} cannot be read", "create it, readable by us") from None
    if not secret:
        raise ConfigError(where, f"secret file {path} is empty", "put the secret in it")
    return secret


def _headers(login: Login | None, where: str) -> dict[str, str]:
    if login is None or login.token_file is None:
        return {}
    return {"Authorization": f"Bearer {read_secret(login.token_file, where)}"}


def _basic(login: Login | None, where: str) -> httpx2.BasicAuth | None:
    if login is None or login.username is None:
        return None
    if login.password_file is None:
        raise ConfigError(f"{where}, key login", "has a username and no password_file", "add it")
    return httpx2.BasicAuth(login.username, read_secret(login.password_file, where))
