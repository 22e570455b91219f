"""``coolwright``: the command line. Each command lives in its own module and imports what it needs late."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

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
    standing,
    supervision,
    token,
)
from plant.errors import AlreadyTold, CannotGoOn, ConfigError

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
    standing,
    jobs,
    audit,
    token,
    scenario,
):
    module.register(app)


# The library that typer brings along is private to it; what it calls a usage error is the parent of this.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command line; a person's mistake is one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except _UsageError as error:
        sys.stderr.write(_told(error) + "\n")
        sys.exit(2)
    except typer.Abort:
        sys.exit(1)
    except ConfigError as error:
        sys.stderr.write(f"coolwright: {error}\n")
        sys.exit(2)
    except AlreadyTold:
        sys.exit(2)
    except CannotGoOn as error:
        _give_up(error)
    except ExceptionGroup as several:
        ends, bugs = several.split(CannotGoOn)
        if ends is None or bugs is not None:
            raise
        _give_up(_first(ends))
    sys.exit(code if isinstance(code, int) else 0)


def _give_up(error: BaseException) -> NoReturn:
    sys.stderr.write(f"coolwright: {error}\n")
    sys.exit(1)


def _first(several: BaseExceptionGroup[Any]) -> BaseException:
    inner = several.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _told(error: Any) -> str:
    """A word the command line does not know, in one line; where there was no word at all, the help."""
    said = str(error.format_message())
    where = error.ctx.command_path if error.ctx is not None else "coolwright"
    if type(error).__name__ == "NoArgsIsHelpError":
        return said
    return f"coolwright: {said.rstrip('.')}; `{where} --help` says what it takes"
