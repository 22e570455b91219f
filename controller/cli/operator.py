"""The operator's verbs over the API: status, proposals, decisions, holds, stop, resume, mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.words import hold_words, named

if TYPE_CHECKING:
    from controller.client import ApiClient

Reason = Annotated[str, typer.Argument(metavar="REASON", help="Why, in a few words.")]
ProposalId = Annotated[str, typer.Argument(metavar="ID", help="A proposal's id; `proposals` lists them.")]

_MISTAKES = frozenset({404, 422})
"""Refusals of what there is not, and of what has not the form it should: the same words never succeed."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, verb in (
        ("status", status),
        ("proposals", proposals),
        ("approve", approve),
        ("reject", reject),
        ("hold", hold),
        ("holds", holds),
        ("release", release),
        ("stop", stop),
        ("resume", resume),
        ("mode", mode),
    ):
        app.command(name)(verb)


@contextmanager
def api_client() -> Iterator[ApiClient]:
    """The client; a refusal is one line and exit code 1, what cannot be meant one line and exit code 2."""
    from controller.client import ApiClient, ApiRefused
    from controller.settings import load_settings

    settings = load_settings({})
    try:
        yield ApiClient(settings.url.rstrip("/"), settings.token)
    except ApiRefused as refusal:
        typer.echo(f"coolwright: refused, {refusal}", err=True)
        raise typer.Exit(2 if refusal.status in _MISTAKES else 1) from None


def status() -> None:
    """The site now. Exit code 0: in order; 1: fallback, stopped, too warm or not seen; 2: no controller."""
    with api_client() as api:
        state = api.get("/state")
    typer.echo(
        f"{state['site']}  {state['at']}  mode {state['mode']}  facility {_kw(state['facility_kw'])}  "
        f"cooling {_kw(state['cooling_kw'])}  data {_number(state['data_age_s'], 0)} s old"
    )
    trips = {trip["zone"]: trip for trip in state["redundancy"]}
    for zone in state["zones"]:
        typer.echo(
            f"  {zone['zone']:10} worst inlet {_number(zone['worst_inlet_c'], 1)} °C "
            f"(limit {zone['recommended_max_c']:.1f}), {zone['sensors_usable']}/{zone['sensors']} sensors"
            f"{_spare(trips.get(zone['zone']))}"
        )
    typer.echo(f"  {state['plan']}")
    for note in state["notes"]:
        typer.echo(f"  ! {note}")
    if _in_trouble(state):
        raise typer.Exit(1)


def proposals(count: Annotated[int, typer.Option(help="How many.")] = 10) -> None:
    """The latest proposals, newest first."""
    with api_client() as api:
        for proposal in api.get("/proposals", {"limit": count}):
            _show(proposal)


def approve(proposal_id: ProposalId) -> None:
    """Approve exactly what `proposals` shows."""
    _decide(proposal_id, "approve")


def reject(
    proposal_id: ProposalId,
    reason: Reason,
    code: Annotated[
        str, typer.Option(help="not_now, maintenance, unsafe, disagree, bad_data or other; it is counted.")
    ],
) -> None:
    """Reject a proposal, and say which kind of no it is."""
    _decide(proposal_id, "reject", reason, code)


def hold(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A machine, zone, lever or `site`.")],
    words: Annotated[list[str], typer.Argument(metavar="[for LENGTH] REASON", help='for 3h "belt"')],
) -> None:
    """Keep hands off a machine, a zone or a lever: hold crah-3 for 3h "belt"."""
    said = hold_words(words)
    with api_client() as api:
        placed = api.post("/holds", {"target": target, "minutes": said.minutes, "reason": said.reason})
    typer.echo(f"{placed['id']}: {placed['target']} held until {placed['until']}")


def holds() -> None:
    """Holds in force: what, until when, why, by whom."""
    with api_client() as api:
        standing = api.get("/holds")
    for placed in standing:
        why = f"{placed['by']}: {placed['reason']}"
        typer.echo(f"{placed['id']}  {placed['target']:12} until {placed['until'][:16]}  {why}")
    if not standing:
        typer.echo("none")


def release(
    hold_id: Annotated[str, typer.Argument(metavar="ID", help="A hold's id; `holds` lists them.")],
) -> None:
    """End a hold early."""
    with api_client() as api:
        api.delete(f"/holds/{named(hold_id)}")
    typer.echo(f"{hold_id} released")


def stop(reason: Reason) -> None:
    """Stop at once: safe setpoints, nothing else, until two people resume."""
    with api_client() as api:
        latched = api.post("/stop", {"reason": reason})
    typer.echo(f"stopped by {latched['by']}: {latched['reason']}")


def resume(
    reason: Annotated[str, typer.Argument(help="Why it is safe to go on.")] = "",
    confirm: Annotated[str | None, typer.Option(metavar="ID", help="Confirm another's request.")] = None,
) -> None:
    """Ask for the stop to be lifted, or confirm as the second person."""
    with api_client() as api:
        if confirm is None:
            asked = api.post("/resume", {"reason": reason or "no reason given"})
            typer.echo(f"{asked['id']} waits for a second person until {asked['expires_at']}")
            return
        api.post(f"/resume/{named(confirm)}/confirmation", {})
    typer.echo("the stop is lifted")


def mode(
    scope: Annotated[str, typer.Argument(help="`site` or a zone.")],
    wanted: Annotated[str, typer.Argument(metavar="MODE", help="shadow, advisory or supervised.")],
    reason: Reason,
) -> None:
    """Choose a mode; more authority waits for a second person."""
    with api_client() as api:
        answer = api.put(f"/modes/{named(scope)}", {"mode": wanted, "reason": reason})
    waiting = "expires_at" in answer
    typer.echo(f"{answer['id']} waits for a second person" if waiting else f"{scope} is in mode {wanted}")


def _decide(proposal_id: str, decision: str, reason: str = "", code: str | None = None) -> None:
    with api_client() as api:
        shown = api.get(f"/proposals/{named(proposal_id)}")
        body = {"decision": decision, "digest": shown["digest"], "reason": reason}
        if code is not None:
            body["code"] = code
        decided = api.post(f"/proposals/{named(proposal_id)}/decision", body)
    typer.echo(f"{decided['id']} is {decided['status']}")


def _show(proposal: Any) -> None:
    typer.echo(f"{proposal['id']}  {proposal['status']:10} {proposal['reason']}")
    for change in proposal["changes"]:
        typer.echo(f"    {change['lever']}: {change['before']:g} → {change['after']:g} {change['unit']}")


def _spare(trip: Any) -> str:
    """What is left below the allowable limit if the zone's worst machine trips."""
    if trip is None or trip["inlet_c"] is None:
        return ""
    left = trip["allowable_c"] - trip["inlet_c"]
    return (
        f", NO SPARE if {trip['unit']} trips" if left < 0 else f", {left:.1f} K spare if {trip['unit']} trips"
    )


def _in_trouble(state: Any) -> bool:
    worst = ((z["worst_inlet_c"], z["recommended_max_c"]) for z in state["zones"])
    warm = any(inlet is None or inlet > limit for inlet, limit in worst)
    return warm or state["mode"] == "fallback" or state["stopped"] is not None


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _kw(value: float | None) -> str:
    return f"{_number(value, 0)} kW"
