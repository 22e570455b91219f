"""What comes in: bodies and queries. Strict: an unknown field is an error."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from controller.decisions import Decision, RejectionCode
from controller.jobs import JobKind
from controller.proposal_record import ProposalStatus
from controller.reporting import ReportFormat
from controller.webhooks import DeliveryStatus
from reports.periods import Split

PLAIN = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""One line without control characters: words end up on terminals, and a database may not take them."""
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=PLAIN)]
FewWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=PLAIN)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _only_numbers(value: object) -> object:
    """JSON does not tell 3 from 3.0, but a text is not a number."""
    if isinstance(value, str | bool):
        raise ValueError("should be a number")
    return value


def _only_iso(value: object) -> object:
    """Pydantic would take a number of seconds too; the document says it is text."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:", value):
        raise ValueError("should be an instant such as 2026-03-01T06:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_only_iso)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProposalQuery(_In):
    """Which proposals to list."""

    status: ProposalStatus | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AlarmQuery(_In):
    """Whether shelved alarms are listed too."""

    shelved: bool = False


class AuditQuery(_In):
    """Which records to list, paging back with `before`."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    before: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None


class HandoverQuery(_In):
    """How far back to look: so many hours, or since an instant (a year at most)."""

    hours: Annotated[float, Field(gt=0, le=14 * 24)] = 8
    since: Annotated[Instant | None, Field(examples=["2026-03-01T06:00:00Z"])] = None


class RecordForm(StrEnum):
    """How a document is written."""

    JSON = "json"
    MARKDOWN = "md"


class RecordQuery(_In):
    """Since when, and written how. A year at most."""

    since: Annotated[Instant | None, Field(examples=["2026-03-01T06:00:00Z"])] = None
    format: RecordForm = RecordForm.JSON


class LimitIn(_In):
    """The value wanted, and why; null goes back to the site file's own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": 25.5, "reason": "old servers in row 3"}]}
    )

    value: Annotated[float | None, Field(strict=True, allow_inf_nan=False)]
    reason: Words


class JobQuery(_In):
    """Which jobs to list."""

    kind: JobKind | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ReportIn(_In):
    """Which report to write: a named period, or both ends."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "report", "period": "2026-Q4", "format": "pdf"}]}
    )

    kind: Literal["report"]
    period: Annotated[str | None, StringConstraints(max_length=40, pattern=PLAIN)] = None
    start: Annotated[str | None, StringConstraints(max_length=40, pattern=PLAIN)] = None
    end: Annotated[str | None, StringConstraints(max_length=40, pattern=PLAIN)] = None
    format: ReportFormat = ReportFormat.JSON
    split: Split = Split.WHOLE
    profile: Annotated[str | None, StringConstraints(max_length=40, pattern=PLAIN)] = None


class CalibrationIn(_In):
    """Learn the plant anew from its history; the new model is adopted only if it is not worse."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "calibration"}]})

    kind: Literal["calibration"]


class ReplayIn(_In):
    """Which scenario to run on a simulated plant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "replay", "scenario": "heat-wave", "policy": "mpc", "days": 2}]
        }
    )

    kind: Literal["replay"]
    scenario: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]
    policy: Literal["mpc", "trim-and-respond", "fixed"] = "mpc"
    days: Annotated[float | None, Field(gt=0, le=31, strict=True)] = None


JobIn: TypeAlias = Annotated[ReportIn | CalibrationIn | ReplayIn, Field(discriminator="kind")]
"""Long work."""


class DeliveryQuery(_In):
    """Which webhook deliveries to list."""

    status: DeliveryStatus | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ApproveIn(_In):
    """Approve exactly what the digest covers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "approve", "digest": "0" * 64}]})

    decision: Literal[Decision.APPROVE]
    digest: Digest
    reason: FewWords = ""


class RejectIn(_In):
    """Reject what the digest covers. The code is counted in the scorecard, the reason is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "reject", "digest": "0" * 64, "code": "maintenance", "reason": "belt"}]
        }
    )

    decision: Literal[Decision.REJECT]
    digest: Digest
    code: RejectionCode
    reason: FewWords = ""


DecisionIn: TypeAlias = Annotated[ApproveIn | RejectIn, Field(discriminator="decision")]
"""A decision, for exactly what the digest covers."""


class HoldIn(_In):
    """Hands off a site, zone, machine or lever for some minutes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"target": "crah-3", "minutes": 180, "reason": "belt"}]}
    )

    target: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=PLAIN)]
    minutes: Annotated[float, Field(ge=1, le=30 * 24 * 60, strict=True)]
    reason: Words


class ReasonIn(_In):
    """A reason, in a few words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "smell of burning in hall 2"}]})

    reason: Words


class ModeIn(_In):
    """The mode wanted, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mode": "advisory", "reason": "end of the night shift"}]}
    )

    mode: Literal["shadow", "advisory", "supervised"]
    reason: Words


class RangeIn(_In):
    """From and to, both allowed."""

    model_config = ConfigDict(from_attributes=True)

    low: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    high: Annotated[float, Field(strict=True, allow_inf_nan=False)]


class StandingIn(_In):
    """Agree beforehand to changes of these levers within these ranges."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ranges": {"zone-a.supply-air": {"low": 18, "high": 23}},
                    "minutes": 480,
                    "count": 40,
                    "min_margin_k": 1.0,
                }
            ]
        }
    )

    ranges: Annotated[dict[str, RangeIn], Field(min_length=1, max_length=200)]
    minutes: Annotated[float, Field(ge=1, le=7 * 24 * 60, strict=True)]
    count: Annotated[int, Field(ge=1, le=1000), BeforeValidator(_only_numbers)]
    min_margin_k: Annotated[float, Field(ge=0, le=20, strict=True)] = 0.5


class ShelfIn(_In):
    """Put an alarm aside for some minutes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 60, "reason": "sensor on order"}]})

    minutes: Annotated[float, Field(ge=1, le=12 * 60, strict=True)]
    reason: Words
