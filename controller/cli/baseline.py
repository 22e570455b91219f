"""``coolwright baseline``: which baseline savings are told against, and putting another in force."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import HistorianOption, SiteArgument

if TYPE_CHECKING:
    from controller.baselines import BaselineBook


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The baseline savings are told against.", no_args_is_help=True)
    commands.command("show")(show)
    commands.command("adopt")(adopt)
    app.add_typer(commands, name="baseline")


def show(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the model (JSON).")] = None,
) -> None:
    """Every baseline that was in force, newest first; with -o, the one in force to a file."""
    with _book() as book:
        kept = book.all()
    for one in kept:
        window = one.model.fitted_range
        span = "" if window is None else f", {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}"
        fit = {m.value: f"{s.cv_rmse:.1%}" for m, s in one.model.statistics.items()}
        typer.echo(f"{one.number}: {one.model.id} ({one.model.method_version}{span}) sha256 {one.sha256}")
        typer.echo(
            f"   by {one.by} at {one.adopted_at.isoformat()}: {one.reason}; CV(RMSE) {json.dumps(fit)}"
        )
    if not kept:
        typer.echo("none is in force: the first that qualifies will be kept")
        raise typer.Exit(1)
    if output is not None:
        output.write_text(kept[0].model.to_json() + "\n", encoding="utf-8")


def adopt(
    site: SiteArgument,
    start: Annotated[str, typer.Option("--from", help="First day of the window (in), or an instant.")],
    end: Annotated[str, typer.Option("--to", help="End of the window (out).")],
    reason: Annotated[str, typer.Option(help="Why; needed where one is in force.")] = "",
    historian: HistorianOption = None,
) -> None:
    """Fit a baseline on the as-found hours of a window and put it in force, on record."""
    import getpass

    from controller.clock import WallClock
    from controller.reporting import fitted_baseline, moment
    from controller.settings import load_settings
    from plant.site_file import load_site
    from telemetry.historian import Historian

    described, settings = load_site(site), load_settings({"historian": historian})
    store = Historian(settings.historian)
    try:
        zone = described.timezone
        model = fitted_baseline(described, store, moment(start, zone), moment(end, zone))
    finally:
        store.close()
    with _book() as book:
        kept = book.adopt(model, by=getpass.getuser(), at=WallClock().now(), reason=reason)
    typer.echo(f"baseline {kept.model.id} is in force as number {kept.number}, sha256 {kept.sha256}")
    for remark in kept.model.reasons:
        typer.echo(f"note: {remark}")


@contextmanager
def _book() -> Iterator[BaselineBook]:
    from controller.audit import AuditLog
    from controller.baselines import BaselineBook
    from controller.settings import load_settings
    from controller.store import Store

    store = Store(load_settings({}).database)
    try:
        yield BaselineBook(store, AuditLog(store))
    finally:
        store.close()
