"""OIDC bearer tokens, as an option: signed by the site's own identity provider, checked here.

The provider's keys are found by discovery, kept for an hour and asked for again when a token names
one we do not have (keys are rotated), but not more often than every half minute. What cannot be
checked is denied: no network and no kept key means nobody gets in this way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt

from controller.auth import ALLOWED, Identity, NotKnown, Principal, Role
from plant.errors import ConfigError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key only: a shared secret (HS256) or none at all proves nothing here."""
KEEP_KEYS = timedelta(hours=1)
ASK_AGAIN = timedelta(seconds=30)
LONGEST_LIFE = timedelta(hours=24)
"""A token that lives longer than this is not what a person at work was given."""
_LARGEST = 200_000
"""Bytes of a provider's answer that are read at most."""

Fetch = Callable[[str], Any]
"""A GET of JSON. Raises `OSError` or `ValueError` when there is none to be had."""


@dataclass(frozen=True)
class OidcSettings:
    """Whom we trust, and what their words mean to us."""

    issuer: str
    audience: str
    roles: Mapping[str, Role]
    """A value of the roles claim → our role. Whoever has none of them is nobody to us."""
    roles_claim: str = "roles"
    """A dot goes into an object: `realm_access.roles`."""
    name_claim: str = "sub"
    leeway: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        check_provider_url(self.issuer)
        if not self.audience or not self.roles:
            raise ConfigError(
                "OIDC", "needs an audience and roles", "set COOLWRIGHT_OIDC_AUDIENCE and _ROLES"
            )


@dataclass
class OidcVerifier:
    """Checks bearer tokens of one provider. Safe to call from several threads."""

    settings: OidcSettings
    fetch: Fetch = field(default_factory=lambda: fetch_json)
    _keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    _asked_at: datetime | None = None
    _got_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def identify(self, token: str, at: datetime) -> Identity:
        """Who this token says its holder is, if it is good now. May ask the provider for its keys."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return NotKnown("its signature is of a kind we do not take")
            key = self._key(str(header.get("kid", "")), at)
            if key is None:
                return NotKnown("the provider's key for it cannot be had")
            claims = jwt.decode(
                token,
                key,
                algorithms=[str(header["alg"])],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                # The times are judged below, by the clock we were handed.
                options={
                    "require": ["exp", "iat", "sub", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            return NotKnown(str(error))
        return self._untimely(claims, at) or self._principal(claims)

    def _untimely(self, claims: Mapping[str, Any], at: datetime) -> NotKnown | None:
        leeway = self.settings.leeway
        try:
            ends, begun = _instant(claims["exp"]), _instant(claims["iat"])
            valid_from = _instant(claims.get("nbf", claims["iat"]))
        except (TypeError, ValueError, OverflowError, OSError):
            return NotKnown("its times cannot be read")
        if at >= ends + leeway:
            return NotKnown("expired")
        if max(begun, valid_from) > at + leeway:
            return NotKnown("not valid yet")
        return NotKnown("it lives too long") if ends - begun > LONGEST_LIFE else None

    def _principal(self, claims: Mapping[str, Any]) -> Identity:
        name = claims.get(self.settings.name_claim)
        if not isinstance(name, str) or not name.strip():
            return NotKnown(f"it has no {self.settings.name_claim}")
        said = _claim(claims, self.settings.roles_claim)
        values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        ours = [self.settings.roles[v] for v in values if isinstance(v, str) and v in self.settings.roles]
        if not ours:
            return NotKnown("it names no role of ours")
        role = max(ours, key=list(Role).index)
        return Principal(name.strip(), role, ALLOWED[role], f"oidc:{claims['sub']}")

    def _key(self, kid: str, at: datetime) -> jwt.PyJWK | None:
        """The provider's key of this name. Kept ones serve an hour, and longer if the provider is away."""
        with self._lock:
            fresh = self._got_at is not None and at - self._got_at < KEEP_KEYS
            soon = self._asked_at is not None and at - self._asked_at < ASK_AGAIN
            if not (fresh and kid in self._keys) and not soon:
                self._ask(at)
            too_old = self._got_at is None or at - self._got_at > 24 * KEEP_KEYS
            return None if too_old else self._keys.get(kid)

    def _ask(self, at: datetime) -> None:
        self._asked_at = at
        issuer = self.settings.issuer
        try:
            found = self.fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found["issuer"] != issuer:
                return
            where = str(found["jwks_uri"])
            check_provider_url(where)
            keys = [k for k in self.fetch(where)["keys"] if isinstance(k, dict) and k.get("kty") != "oct"]
            self._keys = {str(k.get("kid", "")): jwt.PyJWK(k) for k in keys if k.get("use", "sig") == "sig"}
            self._got_at = at
        except (OSError, ValueError, KeyError, TypeError, ConfigError, jwt.PyJWTError):
            return  # what we have serves a while; without any, nobody is let in


def check_provider_url(url: str) -> None:
    """HTTPS, or plain HTTP to this very machine.

    Raises
    ------
    ConfigError
        For any other address.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ConfigError(
            f"OIDC address {url!r}", "is not an https one", "give the provider's https:// address"
        )


def fetch_json(url: str) -> Any:
    """A GET without redirects, of at most a few hundred kilobytes."""
    try:
        with httpx2.stream("GET", url, timeout=5.0, follow_redirects=False) as answer:
            answer.raise_for_status()
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > _LARGEST:
                    raise ValueError("the provider's answer is too long")
    except httpx2.HTTPError as error:
        raise OSError(str(error)) from error
    return httpx2.Response(200, content=content).json()


def parse_roles(text: str) -> dict[str, Role]:
    """``claim=role`` pairs, separated by commas.

    Raises
    ------
    ConfigError
        If a pair cannot be read or names no role.
    """
    found: dict[str, Role] = {}
    for pair in filter(None, (p.strip() for p in text.split(","))):
        claim, _, role = pair.rpartition("=")
        if not claim or role not in list(Role):
            raise ConfigError(f"OIDC role {pair!r}", "is not claim=role", f"roles are {', '.join(Role)}")
        found[claim] = Role(role)
    return found


def _claim(claims: Mapping[str, Any], path: str) -> object:
    found: object = claims
    if path in claims:  # a name with dots in it, as some providers have
        return claims[path]
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)  # type: ignore[arg-type]
