"""``coolwright switchback``: run a randomized schedule, draw one for others to run, and analyze it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from controller.cli.operator import Reason, api_client
from controller.cli.options import HistorianOption, SiteArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.settings import Settings
    from reports.switchback import Schedule
    from reports.switchback_record import Stretch

_BLOCK = typer.Option("--block", help="day, or hours that divide a day.")
_DAYS = typer.Option(min=1, max=1000, help="How many days.")
_SEED = typer.Option(min=0, help="Decides everything: say it before the first day.")
_RUN = typer.Option("--run", help="A run of this controller, or latest.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        help="Measure a saving by switching control on and off at random.", no_args_is_help=True
    )
    for name, verb in (
        ("start", start),
        ("confirm", confirm),
        ("status", status),
        ("stop", stop),
        ("draw", draw),
        ("analyze", analyze),
    ):
        commands.command(name)(verb)
    app.add_typer(commands, name="switchback")


def start(
    days: Annotated[int, _DAYS],
    seed: Annotated[int, _SEED],
    block: Annotated[str, _BLOCK] = "day",
    washout_h: Annotated[
        float | None, typer.Option("--washout", help="Hours dropped after a switch; else from the levers.")
    ] = None,
    first_day: Annotated[str | None, typer.Option("--from", help="A local day; else tomorrow.")] = None,
) -> None:
    """Ask the running controller to run a schedule. A second engineer confirms it."""
    body = {"days": days, "seed": seed, "block_h": hours_of(block), "washout_h": washout_h}
    with api_client() as api:
        request = api.post("/switchback", {**body, "first_day": first_day})
    what = request["what"]
    typer.echo(f"{request['id']}: schedule {what['schedule']} from {what['first_day']}, {days} days")
    typer.echo(f"a second engineer says: coolwright switchback confirm {request['id']}")


def confirm(request: Annotated[str, typer.Argument(metavar="ID", help="What `start` printed.")]) -> None:
    """Start a schedule somebody else asked for."""
    with api_client() as api:
        run = api.post(f"/switchback/requests/{request}/confirmation", {})
    typer.echo(f"{run['run']}: {run['blocks']} blocks from {run['first_block']}, schedule {run['schedule']}")


def status(
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """What a switchback applies now. Exit code 1: none is running."""
    with api_client() as api:
        shown = api.get("/switchback")
    if form == "json":
        typer.echo(json.dumps(shown, indent=1))
    else:
        for waiting in shown["waiting"]:
            typer.echo(f"{waiting['id']} by {waiting['by']} waits for a second engineer")
        typer.echo(_line(shown["latest"]))
    if shown["latest"] is None or shown["latest"]["over"]:
        raise typer.Exit(1)


def stop(reason: Reason) -> None:
    """End the schedule now; plans go on as before it."""
    with api_client() as api:
        run = api.post("/switchback/stop", {"reason": reason})
    typer.echo(f"{run['run']} is stopped")


def draw(
    site: SiteArgument,
    first_day: Annotated[str, typer.Option("--from", help="First local day, 2026-10-01.")],
    days: Annotated[int, _DAYS],
    seed: Annotated[int, _SEED],
    output: Annotated[Path, typer.Option("--output", "-o", help="The schedule (JSON).")],
    block: Annotated[str, _BLOCK] = "day",
    washout_h: Annotated[float, typer.Option("--washout", help="Hours dropped after a switch.")] = 2.0,
) -> None:
    """Draw which blocks run as found and which under control, for somebody else to run."""
    from controller.reporting import moment
    from plant.site_file import load_site
    from reports.switchback import draw_schedule

    described = load_site(site)
    day = moment(first_day, described.timezone).astimezone(ZoneInfo(described.timezone)).date()
    schedule = draw_schedule(
        day, days, described.timezone, seed=seed, block_h=hours_of(block), washout_h=washout_h
    )
    output.write_text(schedule.to_json() + "\n", encoding="utf-8")
    typer.echo(f"schedule {schedule.id}: {len(schedule.blocks)} blocks, written to {output}")


def analyze(
    site: SiteArgument,
    schedule: Annotated[Path | None, typer.Argument(help="The schedule `draw` wrote.")] = None,
    run: Annotated[str | None, _RUN] = None,
    historian: HistorianOption = None,
) -> None:
    """What a switchback showed so far, as JSON: the saving with its interval, or why there is none."""
    from dataclasses import asdict

    from controller.reporting import STEP_S
    from controller.settings import load_settings
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.switchback_analysis import analyze as analyzed
    from telemetry.historian import Historian

    if (schedule is None) == (run is None):
        raise ConfigError("switchback", "is not named in one way", "give a schedule file, or --run latest")
    described, settings = load_site(site), load_settings({"historian": historian})
    drawn, record = _read(schedule) if schedule else _recorded(run or "", settings)
    store = Historian(settings.historian)
    try:
        history = store.history(described, drawn.blocks[0].start, drawn.blocks[-1].end, STEP_S)
    finally:
        store.close()
    found = analyzed(history, drawn, record=record)
    plain = {**asdict(found), "saving_kwh": found.saving_kwh, "saving_share": found.saving_share}
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}
    typer.echo(json.dumps(known, indent=1, allow_nan=False))


def hours_of(block: str) -> int:
    """Hours of a block a person named.

    Raises
    ------
    ConfigError
        If it is neither ``day`` nor a whole number.
    """
    from plant.errors import ConfigError

    if block == "day":
        return 24
    if not block.isdigit():
        raise ConfigError(f"block {block!r}", "is neither day nor hours", "write day, or 6, 8 or 12")
    return int(block)


def _read(path: Path) -> tuple[Schedule, None]:
    from plant.errors import ConfigError
    from reports.switchback import Schedule

    try:
        return Schedule.from_json(path.read_text(encoding="utf-8")), None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"schedule {path}", f"cannot be read ({error})", "name a file that `switchback draw` wrote"
        ) from None


def _recorded(run_id: str, settings: Settings) -> tuple[Schedule, Sequence[Stretch]]:
    """A run and the record of it, from the controller's own database."""
    from controller.store import Store
    from controller.switchback_kept import runs_of, stretches_of
    from plant.errors import ConfigError

    store = Store(settings.database)
    try:
        runs = runs_of(store)
        found = runs[-1:] if run_id == "latest" else [r for r in runs if r.id == run_id]
        if not found:
            known = ", ".join(r.id for r in runs) or "none yet"
            raise ConfigError(f"switchback {run_id}", "is not known", f"known are: {known}")
        return found[0].schedule, stretches_of(store, found[0].id)
    finally:
        store.close()


def _line(run: Any) -> str:
    if run is None:
        return "no switchback was ever started"
    if run["over"]:
        why = f"stopped by {run['stopped_by']}: {run['reason']}" if run["stopped_by"] else "it has ended"
        return f"{run['run']}: {why}"
    if run["block"] is None:
        return f"{run['run']}: begins at {run['first_block']}"
    washout = ", washout" if run["in_washout"] else ""
    detail = f" ({run['detail']})" if run["detail"] else ""
    return (
        f"{run['run']}: {run['arm']} block {run['block']} of {run['blocks']} until {run['until']}, "
        f"{run['applied'] or 'not applied yet'}{detail}{washout}"
    )
