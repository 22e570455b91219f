"""``coolwright report``: energy, carbon, water and savings of a period."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import HistorianOption, SiteArgument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    site: SiteArgument,
    start: Annotated[str, typer.Option("--from", help="A date (local midnight) or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date (local midnight) or an ISO instant.")],
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "json",
    split: Annotated[str, typer.Option(help="Rows: whole, day or month.")] = "whole",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    historian: HistorianOption = None,
) -> None:
    """Energy, carbon, water, PUE and savings of a period, from the historian."""
    import asyncio

    from controller.clock import WallClock
    from controller.reporting import ReportFormat, make_report, moment, written
    from controller.settings import load_settings
    from controller.wiring import learn, open_feeds
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.periods import Split
    from telemetry.historian import Historian

    if form not in list(ReportFormat) or split not in list(Split):
        raise ConfigError(
            "report", f"cannot be written as {form} by {split}", "use csv or json, and whole, day or month"
        )
    described, settings = load_site(site), load_settings({"historian": historian})
    store = Historian(settings.historian)
    begin, finish = moment(start, described.timezone), moment(end, described.timezone)
    made = asyncio.run(
        make_report(
            described,
            store,
            open_feeds(described),
            learn(described, store, settings, finish).baseline,
            begin,
            finish,
            split=Split(split),
            generated_at=WallClock().now(),
        )
    )
    store.close()
    text = written(made, ReportFormat(form))
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        output.write_text(text, encoding="utf-8", newline="")
        typer.echo(f"written to {output}")
