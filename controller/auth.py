"""Who is asking: API tokens with a role, an end and scopes.

A token is 256 random bits, so a plain SHA-256 of it is enough to keep: nobody guesses such a secret,
and the slow password hashes would only hand an attacker a way to keep the processor busy. There is
no default token; the first is issued on the machine itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import insert, select, update

from controller.audit import AuditLog
from controller.canonical import canonical, instant, stamp
from controller.store import Store, StoreUnavailable
from controller.tables import TOKENS
from plant.errors import ConfigError

PREFIX = "cw"
"""How a token of ours begins; anything else may be an identity provider's."""


class Role(StrEnum):
    """What a person is to the plant. Each role may do what the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Scope(StrEnum):
    """One kind of thing a token lets its holder do."""

    READ = "read"
    DECIDE = "decide"
    HOLD = "hold"
    STOP = "stop"
    ALARM = "alarm"
    MODE = "mode"
    STANDING = "standing"
    TOKENS = "tokens"


_VIEWER = frozenset({Scope.READ})
_OPERATOR = _VIEWER | {Scope.DECIDE, Scope.HOLD, Scope.STOP, Scope.ALARM}
_ENGINEER = _OPERATOR | {Scope.MODE, Scope.STANDING}
ALLOWED: Mapping[Role, frozenset[Scope]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: _ENGINEER | {Scope.TOKENS},
}


@dataclass(frozen=True)
class Principal:
    """Someone we know: a name, a role and what this token may do."""

    name: str
    role: Role
    scopes: frozenset[Scope]
    token_id: str

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The token proves nothing, and why (for the log; the caller is told less)."""

    reason: str


Identity: TypeAlias = Principal | NotKnown


@dataclass(frozen=True)
class TokenRecord:
    """What is kept of a token. Never the token."""

    id: str
    name: str
    role: Role
    scopes: frozenset[Scope]
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class IssuedToken:
    """A new token. `token` is shown once and cannot be had again."""

    token: str
    record: TokenRecord


class TokenBook:
    """Issues, checks and revokes tokens."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit
        # Kept so that people we know can still press stop when the database is gone.
        self._known: dict[str, Mapping[str, Any]] = {r["id"]: r for r in store.rows(select(TOKENS))}

    def issue(
        self,
        name: str,
        role: Role,
        ttl: timedelta,
        *,
        at: datetime,
        by: str = "local",
        scopes: frozenset[Scope] | None = None,
    ) -> IssuedToken:
        """Make a token for a person.

        Raises
        ------
        ConfigError
            If it has no name or no end, or asks for more than the role allows.
        """
        granted = ALLOWED[role] if scopes is None else scopes
        if not name.strip() or ttl <= timedelta(0):
            raise ConfigError("token", "needs a name and a lifetime", "give --name and a positive --ttl")
        if not granted <= ALLOWED[role]:
            extra = ", ".join(sorted(granted - ALLOWED[role]))
            raise ConfigError(f"token for {name}", f"role {role} may not {extra}", "choose a higher role")
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = f"{PREFIX}_{token_id}_{secret}"
        record = TokenRecord(token_id, name.strip(), role, granted, at, at + ttl, None)
        with self._store.transaction() as tx:
            tx.execute(
                insert(TOKENS).values(
                    id=token_id,
                    name=record.name,
                    role=role,
                    scopes=canonical(granted),
                    hash=_hash(token),
                    issued_at=stamp(at),
                    expires_at=stamp(record.expires_at),
                )
            )
            what = {
                "token": token_id,
                "name": name,
                "role": role,
                "expires_at": record.expires_at,
                "before": None,
                "after": "in force",
            }
            self._audit.record("token.issued", by, what, at)
        self._find(token_id)
        return IssuedToken(token, record)

    def identify(self, token: str, at: datetime) -> Identity:
        """Who holds this token, if it is good now."""
        parts = token.split("_", 2)
        if len(parts) != 3 or parts[0] != PREFIX:
            return NotKnown("not a token of ours")
        row = self._find(parts[1])
        if row is None or not hmac.compare_digest(row["hash"], _hash(token)):
            return NotKnown("unknown token")
        record = _record(row)
        if record.revoked_at is not None:
            return NotKnown("revoked")
        if at >= record.expires_at:
            return NotKnown("expired")
        return Principal(record.name, record.role, record.scopes & ALLOWED[record.role], record.id)

    def _find(self, token_id: str) -> Mapping[str, Any] | None:
        try:
            rows = self._store.rows(select(TOKENS).where(TOKENS.c.id == token_id))
        except StoreUnavailable:
            return self._known.get(token_id)
        if rows:
            self._known[token_id] = rows[0]
        return rows[0] if rows else None

    def revoke(self, token_id: str, *, by: str, at: datetime) -> bool:
        """End a token now; False if it is not in force."""
        with self._store.transaction() as tx:
            done = tx.execute(
                update(TOKENS)
                .where(TOKENS.c.id == token_id, TOKENS.c.revoked_at.is_(None))
                .values(revoked_at=stamp(at))
            )
            if done.rowcount != 1:
                return False
            self._audit.record(
                "token.revoked", by, {"token": token_id, "before": "in force", "after": "revoked"}, at
            )
        return True

    def all(self) -> list[TokenRecord]:
        """Every token ever issued, oldest first."""
        return [_record(row) for row in self._store.rows(select(TOKENS).order_by(TOKENS.c.issued_at))]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _record(row: Mapping[str, Any]) -> TokenRecord:
    return TokenRecord(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        scopes=frozenset(Scope(s) for s in json.loads(row["scopes"])),
        issued_at=instant(row["issued_at"]),
        expires_at=instant(row["expires_at"]),
        revoked_at=instant(row["revoked_at"]) if row["revoked_at"] else None,
    )
