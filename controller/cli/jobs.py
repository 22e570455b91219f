"""``coolwright jobs``: long work of a running controller, over its API."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.cli.operator import Reason, api_client
from controller.cli.words import named, write_out

JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id; `jobs list` shows them.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end. Exit code 1 if it did not succeed.")]
_POLL_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Long work of the controller.", no_args_is_help=True)
    for name, verb in (
        ("list", list_),
        ("show", show),
        ("get", get),
        ("report", report),
        ("calibrate", calibrate),
        ("replay", replay),
        ("cancel", cancel),
    ):
        group.command(name)(verb)
    app.add_typer(group, name="jobs")


def list_() -> None:
    """The last jobs, newest first."""
    with api_client() as api:
        listed = api.get("/jobs", {"limit": 20})
    for job in listed:
        typer.echo(_line(job))
    if not listed:
        typer.echo("none")


def show(job_id: JobId) -> None:
    """One job: where it stands, how far it is, what came of it."""
    with api_client() as api:
        typer.echo(_line(api.get(f"/jobs/{named(job_id)}")))


def get(
    job_id: JobId,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
) -> None:
    """Fetch the document a job made."""
    with api_client() as api:
        write_out(out, api.answer("GET", f"/jobs/{named(job_id)}/result").content)
    typer.echo(f"written to {out}")


def report(
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="2026-10, 2026-Q4 or 2026.")],
    form: Annotated[str, typer.Option("--format", help="json, csv, xlsx, parquet or pdf.")] = "json",
    wait: Wait = False,
) -> None:
    """Write a draft report; `jobs get` fetches it."""
    _order({"kind": "report", "period": period, "format": form}, wait=wait)


def calibrate(wait: Wait = False) -> None:
    """Learn the plant anew from its history."""
    _order({"kind": "calibration"}, wait=wait)


def replay(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="`coolwright scenario list`.")],
    policy: Annotated[str, typer.Option(help="mpc, trim-and-respond or fixed.")] = "mpc",
    days: Annotated[float | None, typer.Option(help="Only the first so many days.")] = None,
    wait: Wait = False,
) -> None:
    """Play a scenario on a simulated plant, beside the controller."""
    _order({"kind": "replay", "scenario": scenario, "policy": policy, "days": days}, wait=wait)


def cancel(job_id: JobId, reason: Reason) -> None:
    """Take back a job that waits or runs."""
    with api_client() as api:
        job = api.post(f"/jobs/{named(job_id)}/cancellation", {"reason": reason})
    typer.echo(_line(job))


def _order(what: dict[str, object], *, wait: bool) -> None:
    with api_client() as api:
        job = api.post("/jobs", what)
        typer.echo(f"{job['id']} {job['status']}: `coolwright jobs show {job['id']}` says how far it is")
        while wait and job["status"] in ("queued", "running"):
            time.sleep(_POLL_S)
            job = api.get(f"/jobs/{job['id']}")
    if wait:
        typer.echo(_line(job))
        if job["status"] != "done":
            raise typer.Exit(1)


def _line(job: Any) -> str:
    far = "" if job.get("progress") is None else f"{job['progress']:4.0%} "
    return f"{job['id']}  {job['kind']:12} {job['status']:9} {job['by']:16} {far}{job['note']}"
