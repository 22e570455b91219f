"""``python -m sim serve`` and ``history``: the bundled simulator on real wires, and its past."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from dataclasses import replace
from pathlib import Path

from plant.errors import ConfigError
from plant.site_file import load_site
from sim.serve import ServeOptions, make_history, parse_start, serve
from sim.weather import load_weather


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for a person's mistake)."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "history":
            options = _options(asked)
            make_history(options, load_weather(options.weather))
        else:
            asyncio.run(serve(_options(asked)))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130 if asked.command == "history" else 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sim", description="A data center that does not exist.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("serve", help="serve a site over Modbus TCP and a Prometheus exporter")
    past = commands.add_parser("history", help="only write the days before --start")
    for command in (run, past):
        command.add_argument("--site", type=Path, required=True, help="site file (YAML)")
        command.add_argument("--weather", default="greensboro", help="a name, or an .epw or TMY3 .csv file")
        command.add_argument("--start", default="2026-07-20T00:00:00Z", help="history ends, serving begins")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--as-found-days", type=_not_negative, default=10.0)
        command.add_argument("--excitation-days", type=_not_negative, default=3.0)
    past.add_argument("--history", type=Path, required=True, help="the .parquet or .csv file to write")
    run.add_argument("--history", type=Path, help="first write the days before --start (.parquet or .csv)")
    run.add_argument("--epoch-wall", type=float, help="wall time (Unix s) at which plant time is --start")
    run.add_argument("--speed", type=_positive, default=240.0, help="plant seconds per wall second")
    run.add_argument("--watchdog-floor-wall-s", type=_not_negative, default=8.0)
    return parser


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("must be a number that is not negative")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be a number above zero")
    return value


def _options(asked: argparse.Namespace) -> ServeOptions:
    common = ServeOptions(
        site=load_site(asked.site),
        weather=asked.weather,
        start=parse_start(asked.start),
        seed=asked.seed,
        history=asked.history,
        as_found_days=asked.as_found_days,
        excitation_days=asked.excitation_days,
    )
    if asked.command == "history":
        return common
    return replace(
        common,
        speed=asked.speed,
        epoch_wall_s=asked.epoch_wall,
        watchdog_floor_wall_s=asked.watchdog_floor_wall_s,
    )


if __name__ == "__main__":
    sys.exit(main())
