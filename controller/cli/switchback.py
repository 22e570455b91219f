"""``coolwright switchback``: draw a randomized schedule, and analyze what was run by one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from controller.cli.options import HistorianOption, SiteArgument


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        help="Measure a saving by switching control on and off at random.", no_args_is_help=True
    )
    commands.command("draw")(draw)
    commands.command("analyze")(analyze)
    app.add_typer(commands, name="switchback")


def draw(
    site: SiteArgument,
    first_day: Annotated[str, typer.Option("--from", help="First local day, 2026-10-01.")],
    days: Annotated[int, typer.Option(min=1, max=1000, help="How many days.")],
    seed: Annotated[int, typer.Option(min=0, help="Decides everything: say it before the first day.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The schedule (JSON).")],
    block_h: Annotated[int, typer.Option("--block", help="Hours of a block; divides 24.")] = 24,
    washout_h: Annotated[float, typer.Option("--washout", help="Hours dropped after a switch.")] = 2.0,
) -> None:
    """Draw which blocks run as found and which under control."""
    from controller.reporting import moment
    from plant.site_file import load_site
    from reports.switchback import draw_schedule

    described = load_site(site)
    day = moment(first_day, described.timezone).astimezone(ZoneInfo(described.timezone)).date()
    schedule = draw_schedule(day, days, described.timezone, seed=seed, block_h=block_h, washout_h=washout_h)
    output.write_text(schedule.to_json() + "\n", encoding="utf-8")
    typer.echo(f"schedule {schedule.id}: {len(schedule.blocks)} blocks, written to {output}")


def analyze(
    site: SiteArgument,
    schedule: Annotated[Path, typer.Argument(help="The schedule `draw` wrote.")],
    historian: HistorianOption = None,
) -> None:
    """What a switchback showed so far, as JSON: the saving with its interval, or why there is none."""
    from dataclasses import asdict

    from controller.reporting import STEP_S
    from controller.settings import load_settings
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.switchback import Schedule
    from reports.switchback_analysis import analyze as analyzed
    from telemetry.historian import Historian

    described, settings = load_site(site), load_settings({"historian": historian})
    try:
        drawn = Schedule.from_json(schedule.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"schedule {schedule}", f"cannot be read ({error})", "name a file that `switchback draw` wrote"
        ) from None
    store = Historian(settings.historian)
    try:
        history = store.history(described, drawn.blocks[0].start, drawn.blocks[-1].end, STEP_S)
    finally:
        store.close()
    found = analyzed(history, drawn)
    plain = {**asdict(found), "saving_kwh": found.saving_kwh, "saving_share": found.saving_share}
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}
    typer.echo(json.dumps(known, indent=1, allow_nan=False))
