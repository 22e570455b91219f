"""The tables of the controller's own store. Instants are fixed-width UTC text, records JSON text.

A column that is added later is nullable or has a server default: an older database is widened at the start.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()
_INSTANT = String(40)
_ID = String(80)

PROPOSALS = Table(
    "proposals",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("number", Integer, unique=True, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("created_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("decided_at", _INSTANT),
    Column("decided_by", String(200)),
    Column("decision_reason", Text),
    Column("decision_code", String(20)),
    Column("standing", _ID),
    Column("executed_at", _INSTANT),
    Column("note", Text),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("proposal", _ID, index=True),
    Column("purpose", String(20), nullable=False),
    Column("point", _ID, nullable=False),
    Column("before", Float),
    Column("value", Float, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("read_back", Float),
    Column("reason", Text),
    Column("intended_at", _INSTANT, nullable=False),
    Column("finished_at", _INSTANT),
)
Index("commands_by_point", COMMANDS.c.point, COMMANDS.c.id)

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", _INSTANT, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)

AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

SNAPSHOTS = Table(
    "snapshots", METADATA, Column("at", _INSTANT, primary_key=True), Column("payload", Text, nullable=False)
)

PLANS = Table(
    "plans",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("at", _INSTANT, nullable=False, index=True),
    Column("payload", Text, nullable=False),
)

LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", _INSTANT, nullable=False, index=True),
    Column("payload", Text, nullable=False),
)

HOLDS = Table(
    "holds",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("target", _ID, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("placed_at", _INSTANT, nullable=False),
    Column("until", _INSTANT, nullable=False),
    Column("released_at", _INSTANT),
    Column("released_by", String(200)),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("issued_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("revoked_at", _INSTANT),
    UniqueConstraint("hash", name="one_token_one_hash"),
)

MODES = Table(
    "modes",
    METADATA,
    Column("scope", _ID, primary_key=True),
    Column("mode", String(20), nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
)

REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("payload", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("settled_at", _INSTANT),
    Column("settled_by", String(200)),
)

STANDING = Table(
    "standing_approvals",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("payload", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("granted_at", _INSTANT, nullable=False),
    Column("until", _INSTANT, nullable=False),
    Column("remaining", Integer, nullable=False),
    Column("revoked_at", _INSTANT),
    Column("revoked_by", String(200)),
)

BASELINES = Table(
    "baselines",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("by", String(200), nullable=False),
    Column("adopted_at", _INSTANT, nullable=False),
    Column("reason", Text, nullable=False),
)

SWITCHBACKS = Table(
    "switchbacks",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("by", String(400), nullable=False),
    Column("started_at", _INSTANT, nullable=False),
    Column("stopped_at", _INSTANT),
    Column("stopped_by", String(200)),
    Column("reason", Text),
)

SWITCHBACK_STRETCHES = Table(
    "switchback_stretches",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", _ID, nullable=False, index=True),
    Column("since", _INSTANT, nullable=False),
    Column("until", _INSTANT, nullable=False),
    Column("applied", String(20), nullable=False),
    Column("detail", Text, nullable=False),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("source", _ID, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raised_at", _INSTANT, nullable=False),
    Column("cleared_at", _INSTANT),
    Column("acknowledged_at", _INSTANT),
    Column("acknowledged_by", String(200)),
    Column("shelved_until", _INSTANT),
    Column("shelved_by", String(200)),
    Column("shelved_reason", Text),
)

SCORES = Table(
    "scores",
    METADATA,
    Column("zone", _ID, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("cycles", Integer, nullable=False),
    Column("judged", Integer, nullable=False),
    Column("squared_error_k2", Float, nullable=False),
    Column("violation_s", Float, nullable=False),
    Column("overrides", Integer, nullable=False),
    Column("predicted_kwh", Float, nullable=False),
    Column("actual_kwh", Float, nullable=False),
    Column("forecast_judged", Integer, nullable=False, server_default="0"),
    Column("squared_forecast_error", Float, nullable=False, server_default="0"),
)

OVERRIDES = Table(
    "overrides",
    METADATA,
    Column("zone", _ID, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("code", String(20), primary_key=True),
    Column("count", Integer, nullable=False),
)

DRILLS = Table(
    "drills",
    METADATA,
    Column("at", _INSTANT, primary_key=True),
    Column("by", String(200), nullable=False),
    Column("passed", Integer, nullable=False),
    Column("took_over_after_s", Float),
    Column("note", Text, nullable=False),
)

LIMITS = Table(
    "limits",
    METADATA,
    Column("name", _ID, primary_key=True),
    Column("value", Float, nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("number", Integer, unique=True, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("order", Text, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("by", String(200), nullable=False),
    Column("asked_at", _INSTANT, nullable=False),
    Column("started_at", _INSTANT),
    Column("ended_at", _INSTANT),
    Column("note", Text),
    Column("media_type", String(200)),
    Column("result", LargeBinary),
    Column("attempt", Integer),
)

LEVER_TRIALS = Table(
    "lever_trials",
    METADATA,
    Column("lever", _ID, primary_key=True),
    Column("payload", Text, nullable=False),
)

DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("url", Text, nullable=False),
    Column("event", _ID, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("made_at", _INSTANT, nullable=False),
    Column("next_at", _INSTANT, nullable=False),
    Column("last_error", Text),
)
