"""``coolwright``: the command line. Each command lives in its own module and imports what it needs late."""

from __future__ import annotations

import sys

import typer

from controller.cli import (
    audit,
    calibrate,
    check,
    data,
    demo,
    jobs,
    operator,
    report,
    run,
    scenario,
    supervision,
    token,
)
from plant.errors import AlreadyTold, ConfigError

app = typer.Typer(
    name="coolwright",
    help="Supervisory control of data-center cooling: less energy, carbon and water, never a rack at risk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    demo,
    run,
    check,
    data,
    calibrate,
    report,
    operator,
    supervision,
    jobs,
    audit,
    token,
    scenario,
):
    module.register(app)


def main() -> None:
    """Run the command line; a person's mistake is one line and exit code 2."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"coolwright: {error}\n")
        sys.exit(2)
    except AlreadyTold:
        sys.exit(2)
