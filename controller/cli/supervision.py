"""More verbs over the API: handover, alarms, limits, rollout, the dead-man drill."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.cli.operator import Reason, api_client
from controller.cli.words import minutes_of, named, number, write_out

Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="An instant (2026-03-01T06:00Z), or a length: 8h.")
]
_POLL_S = 2.0
_FOR_PROGRAMS = frozenset({"digest", "hold", "alarm", "levers"})


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("handover")(handover)
    app.command("rollout")(rollout)
    app.command("commissioning")(commissioning)
    groups: tuple[tuple[str, str, dict[str, Callable[..., None]]], ...] = (
        ("alarms", "Alarms: what needs a person.", {"list": alarms, "ack": acknowledge, "shelve": shelve}),
        ("limits", "Limits: narrower than the site file, by two people.", {"list": limits, "set": set_limit}),
        ("drill", "The dead-man drill.", {"start": start_drill, "status": drill_status}),
        ("levers", "Levers that were found to lie.", {"frozen": frozen_levers, "mended": mended}),
    )
    for name, told, verbs in groups:
        group = typer.Typer(help=told, no_args_is_help=True)
        for word, verb in verbs.items():
            group.command(word)(verb)
        app.add_typer(group, name=name)
    app.command("confirm")(confirm)


def handover(since: Since = "8h") -> None:
    """What the next shift needs to know: outcomes, people, what stood out, what still stands."""
    with api_client() as api:
        told = api.get("/handover", _since(since, api))
    typer.echo(f"{told['since']} to {told['until']}")
    typer.echo(f"  proposals: {_counts(told['proposals'])}    people: {_counts(told['people'])}")
    for event in told["events"]:
        typer.echo(f"  {event['at'][:19]}  {event['kind']:22} {event['who']:16} {_happened(event['what'])}")
    for title in ("alarms", "holds", "waiting"):
        for item in told[title]:
            words = item.get("detail") or item.get("reason") or item.get("what")
            typer.echo(
                f"  still {title}: {item['id']} {item.get('source') or item.get('target') or ''} {words}"
            )


def _happened(what: dict[str, Any]) -> str:
    """What a record says, without what only a program wants to know."""
    facts = {k: v for k, v in what.items() if k not in _FOR_PROGRAMS and v not in (None, "", [], {}, False)}
    before, after = facts.pop("before", None), facts.pop("after", None)
    change = [] if after is None else [f"{before} → {after}" if before is not None else str(after)]
    told = (", ".join(map(str, v)) if isinstance(v, list) else v for v in facts.values())
    return "; ".join([*change, *(f"{name} {value}" for name, value in zip(facts, told, strict=True))])


def alarms() -> None:
    """Alarms that stand, with what to do."""
    with api_client() as api:
        standing = api.get("/alarms", {"shelved": "true"})
    for a in standing:
        shelf = f"  shelved until {a['shelved_until']}" if a["shelved_until"] else ""
        seen = "" if a["acknowledged_at"] is None else f"  seen by {a['acknowledged_by']}"
        typer.echo(f"{a['id']}  {a['priority']:6} {a['source']}: {a['detail']}{seen}{shelf}")
        typer.echo(f"    {a['response']}")
    if not standing:
        typer.echo("none")


def acknowledge(alarm_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Say that you have seen an alarm."""
    with api_client() as api:
        api.post(f"/alarms/{named(alarm_id)}/acknowledgement", {})
    typer.echo(f"{alarm_id} acknowledged")


def frozen_levers() -> None:
    """Levers that do not answer, or answer backwards."""
    with api_client() as api:
        _echo_frozen(api.get("/levers/frozen"))


def mended(lever: Annotated[str, typer.Argument(metavar="LEVER")], reason: Reason) -> None:
    """Say that a lever does again what it is told: it may be moved from now on."""
    with api_client() as api:
        left = api.post(f"/levers/{named(lever)}/mended", {"reason": reason})
    typer.echo(f"{lever} is mended")
    _echo_frozen(left)


def _echo_frozen(levers: list[dict[str, Any]]) -> None:
    for found in levers:
        typer.echo(f"{found['lever']}  {'answers backwards' if found['backwards'] else 'does not answer'}")
    if not levers:
        typer.echo("no lever is frozen")


def shelve(
    alarm_id: Annotated[str, typer.Argument(metavar="ID")],
    reason: Reason,
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="90m or 3h; 12h at most.")] = "1h",
) -> None:
    """Put an alarm aside for a stated time."""

    with api_client() as api:
        shelved = api.post(
            f"/alarms/{named(alarm_id)}/shelf", {"minutes": minutes_of(length), "reason": reason}
        )
    typer.echo(f"{alarm_id} shelved until {shelved['shelved_until']}")


def limits() -> None:
    """Every limit: the site file's hard value and where it stands now."""
    with api_client() as api:
        told = api.get("/limits")
    for limit in told["limits"]:
        changed = f"  now {limit['value']:g} ({limit['by']}: {limit['reason']})" if limit["by"] else ""
        typer.echo(f"{limit['name']:40} {limit['hard']:g}{changed}")
    for shut in told["closed"]:
        typer.echo(f"! closed: {shut['name']} {shut['value']:g}: {shut['why']}")
    _show_waiting(told["waiting"])


def set_limit(
    name: Annotated[str, typer.Argument(help="`limits list` names them.")],
    value: Annotated[str, typer.Argument(help="A number, or `file` for the site file's own.")],
    reason: Reason,
) -> None:
    """Ask for another value; somebody else confirms."""
    wanted = None if value == "file" else number(value, f"limit {name}")
    with api_client() as api:
        shown = api.answer("GET", f"/limits/{named(name)}")
        asked = api.put(f"/limits/{named(name)}", {"value": wanted, "reason": reason}, if_match=shown.etag)
    typer.echo(f"{asked['id']} waits for a second person: coolwright confirm {asked['id']}")


def confirm(request_id: Annotated[str, typer.Argument(metavar="ID", help="A request's id.")]) -> None:
    """Agree, as the second person, to what somebody else asked for."""
    from plant.errors import ConfigError

    with api_client() as api:
        waiting = {r["id"]: r for r in api.get("/modes")["waiting"]}
        if request_id not in waiting:
            raise ConfigError(
                f"request {request_id}", "does not wait", "`coolwright rollout` lists what does"
            )
        paths = {"resume": "/resume", "mode": "/modes/requests", "limit": "/limits/requests"}
        paths["switchback"] = "/switchback/requests"
        request = waiting[request_id]
        api.post(f"{paths[request['kind']]}/{request_id}/confirmation", {})
    typer.echo(f"{request_id} is agreed: {_what(request)}")


def rollout() -> None:
    """Where each zone stands, and what stands between it and its next mode."""
    with api_client() as api:
        told, modes = api.get("/rollout"), api.get("/modes")
    for zone in told["zones"]:
        card = zone["scorecard"]
        overrides = ", ".join(f"{n} {code}" for code, n in card["overrides"].items()) or "none"
        typer.echo(
            f"{zone['zone']:10} {zone['mode']:10} {zone['stage']:10} {card['days']} full days, "
            f"{card['violation_s'] / 60:.0f} min above limit, overrides {overrides}"
        )
        for missing in zone["missing"]:
            typer.echo(f"    for {zone['next_mode']}: {missing}")
    _show_drill(told["drill"])
    _show_waiting(modes["waiting"])


def commissioning(
    since: Since = None,
    form: Annotated[str, typer.Option("--format", help="md or json.")] = "md",
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")
    ] = None,
) -> None:
    """The commissioning record: what was tried, what was seen, who agreed."""
    with api_client() as api:
        query = {**_since(since, api), "format": form}
        text = api.answer("GET", "/rollout/commissioning", query=query).text
    if out is None:
        typer.echo(text)
    else:
        write_out(out, text.encode())
        typer.echo(f"written to {out}")


def start_drill(
    wait: Annotated[bool, typer.Option(help="Wait for the end. Exit code 1 if it failed.")] = True,
) -> None:
    """Withhold the heartbeat until the plant takes local control, then give it back."""
    with api_client() as api:
        job = api.post("/drills", {})
        typer.echo(f"{job['id']}: the heartbeat is withheld until the plant takes over")
        while wait and job["status"] in ("queued", "running"):
            time.sleep(_POLL_S)
            job = api.get(f"/jobs/{job['id']}")
        if not wait:
            return
        typer.echo(job["note"])
        last = api.get("/drills")["last"]
    if job["status"] != "done" or not last["passed"]:
        raise typer.Exit(1)


def drill_status() -> None:
    """The last drill, and when the next is due. Exit code 1 while it blocks `supervised`."""
    with api_client() as api:
        told = api.get("/drills")
    _show_drill(told)
    if told["blocks_supervised"]:
        raise typer.Exit(1)


def _since(since: str | None, api: Any) -> dict[str, str]:
    """An instant as it is, a length as the instant so long ago by the site's clock."""
    from datetime import datetime, timedelta

    from plant.errors import ConfigError

    if since is None:
        return {}
    if since[:4].isdigit() and "-" in since:
        try:
            instant = datetime.fromisoformat(since)
        except ValueError:
            raise ConfigError(f"time {since!r}", "cannot be read", "write 2026-03-01T06:00Z or 8h") from None
        if instant.tzinfo is None:
            raise ConfigError(f"time {since!r}", "names no time zone", "add Z or +01:00")
        return {"since": instant.isoformat()}
    now = datetime.fromisoformat(api.get("/state")["at"])
    return {"since": (now - timedelta(minutes=minutes_of(since))).isoformat()}


def _show_drill(told: Any) -> None:
    last = told["last"]
    held = "never held" if last is None else f"{last['at'][:16]} by {last['by']}: {last['note']}"
    typer.echo(f"dead-man drill: {held}; due {told['due'] or 'now'}")
    if told["blocks_supervised"]:
        typer.echo(f"    supervised is closed: {told['blocks_supervised']}")


def _show_waiting(waiting: Any) -> None:
    for request in waiting:
        typer.echo(f"{request['id']} waits for a second person: {request['by']} asks for {_what(request)}")


def _what(request: Any) -> str:
    return f"{request['kind']} " + ", ".join(f"{k} {v}" for k, v in request["what"].items())


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in counts.items()) or "none"
