"""``coolwright check``: is a site file right, and does the plant answer as it says?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import SiteArgument

if TYPE_CHECKING:
    from plant.site import Site
    from telemetry.probe import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    site: SiteArgument,
    probe: Annotated[bool, typer.Option("--probe", help="Read every point of the plant, once.")] = False,
    brick: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the site as Brick 1.4 (Turtle) too.")
    ] = None,
) -> None:
    """Check a site file and its register map; with --probe every point too. Never writes to the plant.

    Exit code 1 if a point is not as the site file says.
    """
    from controller.cli.words import write_out
    from plant.brick import to_turtle
    from plant.site_file import load_site
    from telemetry.registers import check_register_map

    described = load_site(site)
    check_register_map(described)
    typer.echo(
        f"{site}: {len(described.zones)} zones, {len(described.equipment)} machines, "
        f"{len(described.points)} points on {len(described.gateways)} gateways, "
        f"{len(described.levers)} levers: in order"
    )
    if brick is not None:
        write_out(brick, to_turtle(described).encode())
        typer.echo(f"{brick}: the site as Brick")
    if probe and not _tell(_probed(described)):
        raise typer.Exit(1)


def _probed(site: Site) -> list[Finding]:
    import asyncio

    from controller.clock import WallClock
    from telemetry.gateways import Field, open_gateways
    from telemetry.probe import probe

    async def ask() -> list[Finding]:
        field = Field(site, open_gateways(site, WallClock()))
        try:
            return await probe(site, field)
        finally:
            await field.close()

    return asyncio.run(ask())


def _tell(findings: list[Finding]) -> bool:
    """One line a point; True if all are as described."""
    for found in findings:
        reading = found.reading
        state = "ok" if found.ok else found.problem
        plausible = f"plausible {found.low:g} to {found.high:g}"
        unit = found.point.facts.inside_unit
        typer.echo(f"{found.point.id:36} {reading.value:10.3f} {unit:6} {plausible:28} {state}")
        if not found.ok:
            typer.echo(f"    evidence: {found.evidence}\n    mend: {found.mend}")
    wrong = sum(not found.ok for found in findings)
    typer.echo(f"{len(findings)} points read, {wrong} to look at; nothing was written")
    return wrong == 0
