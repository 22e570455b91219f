"""``coolwright import``, ``export`` and ``backfill``: a site's history in and out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import HistorianOption, SiteArgument, make_folders

if TYPE_CHECKING:
    from plant.site import Site
    from telemetry.backfill import Backfilled


class Format(StrEnum):
    """Kinds of interchange file."""

    PARQUET = "parquet"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command("export")(export)
    app.command("backfill")(backfill)


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
    start: Annotated[str, typer.Option("--from", help="A date or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date or an ISO instant.")],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where to; named after site and days when omitted."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="parquet or csv; by the file's name when omitted.")
    ] = None,
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
    target = _target(file, form, f"{described.id}-{start[:10]}-{end[:10]}")
    rows = store.export_file(target, wanted, moment(start, zone), moment(end, zone))
    store.close()
    typer.echo(f"{rows:,} samples written to {target}")


def _target(file: Path | None, form: Format | None, name: str) -> Path:
    """Where an export goes, of which kind."""
    from plant.errors import ConfigError

    if file is None:
        return Path(f"{name}.{form or Format.PARQUET}")
    if form is not None and file.suffix != f".{form}":
        raise ConfigError(
            f"file {file}", f"is not named as {form}", f"call it {file.with_suffix(f'.{form}')}"
        )
    return file


def backfill(
    site: SiteArgument,
    start: Annotated[str, typer.Option("--from", help="A date or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date or an ISO instant.")],
    step: Annotated[int, typer.Option(help="Distance of the samples asked for. [s]", min=1)] = 60,
    historian: HistorianOption = None,
) -> None:
    """Fetch a site's past from the Prometheus servers its site file names. Repeating it changes nothing."""
    import asyncio

    from controller.reporting import moment
    from controller.settings import load_settings
    from plant.errors import ConfigError
    from plant.gateways import GatewayKind
    from plant.site_file import load_site

    described = load_site(site)
    zone = described.timezone
    begin, until = moment(start, zone), moment(end, zone)
    if begin >= until:
        raise ConfigError("option --to", f"{end!r} is not after {start!r}", "give a later one")
    if not any(g.kind is GatewayKind.PROMETHEUS for g in described.gateways):
        raise ConfigError(
            f"site file {site}", "names no Prometheus server", "add a gateway of kind prometheus"
        )
    url = load_settings({"historian": historian}).historian
    make_folders(url)
    found = asyncio.run(_backfill(described, url, begin, until, step))
    for fault in dict.fromkeys(found.faults):
        typer.echo(f"not fetched: {fault}", err=True)
    typer.echo(f"{found.readings:,} readings stored in {url}")
    if found.faults:
        raise typer.Exit(1)


async def _backfill(site: Site, url: str, start: datetime, end: datetime, step_s: int) -> Backfilled:
    from controller.clock import WallClock
    from telemetry.backfill import backfill as fetch
    from telemetry.gateways import Field, open_gateways
    from telemetry.historian import Historian

    store, field = Historian(url), Field(site, open_gateways(site, WallClock()))
    try:
        return await fetch(field, store, start, end, step_s)
    finally:
        await field.close()
        store.close()
