"""``coolwright business-case``: what a measured saving, or replays, are worth in a year; where to start."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.options import HistorianOption

if TYPE_CHECKING:
    from reports.business_case import AnnualBasis, BusinessCase, Investment, PilotCandidate, Range
    from reports.replayed_case import Replayed

_RUNS = typer.Argument(help="Folders `scenario run` wrote; none: what was measured.")
_PILOT = typer.Option("--pilot", help="NAME:LEVER,LEVER=FOLDER,FOLDER: runs with only these levers.")
_PERIOD = typer.Option(help="With --site: the measured period.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("business-case")(business_case)


def business_case(
    runs: Annotated[list[Path] | None, _RUNS] = None,
    site: Annotated[
        Path | None, typer.Option(help="Site file: for a measured case, and to rank pilots.")
    ] = None,
    period: Annotated[str | None, _PERIOD] = None,
    once: Annotated[float, typer.Option(help="Money spent at the start.")] = 0.0,
    yearly: Annotated[float, typer.Option(help="Money spent every year.")] = 0.0,
    years: Annotated[int, typer.Option(help="Years it is judged over.")] = 5,
    discount: Annotated[float, typer.Option(help="Yearly, 0.08 is 8 %.")] = 0.08,
    growth: Annotated[float, typer.Option(help="Of prices, yearly.")] = 0.0,
    hours: Annotated[float | None, typer.Option(help="Hours of a year that are like these.")] = None,
    spread: Annotated[float, typer.Option(help="How far the year may differ, 0.3 is 30 %.")] = 0.3,
    says: Annotated[str, typer.Option(help="Whose judgment that is.")] = "",
    pilot: Annotated[list[str] | None, _PILOT] = None,
    plot: Annotated[Path | None, typer.Option(help="Cash over the years (SVG).")] = None,
    pilot_plot: Annotated[Path | None, typer.Option(help="Where to start (SVG).")] = None,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    historian: HistorianOption = None,
) -> None:
    """Yearly kWh, money and t CO2e with ranges, payback and net present value; zones by what they bring."""
    from plant.errors import ConfigError
    from reports.business_case import AnnualBasis, Investment
    from reports.replayed_case import case_of_replays

    terms = Investment(once, yearly, years, discount, growth)
    if hours is not None and not says:
        raise ConfigError(
            "business case, annual basis", "is nobody's judgment", "say with --says whose it is"
        )
    annual = None if hours is None else AnnualBasis(hours, spread, says)
    if runs:
        if annual is None:
            raise ConfigError("business case", "a replay is not a year", "give --hours, --spread and --says")
        case = case_of_replays([_replayed(folder) for folder in runs], terms, annual)
    else:
        case = _measured(site, period, historian, terms, annual)
    ranked = _ranked(site, pilot or [])
    typer.echo(_json(case, ranked) if form == "json" else _text(case, ranked))
    if plot is not None or pilot_plot is not None:
        _draw(plot, pilot_plot, case, terms, ranked)


def _measured(
    site: Path | None,
    period: str | None,
    historian: str | None,
    terms: Investment,
    annual: AnnualBasis | None,
) -> BusinessCase:
    """From the account of a measured period, as the report has it."""
    from controller.cli.report import made_of
    from controller.reporting import Order, asked_period
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.business_case import business_case as case_of_account

    if site is None:
        raise ConfigError("business case", "has nothing to go by", "give run folders, or --site and --period")
    named = asked_period(load_site(site), period, None, None)
    made, _, _ = made_of(site, Order(named.start, named.end), historian)
    return case_of_account(made.whole.account, terms, annual)


def _replayed(folder: Path) -> Replayed:
    from controller.scenario.compare import read_run
    from reports.replayed_case import Replayed

    run = read_run(folder)
    used, found = run.kpis["amounts"], run.kpis["as_found"]

    def saved(name: str) -> float:
        if not isinstance(used, dict) or not isinstance(found, dict):
            return math.nan
        ends = (found.get(name), used.get(name))
        return math.nan if None in ends else float(ends[0]) - float(ends[1])  # type: ignore[arg-type]

    hours = float(used["hours"]) if isinstance(used, dict) else math.nan
    return Replayed(
        run.label,
        str(run.kpis["currency"]),
        hours,
        saved("facility_kwh"),
        saved("cost"),
        saved("carbon_kg"),
    )


def _ranked(site: Path | None, pilots: list[str]) -> tuple[PilotCandidate, ...]:
    """Candidates in the order in which to start with them."""
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.business_case import where_to_start
    from reports.replayed_case import pilot_of_replays

    if not pilots:
        return ()
    if site is None:
        raise ConfigError("pilots", "need the site's levers", "give --site")
    found = []
    for text in pilots:
        named, _, folders = text.partition("=")
        name, _, levers = named.partition(":")
        if not (name and levers and folders):
            raise ConfigError(f"pilot {text!r}", "cannot be read", "write NAME:LEVER,LEVER=FOLDER,FOLDER")
        runs = [_replayed(Path(folder)) for folder in folders.split(",")]
        found.append(pilot_of_replays(name, levers.split(","), runs))
    return where_to_start(load_site(site), found)


def _draw(
    plot: Path | None,
    pilot_plot: Path | None,
    case: BusinessCase,
    terms: Investment,
    ranked: tuple[PilotCandidate, ...],
) -> None:
    from reports.writers.case_chart import cash_chart, pilot_chart

    if plot is not None:
        plot.write_bytes(cash_chart(case, terms))
    if pilot_plot is not None and ranked:
        pilot_plot.write_bytes(pilot_chart(ranked))


def _text(case: BusinessCase, ranked: tuple[PilotCandidate, ...]) -> str:
    money = case.currency
    lines = [
        _line("energy saved", case.kwh, "kWh a year", 0),
        _line("money saved", case.money, f"{money} a year", 0),
        _line("emissions avoided", case.co2e_t, "t CO2e a year", 1),
        _line("payback", case.payback_years, "years", 1),
        _line("net present value", case.net_present_value, money, 0),
    ]
    lines += [f"start with {i}. {c.name}: {_range(c.saved_kwh, 0)} kWh" for i, c in enumerate(ranked, 1)]
    return "\n".join([*lines, "", *(f"- {said}" for said in case.assumptions)])


def _line(name: str, value: Range, unit: str, digits: int) -> str:
    return f"{name:18} {_range(value, digits)} {unit}"


def _range(value: Range, digits: int) -> str:
    def said(x: float) -> str:
        return "never" if math.isinf(x) else "unknown" if math.isnan(x) else f"{x:,.{digits}f}"

    return f"{said(value.mid)} ({said(value.low)} to {said(value.high)})"


def _json(case: BusinessCase, ranked: tuple[PilotCandidate, ...]) -> str:
    from dataclasses import asdict

    plain = {**asdict(case), "pilots": [asdict(c) for c in ranked]}
    return json.dumps(_known(plain), indent=1, allow_nan=False)


def _known(value: Any) -> Any:
    """What JSON has: null where a number is not known or never comes."""
    if isinstance(value, dict):
        return {k: _known(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_known(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
