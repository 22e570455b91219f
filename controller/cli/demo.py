"""``coolwright demo``: the main job on a site that does not exist."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

SHIPPED_SITE = Path(__file__).parents[2] / "examples" / "demo.yaml"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    length: Annotated[
        str | None,
        typer.Option("--for", metavar="24h", help="Run so much plant time unattended, approving by API."),
    ] = None,
    result: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result.")] = None,
    speed: Annotated[float, typer.Option(help="Plant seconds in a wall second.", min=1, max=600)] = 240.0,
    approve: Annotated[bool, typer.Option("--approve", help="Let a robot approve.")] = False,
    weather: Annotated[str, typer.Option(help="A name, or your own EPW or TMY3 file.")] = "greensboro",
    start: Annotated[str, typer.Option(help="Plant time at the start.")] = "2026-07-20T00:00:00Z",
    seed: Annotated[int, typer.Option(help="The simulated plant's seed.")] = 1,
    site: Annotated[Path, typer.Option(help="Site file.")] = SHIPPED_SITE,
    host: Annotated[str, typer.Option(help="Address of the API.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API.")] = 8080,
    data: Annotated[Path, typer.Option(help="Where the demo keeps its databases.")] = Path("var/demo"),
) -> None:
    """A simulated site on real Modbus and Prometheus, and the controller that supervises it."""
    wanted = None if length is None else duration(length)

    from rich.console import Console

    from controller.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        site=site,
        weather=weather,
        start=start,
        speed=speed,
        seed=seed,
        length=wanted,
        result=result,
        approve=approve,
        host=host,
        port=port,
        folder=data,
    )
    run_demo(options, Console())


def duration(text: str) -> timedelta:
    """``90m``, ``24h`` or ``7d``.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    from plant.errors import ConfigError

    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        length = timedelta(**{units[text[-1:]]: float(text[:-1])})
    except (KeyError, ValueError, OverflowError):
        length = timedelta(0)
    if length <= timedelta(0):
        raise ConfigError(f"duration {text!r}", "is not a length of time", "write 90m, 24h or 7d")
    return length
