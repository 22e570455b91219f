"""``coolwright standing`` and ``coolwright webhooks``: what was agreed beforehand, and what went out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from controller.cli.operator import api_client
from controller.cli.words import minutes_of, named, number
from plant.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    standing = typer.Typer(help="Standing approvals, used in mode supervised.", no_args_is_help=True)
    standing.command("list")(list_)
    standing.command("grant")(grant)
    standing.command("revoke")(revoke)
    app.add_typer(standing, name="standing")
    webhooks = typer.Typer(help="What alarms were sent to whom.", no_args_is_help=True)
    webhooks.command("list")(deliveries)
    webhooks.command("retry")(retry)
    app.add_typer(webhooks, name="webhooks")


def list_() -> None:
    """Standing approvals in force, and how often each may still be used."""
    with api_client() as api:
        active = api.get("/standing-approvals")
    for s in active:
        typer.echo(f"{s['id']}  {s['remaining']} changes left, until {s['until'][:16]}  {s['by']}")
        for lever, found in s["ranges"].items():
            typer.echo(f"    {lever}: {found['low']:g} to {found['high']:g}")
    if not active:
        typer.echo("none")


def grant(
    ranges: Annotated[
        list[str], typer.Argument(metavar="LEVER=LOW..HIGH...", help="As zone-a.supply-air=18..23.")
    ],
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="8h; a week at most.")] = "8h",
    count: Annotated[int, typer.Option(help="How often it may be used.")] = 40,
    margin: Annotated[float, typer.Option(help="Least room below each inlet limit [K].")] = 0.5,
) -> None:
    """Agree beforehand to changes that end within these ranges."""
    wish = {"ranges": _ranges(ranges), "minutes": minutes_of(length), "count": count, "min_margin_k": margin}
    with api_client() as api:
        granted = api.post("/standing-approvals", wish)
    typer.echo(f"{granted['id']}: {count} changes until {granted['until'][:16]}")


def revoke(
    approval_id: Annotated[str, typer.Argument(metavar="ID", help="`standing list` shows it.")],
) -> None:
    """End a standing approval now."""
    with api_client() as api:
        api.delete(f"/standing-approvals/{named(approval_id)}")
    typer.echo(f"{approval_id} revoked")


def deliveries(dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False) -> None:
    """The last deliveries, newest first."""
    with api_client() as api:
        sent = api.get("/webhooks/deliveries", {"status": "dead"} if dead else None)
    for d in sent:
        wrong = f"  {d['last_error']}" if d["last_error"] else ""
        typer.echo(f"{d['id']}  {d['status']:8} {d['event']:20} {d['attempts']} tries  {d['url']}{wrong}")
    if not sent:
        typer.echo("none")


def retry(delivery_id: Annotated[str, typer.Argument(metavar="ID", help="`webhooks list --dead`.")]) -> None:
    """Send a dead letter again."""
    with api_client() as api:
        api.post(f"/webhooks/deliveries/{named(delivery_id)}/retry", {})
    typer.echo(f"{delivery_id} is sent again")


def _ranges(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    found = {}
    for text in texts:
        lever, _, span = text.partition("=")
        low, dots, high = span.partition("..")
        if not dots:
            raise ConfigError(f"range {text!r}", "cannot be read", "write zone-a.supply-air=18..23")
        found[lever] = {"low": number(low, f"range {text!r}"), "high": number(high, f"range {text!r}")}
    return found
