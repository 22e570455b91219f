"""The commissioning record: what was tried, what was seen, who agreed, as a document people can sign off.

It is written by the rollout itself, from the sealed audit log and the scorecards; nobody types it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.audit import AuditHead, AuditLog, AuditRecord
from controller.canonical import plain
from controller.modes import ModeKeeper
from controller.rollout import Drill, Rollout, Standing
from controller.scorecard import told
from plant.site import Site

_KINDS = ("mode.", "drill.", "lever.", "fallback.", "stop", "resume", "limits.", "standing.", "alarm.raised")
_REJECTED = "proposal.rejected"


@dataclass(frozen=True)
class CommissioningRecord:
    """One site's record since a time."""

    site: str
    since: datetime
    until: datetime
    zones: tuple[Standing, ...]
    last_drill: Drill | None
    events: tuple[AuditRecord, ...]
    head: AuditHead
    intact: bool


def commissioning_record(
    site: Site, rollout: Rollout, modes: ModeKeeper, audit: AuditLog, *, since: datetime, at: datetime
) -> CommissioningRecord:
    """Gather the record from the rollout and the sealed log."""
    return CommissioningRecord(
        site=site.id,
        since=since,
        until=at,
        zones=tuple(rollout.standing(z.id, modes.chosen(z.id), at) for z in site.zones),
        last_drill=rollout.last_drill(),
        events=tuple(
            r for r in audit.since(since) if r.at <= at and (r.kind.startswith(_KINDS) or r.kind == _REJECTED)
        ),
        head=audit.head(),
        intact=audit.verify() is None,
    )


def to_json(record: CommissioningRecord) -> dict[str, object]:
    """The record as plain JSON values."""
    drill = record.last_drill
    return {
        "site": record.site,
        "since": plain(record.since),
        "until": plain(record.until),
        "zones": [_zone_json(z) for z in record.zones],
        "last_drill": None
        if drill is None
        else {
            "at": plain(drill.at),
            "by": drill.by,
            "passed": drill.passed,
            "took_over_after_s": plain(drill.took_over_after_s),
            "note": drill.note,
        },
        "events": [
            {
                "seq": r.seq,
                "at": plain(r.at),
                "kind": r.kind,
                "who": r.who,
                "what": plain(r.what),
                "hash": r.hash,
            }
            for r in record.events
        ],
        "audit_head": {"seq": record.head.seq, "hash": record.head.hash},
        "audit_intact": record.intact,
    }


def to_markdown(record: CommissioningRecord) -> str:
    """The record as a page to print and sign."""
    lines = [
        f"# Commissioning record of {record.site}",
        "",
        f"From {record.since:%Y-%m-%d %H:%M} to {record.until:%Y-%m-%d %H:%M} UTC. "
        f"Written by the rollout from the audit log "
        f"(head {record.head.seq}, `{record.head.hash}`, {'whole' if record.intact else '**BROKEN**'}).",
        "",
        "## Where each zone stands",
        "",
        "| zone | mode | stage | full days | inlet error | load error | above limit | overrides "
        "| saved / predicted | next mode wants |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | --- |",
        *(_zone_line(z) for z in record.zones),
        "",
        "## Dead-man drill",
        "",
        _drill_line(record.last_drill),
        "",
        "## What was tried, what was seen, who agreed",
        "",
        "| no. | when (UTC) | what | who | details |",
        "| ---: | --- | --- | --- | --- |",
        *(_event_line(r) for r in record.events),
        "",
        "## Signatures",
        "",
        "| name | role | date | signature |",
        "| --- | --- | --- | --- |",
        "| | | | |",
        "| | | | |",
        "",
    ]
    return "\n".join(lines)


def _zone_json(z: Standing) -> dict[str, object]:
    card = z.card
    return {
        "zone": z.zone,
        "mode": str(z.mode),
        "stage": str(z.stage),
        "next_mode": None if z.next_mode is None else str(z.next_mode),
        "missing": list(z.missing),
        "scorecard": {
            "days": card.days,
            "cycles": card.cycles,
            "inlet_error_k": plain(card.inlet_error_k),
            "forecast_error": plain(card.forecast_error),
            "violation_s": card.violation_s,
            "override_share": plain(card.override_share),
            "saving_ratio": plain(card.saving_ratio),
            "overrides": dict(card.overrides),
        },
    }


def _zone_line(z: Standing) -> str:
    card = z.card
    overrides = ", ".join(f"{count} {code}" for code, count in card.overrides.items()) or "none"
    wants = "–" if z.next_mode is None else f"{z.next_mode}: {'; '.join(z.missing) or 'nothing'}"
    cells = (
        z.zone,
        z.mode,
        z.stage,
        card.days,
        f"{told(card.inlet_error_k, 2)} K",
        f"{told(100 * card.forecast_error, 1)} %",
        f"{card.violation_s / 60:.0f} min",
        overrides,
        told(card.saving_ratio, 2),
        wants,
    )
    return _row(cells)


def _drill_line(drill: Drill | None) -> str:
    if drill is None:
        return "Never held; `supervised` is closed until it is."
    how = "passed" if drill.passed else "**failed**"
    return f"{drill.at:%Y-%m-%d %H:%M} UTC by {drill.by}: {how}. {drill.note}"


def _event_line(r: AuditRecord) -> str:
    return _row((r.seq, f"{r.at:%Y-%m-%d %H:%M:%S}", r.kind, r.who, _told(r.what)))


def _told(what: Mapping[str, object]) -> str:
    return "; ".join(f"{k}: {_short(v)}" for k, v in what.items() if v not in (None, "", []))


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return str(value)


def _row(cells: Sequence[object]) -> str:
    # A bar or a line break in somebody's reason must not become a cell.
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
