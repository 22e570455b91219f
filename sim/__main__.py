"""``python -m sim serve``: the bundled simulator on real wires."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from plant.errors import ConfigError
from plant.site_file import load_site
from sim.serve import ServeOptions, make_history, parse_start, serve
from sim.weather import load_weather


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for a person's mistake)."""
    try:
        asked = _parser().parse_args(arguments)
        options = _options(asked)
        if asked.command == "history":
            make_history(options, load_weather(options.weather))
        else:
            asyncio.run(serve(options))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sim", description="A data center that does not exist.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("serve", help="serve a site over Modbus TCP and a Prometheus exporter")
    _add_plant(run)
    run.add_argument("--epoch-wall", type=float, help="wall time (Unix s) at which plant time is --start")
    run.add_argument("--speed", type=_positive, default=240.0, help="plant seconds per wall second")
    run.add_argument("--watchdog-floor-wall-s", type=float, default=8.0)
    run.add_argument("--history", type=Path, help="write the days before --start here first")
    past = commands.add_parser("history", help="write the site's past up to --start and end")
    _add_plant(past)
    past.add_argument("--history", type=Path, required=True, help="the file (.parquet or .csv)")
    past.set_defaults(epoch_wall=None, speed=1.0, watchdog_floor_wall_s=8.0)
    return parser


def _add_plant(run: argparse.ArgumentParser) -> None:
    run.add_argument("--site", type=Path, required=True, help="site file (YAML)")
    run.add_argument("--weather", default="greensboro", help="a name, or the path of an .epw or TMY3 .csv")
    run.add_argument("--start", default="2026-07-20T00:00:00Z", help="plant time at the epoch")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--as-found-days", type=float, default=10.0)
    run.add_argument("--excitation-days", type=float, default=3.0)


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be above zero")
    return value


def _options(asked: argparse.Namespace) -> ServeOptions:
    return ServeOptions(
        site=load_site(asked.site),
        weather=asked.weather,
        start=parse_start(asked.start),
        speed=asked.speed,
        seed=asked.seed,
        epoch_wall_s=asked.epoch_wall,
        watchdog_floor_wall_s=asked.watchdog_floor_wall_s,
        history=asked.history,
        as_found_days=asked.as_found_days,
        excitation_days=asked.excitation_days,
    )


if __name__ == "__main__":
    sys.exit(main())
