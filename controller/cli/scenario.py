"""``coolwright scenario``: what would happen, on a plant that does not exist, with the real controller."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli import scenario_runs
from controller.cli.options import ScenarioArgument, SiteArgument


def register(app: typer.Typer) -> None:
    """Add the commands."""
    scenario_app = typer.Typer(
        help="Replays on a simulated site, through the production cycle.", no_args_is_help=True
    )
    scenario_app.command("list")(list_)
    for command in (show, faults, cut):
        scenario_app.command()(command)
    scenario_runs.register(scenario_app)
    app.add_typer(scenario_app, name="scenario")


def list_() -> None:
    """The scenarios that ship."""
    from rich.console import Console
    from rich.table import Table

    from sim.scenario import NAMES, load_scenario

    table = Table("name", "days", "faults", "title", box=None, header_style="bold")
    for name in NAMES:
        s = load_scenario(name)
        days = s.length.total_seconds() / 86_400
        table.add_row(name, f"{days:g}", ", ".join(dict.fromkeys(f.kind for f in s.faults)) or "–", s.title)
    Console().print(table)


def show(name: ScenarioArgument) -> None:
    """Print a scenario's file: copy it to write one of your own."""
    from sim.scenario import load_scenario, scenario_file

    load_scenario(name)  # a file with a mistake is told, not shown
    typer.echo(scenario_file(name).read_text(encoding="utf-8"), nl=False)


def faults() -> None:
    """Every kind of fault a scenario may hold."""
    from rich.console import Console
    from rich.table import Table

    from sim.faults import KINDS

    table = Table("kind", "target", "magnitude", "what it does", box=None, header_style="bold")
    for kind in KINDS.values():
        default = f"{kind.default:g} {kind.unit}" if kind.default == kind.default else ""
        need = f"needed [{kind.unit}]" if kind.needs_magnitude else default
        table.add_row(kind.name, str(kind.place), need, kind.does)
    Console().print(table)


def cut(
    site: SiteArgument,
    start: Annotated[str, typer.Option("--from", help="A date (local midnight) or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date (local midnight) or an ISO instant.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for the scenario and its traces.")],
    name: Annotated[str, typer.Option(help="The scenario's name.")] = "cut",
    historian: Annotated[str | None, typer.Option("--historian", metavar="URL", help="Readings.")] = None,
    file: Annotated[
        Path | None, typer.Option("--history", metavar="FILE", help="Trends (Parquet or CSV) instead.")
    ] = None,
) -> None:
    """Turn a window of a site's own history into a scenario."""
    from controller.reporting import moment
    from controller.scenario.cut import cut as cut_out
    from controller.settings import load_settings
    from plant.site_file import load_site
    from telemetry.historian import Historian

    described = load_site(site)
    store = Historian("sqlite://" if file else load_settings({"historian": historian}).historian)
    if file is not None:
        store.import_file(file)
    zone = described.timezone
    made = cut_out(described, store, moment(start, zone), moment(end, zone), output, name)
    store.close()
    typer.echo(
        f"{made.file} written: {made.learned_days:.1f} days to learn from; the site used "
        f"{made.facility_kwh:,.0f} kWh, warmest inlet {made.worst_inlet_c:.1f} °C"
    )
