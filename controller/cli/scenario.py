"""``coolwright scenario``: what would happen, on a plant that does not exist, with the real controller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from controller.scenario.compare import RunSummary

NameArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A name of `scenario list`, or the path of a .yaml file.")
]
OutOption: TypeAlias = Annotated[Path, typer.Option("--out", help="Folder of runs.")]
DaysOption: TypeAlias = Annotated[
    float | None, typer.Option("--days", help="Only the first so many days: a quick look.")
]
SetOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a key, as limits.margin_k=0.3.")
]
PlantOption: TypeAlias = Annotated[
    str | None, typer.Option("--plant", metavar="MODULE:FACTORY", help="A plant of your own.")
]
RUNS = Path("runs")

scenario_app = typer.Typer(
    help="Replays on a simulated site, through the production cycle.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(scenario_app, name="scenario")


@scenario_app.command("list")
def list_() -> None:
    """The scenarios that ship."""
    from rich.console import Console
    from rich.table import Table

    from sim.scenario import NAMES, load_scenario

    table = Table("name", "days", "faults", "title", box=None, header_style="bold")
    for name in NAMES:
        s = load_scenario(name)
        days = s.length.total_seconds() / 86_400
        table.add_row(name, f"{days:g}", ", ".join(dict.fromkeys(f.kind for f in s.faults)) or "–", s.title)
    Console().print(table)


@scenario_app.command()
def show(name: NameArgument) -> None:
    """Print a scenario's file: copy it to write one of your own."""
    from sim.scenario import load_scenario, scenario_file

    load_scenario(name)  # a file with a mistake is told, not shown
    typer.echo(scenario_file(name).read_text(encoding="utf-8"), nl=False)


@scenario_app.command()
def faults() -> None:
    """Every kind of fault a scenario may hold."""
    from rich.console import Console
    from rich.table import Table

    from sim.faults import KINDS

    table = Table("kind", "target", "magnitude", "what it does", box=None, header_style="bold")
    for kind in KINDS.values():
        default = f"{kind.default:g} {kind.unit}" if kind.default == kind.default else ""
        need = f"needed [{kind.unit}]" if kind.needs_magnitude else default
        table.add_row(kind.name, str(kind.place), need, kind.does)
    Console().print(table)


@scenario_app.command()
def run(
    name: NameArgument,
    policy: Annotated[str, typer.Option(help="mpc, trim-and-respond or fixed.")] = "mpc",
    seed: Annotated[int | None, typer.Option(help="In place of the scenario's own.", min=0)] = None,
    days: DaysOption = None,
    out: OutOption = RUNS,
    plant: PlantOption = None,
    set_: SetOption = None,
) -> None:
    """Run a scenario and write a folder that says everything about the run. Exit 1 if a criterion fails."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from controller.scenario.run import RunOrder, run_scenario
    from sim.scenario import load_scenario

    overrides = parse_settings(set_ or [])
    if seed is not None:
        overrides["seed"] = seed
    scenario, console = load_scenario(name, overrides), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{scenario.name} {policy}", total=1.0)
        order = RunOrder(
            scenario,
            policy,
            out,
            days,
            plant,
            command=" ".join(["coolwright", *sys.argv[1:]]),
            say=console.print,
            progress=lambda share: bar.update(task, completed=share),
            overrides=overrides,
        )
        outcome = run_scenario(order)
    for finding in outcome.findings:
        mark = {True: "met", False: "NOT MET", None: "not known"}[finding.met]
        typer.echo(f"{mark:9}  {finding.criterion}: {finding.found} (asked {finding.asked})")
    typer.echo(f"{'passed' if outcome.passed else 'failed'}: {outcome.folder}/report.html")
    if not outcome.passed:
        raise typer.Exit(1)


@scenario_app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Folders of runs, or scenarios to run; the first is compared with."
        ),
    ],
    policy: Annotated[
        str, typer.Option(help="Policies a scenario is run with, by comma.")
    ] = "fixed,trim-and-respond,mpc",
    days: DaysOption = None,
    out: OutOption = RUNS,
) -> None:
    """A table of runs; a scenario named here is run first. Exit 1 if any failed a criterion."""
    import sys

    from controller.scenario.sweep import named_runs

    command = " ".join(["coolwright", *sys.argv[1:]])
    found = named_runs(
        runs,
        split(policy),
        days,
        out,
        command,
        lambda n, of, what: typer.echo(f"[{n}/{of}] {what}", err=True),
    )
    print_runs(found)
    if not all(r.passed for r in found):
        raise typer.Exit(1)


@scenario_app.command()
def sweep(
    name: NameArgument,
    policy: Annotated[str, typer.Option(help="One or several, by comma.")] = "mpc",
    seeds: Annotated[str, typer.Option(help="7, 1,2,5 or 1..20.")] = "1",
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="KEY=A,B", help="Every combination of these.")
    ] = None,
    draw: Annotated[
        list[str] | None, typer.Option("--draw", metavar="KEY=LOW..HIGH", help="Drawn anew for each sample.")
    ] = None,
    samples: Annotated[int, typer.Option(help="How often is drawn.", min=1)] = 1,
    days: DaysOption = None,
    out: OutOption = RUNS,
    workers: Annotated[int, typer.Option(help="Processes; 0 is one a core.", min=0)] = 0,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786.")
    ] = None,
    plant: PlantOption = None,
) -> None:
    """Run variants on all cores, or on a Dask cluster; finished ones are kept. Exit 1 if one failed."""
    import sys

    from controller.scenario.sweep import SweepOrder, parse_draws, parse_grid, parse_seeds, summary_file
    from controller.scenario.sweep import sweep as run_sweep

    order = SweepOrder(
        name,
        split(policy),
        parse_seeds(seeds),
        out,
        parse_grid(grid or []),
        parse_draws(draw or []),
        samples,
        days,
        workers,
        " ".join(["coolwright", *sys.argv[1:]]),
        plant,
        dask,
    )
    found = run_sweep(order, lambda n, of, what: typer.echo(f"[{n}/{of}] {what}", err=True))
    print_runs(found)
    typer.echo(f"{sum(r.passed for r in found)} of {len(found)} passed; {summary_file(order)}")
    if not all(r.passed for r in found):
        raise typer.Exit(1)


@scenario_app.command()
def cut(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="The site file (YAML).")],
    start: Annotated[str, typer.Option("--from", help="A date (local midnight) or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="A date (local midnight) or an ISO instant.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for the scenario and its traces.")],
    name: Annotated[str, typer.Option(help="The scenario's name.")] = "cut",
    historian: Annotated[str | None, typer.Option("--historian", metavar="URL", help="Readings.")] = None,
    file: Annotated[
        Path | None, typer.Option("--history", metavar="FILE", help="Trends (Parquet or CSV) instead.")
    ] = None,
) -> None:
    """Turn a window of a site's own history into a scenario."""
    from controller.reporting import moment
    from controller.scenario.cut import cut as cut_out
    from controller.settings import load_settings
    from plant.site_file import load_site
    from telemetry.historian import Historian

    described = load_site(site)
    store = Historian("sqlite://" if file else load_settings({"historian": historian}).historian)
    if file is not None:
        store.import_file(file)
    zone = described.timezone
    made = cut_out(described, store, moment(start, zone), moment(end, zone), output, name)
    store.close()
    typer.echo(
        f"{made.file} written: {made.learned_days:.1f} days to learn from; the site used "
        f"{made.facility_kwh:,.0f} kWh, warmest inlet {made.worst_inlet_c:.1f} °C"
    )


@scenario_app.command()
def replay(
    decision: Annotated[str, typer.Option("--decision", metavar="ID", help="D-000012, or 12.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="The run's folder; the newest if left out.")
    ] = None,
    out: OutOption = RUNS,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KEY=VALUE", help="What if, as limits.inlet_max_c=26.5."),
    ] = None,
) -> None:
    """Decide again from what the controller knew then. Exit 1 if the same question got another answer."""
    from rich.console import Console

    from controller.scenario.again import decide_again, newest_run

    console = Console(stderr=True)
    folder = run or newest_run(out)
    changes = parse_settings(with_ or [])
    thought = decide_again(folder, decision, changes, console.print)
    typer.echo(f"{thought.decision} at {thought.at[:19]} of {folder}")
    if not thought.same_model:
        typer.echo(
            "the plant was learned differently then: the program's source has changed since the run, "
            "or the plant was learned anew in it"
        )
    typer.echo(f"then: {thought.then.get('reason')}")
    typer.echo(f"now:  {thought.now.get('reason')}")
    for change in thought.levers:
        moved = "" if abs(change.now - change.then) < 1e-6 else f"  ({change.now - change.then:+.3g})"
        typer.echo(f"  {change.lever:32} {change.then:8.3f} -> {change.now:8.3f}{moved}")
    for word in ("facility_kwh", "cost"):
        then, now = (t.get("plan", {}).get(word) for t in (thought.then, thought.now))
        if then is not None and now is not None:
            typer.echo(f"  predicted {word:22} {then:8.1f} -> {now:8.1f}")
    typer.echo("the same decision" if thought.identical else "another decision")
    if not changes and not thought.identical:
        raise typer.Exit(1)


def split(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_settings(texts: list[str]) -> dict[str, object]:
    """``key=value`` pairs, values as YAML has them.

    Raises
    ------
    ConfigError
        If a text is not of this form.
    """
    import yaml

    from plant.errors import ConfigError

    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ConfigError(f"option {text}", "is not KEY=VALUE", "write for example limits.margin_k=0.3")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"option {text}", "has a value that is not YAML", "quote it") from None
    return found


def print_runs(found: Sequence[RunSummary]) -> None:
    """A table of runs, for people."""
    from rich.console import Console
    from rich.table import Table

    from controller.scenario.compare import table_rows, verdicts

    header, rows = table_rows(found)
    table = Table(*header, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    # In a pipe nothing is cut off: whoever reads it has more than 80 columns.
    (console if console.is_terminal else Console(width=200)).print(table)
    for line in verdicts(found):
        typer.echo(line)
