"""``coolwright import`` and ``export``: a site's history in and out, as Parquet or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import HistorianOption, SiteArgument, make_folders


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command("export")(export)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Trends: time, point, value, quality.")],
    historian: HistorianOption = None,
) -> None:
    """Add a site's past to the historian."""
    from controller.settings import load_settings
    from telemetry.historian import Historian

    settings = load_settings({"historian": historian})
    make_folders(settings.historian)
    store = Historian(settings.historian)
    typer.echo(f"{store.import_file(file):,} samples imported into {settings.historian}")
    store.close()


def export(
    site: SiteArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: .parquet or .csv.")],
    start: Annotated[str, typer.Option("--from", help="A date or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date or an ISO instant.")],
    points: Annotated[str | None, typer.Option(help="Point ids, by comma; all of them when omitted.")] = None,
    historian: HistorianOption = None,
) -> None:
    """Write a site's readings of a period to a file."""
    from controller.reporting import moment
    from controller.settings import load_settings
    from plant.errors import ConfigError
    from plant.points import PointId
    from plant.site_file import load_site
    from telemetry.historian import Historian

    described = load_site(site)
    known = [p.id for p in described.points]
    wanted = [PointId(p.strip()) for p in points.split(",")] if points else known
    unknown = [p for p in wanted if p not in known]
    if unknown:
        raise ConfigError(f"point {unknown[0]}", f"is not in {site}", "see its list of points")
    store = Historian(load_settings({"historian": historian}).historian)
    zone = described.timezone
    rows = store.export_file(file, wanted, moment(start, zone), moment(end, zone))
    store.close()
    typer.echo(f"{rows:,} samples written to {file}")
