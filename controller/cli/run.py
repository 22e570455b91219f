"""``coolwright run``: supervise a site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import DatabaseOption, HistorianOption, SiteArgument, make_folders


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    site: SiteArgument,
    host: Annotated[str | None, typer.Option(help="Address to listen on; loopback unless told.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API.")] = None,
    database: DatabaseOption = None,
    historian: HistorianOption = None,
    import_history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trends to learn the plant from (Parquet or CSV).")
    ] = None,
    policy: Annotated[str, typer.Option(help="mpc, trim-and-respond, fixed or commissioning.")] = "mpc",
    mode: Annotated[str, typer.Option(help="Mode of a first start: shadow or advisory.")] = "shadow",
    accelerate: Annotated[
        str | None,
        typer.Option(metavar="START,EPOCH,SPEED", help="Follow a simulated site's accelerated clock."),
    ] = None,
) -> None:
    """Supervise a site: read, plan, propose, and write what a person approved."""
    import asyncio

    from controller.running import RunOptions, supervise
    from controller.settings import load_settings

    settings = load_settings({"host": host, "port": port, "database": database, "historian": historian})
    make_folders(settings.database, settings.historian)
    options = RunOptions(site, import_history, policy, mode, accelerate)
    asyncio.run(supervise(options, settings, say=lambda text: typer.echo(text, err=True)))
