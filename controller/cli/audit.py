"""``coolwright audit``: look at the record of who did what, and prove it whole."""

from __future__ import annotations

import typer

from controller.cli.options import DatabaseOption


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The append-only, hash-chained audit log.", no_args_is_help=True)
    group.command("verify")(verify)
    app.add_typer(group, name="audit")


def verify(database: DatabaseOption = None) -> None:
    """Check the whole chain; exit code 1 if a record was altered, is missing or out of order."""
    from controller.audit import AuditLog
    from controller.settings import load_settings
    from controller.store import Store

    settings = load_settings({"database": database})
    store = Store(settings.database)
    finding = AuditLog(store).verify()
    store.close()
    if finding is None:
        typer.echo("the audit log is whole")
        return
    typer.echo(f"the audit log is broken: {finding}", err=True)
    raise typer.Exit(1)
