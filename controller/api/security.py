"""Who is asking, may they, and not too often."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from controller.api.deps import ApiDeps
from controller.api.problems import Code, Problem
from controller.auth import PREFIX, Identity, NotKnown, Principal, Scope

_BEARER = HTTPBearer(
    auto_error=False, description="An API token from `coolwright token issue`, or your identity provider's."
)
_KEPT = 10_000
"""Callers remembered for rate limiting; the ones unseen longest are forgotten first."""

_SAID: Mapping[Scope, str] = {
    Scope.READ: "look",
    Scope.DECIDE: "decide on proposals or ask for reports",
    Scope.HOLD: "place or release holds",
    Scope.STOP: "stop or resume",
    Scope.ALARM: "handle alarms",
    Scope.MODE: "change modes and limits, or ask for long work",
    Scope.STANDING: "grant or revoke standing approvals",
    Scope.TOKENS: "manage tokens",
}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """A token bucket for each caller: a minute's worth at once, refilled evenly."""

    def __init__(self, per_minute: int, ticker: Callable[[], float]) -> None:
        self._size = float(per_minute)
        self._per_s = per_minute / 60
        self._ticker = ticker
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, caller: str, cost: float = 1.0) -> float:
        """Spend ``cost``; seconds to wait if there is not enough left, else 0."""
        now = self._ticker()
        bucket = self._buckets.pop(caller, None) or _Bucket(self._size, now)
        bucket.tokens = min(self._size, bucket.tokens + (now - bucket.at) * self._per_s)
        bucket.at = now
        self._buckets[caller] = bucket
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        if bucket.tokens < cost:
            return (cost - bucket.tokens) / self._per_s
        bucket.tokens -= cost
        return 0.0


@dataclass(frozen=True)
class Gate:
    """The limits of this application; one for each app, kept on its state."""

    requests: RateLimit
    failures: RateLimit


def gate_for(deps: ApiDeps) -> Gate:
    """Fresh limits."""
    return Gate(
        RateLimit(deps.requests_per_minute, deps.ticker), RateLimit(deps.failures_per_minute, deps.ticker)
    )


def api_deps(request: Request) -> ApiDeps:
    """What `wiring` handed in."""
    deps = request.app.state.deps
    if not isinstance(deps, ApiDeps):
        raise TypeError("the application was built without its dependencies")
    return deps


Deps = Annotated[ApiDeps, Depends(api_deps)]


def require(scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that lets only holders of this scope through."""

    async def principal(
        request: Request,
        deps: Deps,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> Principal:
        gate: Gate = request.app.state.gate
        host = request.client.host if request.client else "unknown"
        if credentials is None:
            raise _unknown("send an API token as 'Authorization: Bearer …'")
        identity = await _identify(deps, credentials.credentials)
        if isinstance(identity, NotKnown):
            _spend(gate.failures, host)
            raise _unknown("the token is not valid")
        _spend(gate.requests, identity.token_id)
        if not identity.may(scope):
            raise Problem(403, Code.FORBIDDEN, f"role {identity.role} with this token may not {_SAID[scope]}")
        return identity

    return principal


async def _identify(deps: ApiDeps, token: str) -> Identity:
    """By one of our own tokens or, where the site has one, by its identity provider's."""
    if deps.oidc is None or token.startswith(f"{PREFIX}_"):
        return deps.tokens.identify(token, deps.wall.now())
    # The provider may have to be asked for its keys; the plant's loop does not wait for it.
    return await asyncio.to_thread(deps.oidc.identify, token, deps.wall.now())


Reader = Annotated[Principal, Depends(require(Scope.READ))]
Decider = Annotated[Principal, Depends(require(Scope.DECIDE))]
Holder = Annotated[Principal, Depends(require(Scope.HOLD))]
Stopper = Annotated[Principal, Depends(require(Scope.STOP))]
AlarmHandler = Annotated[Principal, Depends(require(Scope.ALARM))]
ModeSetter = Annotated[Principal, Depends(require(Scope.MODE))]
Delegator = Annotated[Principal, Depends(require(Scope.STANDING))]


def _unknown(detail: str) -> Problem:
    return Problem(401, Code.UNAUTHENTICATED, detail, {"WWW-Authenticate": 'Bearer realm="coolwright"'})


def _spend(limit: RateLimit, caller: str) -> None:
    wait_s = limit.wait_s(caller)
    if wait_s > 0:
        raise Problem(
            429, Code.TOO_MANY_REQUESTS, "too many requests", {"Retry-After": str(math.ceil(wait_s))}
        )
