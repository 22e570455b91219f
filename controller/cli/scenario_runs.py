"""``coolwright scenario run``, ``compare``, ``sweep``, ``replay``: playing scenarios, and deciding again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from controller.cli.options import ScenarioArgument
from controller.cli.words import by_comma, settings_of, typed

if TYPE_CHECKING:
    from controller.scenario.compare import RunSummary

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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, compare, sweep, replay):
        app.command()(command)


def run(
    name: ScenarioArgument,
    policy: Annotated[str, typer.Option(help="mpc, trim-and-respond or fixed.")] = "mpc",
    seed: Annotated[int | None, typer.Option(help="In place of the scenario's own.", min=0)] = None,
    days: DaysOption = None,
    out: OutOption = RUNS,
    plant: PlantOption = None,
    set_: SetOption = None,
) -> None:
    """Run a scenario and write a folder that says everything about the run. Exit 1 if a criterion fails."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from controller.scenario.run import RunOrder, run_scenario
    from sim.scenario import load_scenario

    overrides = settings_of(set_ or [])
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
            command=typed(),
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
    from controller.scenario.sweep import named_runs

    command = typed()
    found = named_runs(
        runs,
        by_comma(policy),
        days,
        out,
        command,
        lambda n, of, what: typer.echo(f"[{n}/{of}] {what}", err=True),
    )
    print_runs(found)
    if not all(r.passed for r in found):
        raise typer.Exit(1)


def sweep(
    name: ScenarioArgument,
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
    from controller.scenario.sweep import SweepOrder, parse_draws, parse_grid, parse_seeds, summary_file
    from controller.scenario.sweep import sweep as run_sweep

    order = SweepOrder(
        name,
        by_comma(policy),
        parse_seeds(seeds),
        out,
        parse_grid(grid or []),
        parse_draws(draw or []),
        samples,
        days,
        workers,
        typed(),
        plant,
        dask,
    )
    found = run_sweep(order, lambda n, of, what: typer.echo(f"[{n}/{of}] {what}", err=True))
    print_runs(found)
    typer.echo(f"{sum(r.passed for r in found)} of {len(found)} passed; {summary_file(order)}")
    if not all(r.passed for r in found):
        raise typer.Exit(1)


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
    changes = settings_of(with_ or [])
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
