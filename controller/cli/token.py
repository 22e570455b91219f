"""``coolwright token``: give a person access, shown once."""

from __future__ import annotations

from typing import Annotated

import typer

from controller.cli.options import DatabaseOption, make_folders


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="API tokens. There is no default one.", no_args_is_help=True)
    group.command("issue")(issue)
    group.command("list")(list_)
    app.add_typer(group, name="token")


def issue(
    name: Annotated[str, typer.Option(help="Whose it is.")],
    role: Annotated[str, typer.Option(help="viewer, operator, engineer or admin.")] = "operator",
    days: Annotated[float, typer.Option(help="How long it lives.")] = 30.0,
    database: DatabaseOption = None,
) -> None:
    """Issue a token and print it once; only its hash is kept."""
    from datetime import timedelta

    from controller.audit import AuditLog
    from controller.auth import Role, TokenBook
    from controller.clock import WallClock
    from controller.settings import load_settings
    from controller.store import Store
    from plant.errors import ConfigError

    if role not in list(Role):
        raise ConfigError(f"role {role!r}", "is not known", f"use one of {', '.join(Role)}")
    settings = load_settings({"database": database})
    make_folders(settings.database)
    store = Store(settings.database)
    book = TokenBook(store, AuditLog(store))
    issued = book.issue(name, Role(role), timedelta(days=days), at=WallClock().now())
    store.close()
    typer.echo(issued.token)


def list_(database: DatabaseOption = None) -> None:
    """Tokens that were issued: whose, which role, until when. Never the token itself."""
    from controller.audit import AuditLog
    from controller.auth import TokenBook
    from controller.settings import load_settings
    from controller.store import Store

    store = Store(load_settings({"database": database}).database)
    for record in TokenBook(store, AuditLog(store)).all():
        state = "revoked" if record.revoked_at else f"until {record.expires_at.isoformat(timespec='minutes')}"
        typer.echo(f"{record.id}  {record.role:9} {record.name}  {state}")
    store.close()
