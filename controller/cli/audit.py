"""``coolwright audit``: look at the record of who did what, and prove it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import DatabaseOption


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The append-only, hash-chained audit log.", no_args_is_help=True)
    group.command("verify")(verify)
    app.add_typer(group, name="audit")


def verify(
    database: DatabaseOption = None,
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor",
            metavar="FILE",
            help="Heads noted elsewhere; all must be there. Else the program's own file.",
        ),
    ] = None,
) -> None:
    """Check the whole chain; exit code 1 if a record was altered, is missing, out of order or cut off.

    Without an anchor a chain that was written anew as a whole cannot be told from the true one.
    """
    from controller.anchors import AnchorFile
    from controller.audit import AuditLog
    from controller.settings import load_settings
    from controller.store import Store

    settings = load_settings({"database": database})
    file = anchor or settings.anchor_file
    anchors = AnchorFile(file).read() if anchor is not None or file.exists() else {}
    store = Store(settings.database)
    log = AuditLog(store)
    finding, head = log.verify(anchors), log.head()
    store.close()
    if finding is None:
        against = (
            f" and contains all of {len(anchors)} anchors of {file}" if anchors else ", without an anchor"
        )
        typer.echo(f"the audit log is whole{against}: {head.seq} records, head {head.hash}")
        return
    typer.echo(f"the audit log is broken: {finding}", err=True)
    raise typer.Exit(1)
