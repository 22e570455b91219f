"""``coolwright check``: is a site file right, and does the plant answer as it says?"""

from __future__ import annotations

import typer

from controller.cli.options import SiteArgument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(site: SiteArgument) -> None:
    """Check a site file and its register map. Nothing is written to anything."""
    from plant.site_file import load_site
    from telemetry.registers import check_register_map

    described = load_site(site)
    check_register_map(described)
    typer.echo(
        f"{site}: {len(described.zones)} zones, {len(described.equipment)} machines, "
        f"{len(described.points)} points on {len(described.gateways)} gateways, "
        f"{len(described.levers)} levers: in order"
    )
