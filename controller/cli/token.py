"""``coolwright token``: give a person access, shown once."""

from __future__ import annotations

from typing import Annotated

import typer

from controller.cli.options import DatabaseOption, make_folders

LONGEST_DAYS = 3660.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="API tokens. There is no default one.", no_args_is_help=True)
    group.command("issue")(issue)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")


def issue(
    name: Annotated[str, typer.Option(help="Whose it is.")],
    role: Annotated[str, typer.Option(help="viewer, operator, engineer or admin.")] = "operator",
    days: Annotated[float, typer.Option(help="How long it lives.")] = 30.0,
    scope: Annotated[
        list[str] | None, typer.Option(help="Less than the role allows: read, decide, hold, … (repeat it).")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Issue a token and print it once; only its hash is kept."""
    from datetime import timedelta

    from controller.audit import AuditLog
    from controller.auth import Role, Scope, TokenBook
    from controller.clock import WallClock
    from controller.settings import load_settings
    from controller.store import Store
    from plant.errors import ConfigError

    if role not in list(Role):
        raise ConfigError(f"role {role!r}", "is not known", f"use one of {', '.join(Role)}")
    strange = [word for word in scope or [] if word not in list(Scope)]
    if strange:
        raise ConfigError(f"scope {strange[0]!r}", "is not known", f"use some of {', '.join(Scope)}")
    if not 0 < days <= LONGEST_DAYS:
        raise ConfigError("option --days", f"{days:g} is no life for a token", f"give up to {LONGEST_DAYS:g}")
    settings = load_settings({"database": database})
    make_folders(settings.database)
    store = Store(settings.database)
    book = TokenBook(store, AuditLog(store))
    only = None if not scope else frozenset(Scope(word) for word in scope)
    issued = book.issue(name, Role(role), timedelta(days=days), at=WallClock().now(), scopes=only)
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


def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="`token list` shows it.")],
    database: DatabaseOption = None,
) -> None:
    """End a token now. A running controller knows within the next request."""
    from controller.audit import AuditLog
    from controller.auth import TokenBook
    from controller.clock import WallClock
    from controller.settings import load_settings
    from controller.store import Store
    from plant.errors import ConfigError

    store = Store(load_settings({"database": database}).database)
    revoked = TokenBook(store, AuditLog(store)).revoke(token_id, by="local", at=WallClock().now())
    store.close()
    if not revoked:
        raise ConfigError(f"token {token_id!r}", "is not there, or is revoked already", "see `token list`")
    typer.echo(f"{token_id} revoked")
