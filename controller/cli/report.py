"""``coolwright report`` and ``explain``: what a period used, and how any number in it came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli import baseline, business_case, switchback
from controller.cli.options import HistorianOption, SiteArgument

if TYPE_CHECKING:
    from controller.reporting import Order, ReportFormat
    from reports.archive import Closed
    from reports.baseline_model import BaselineModel
    from reports.evidence import EvidenceBook
    from reports.report_record import EnergyReport

ArchiveOption = Annotated[Path, typer.Option("--archive", help="The folder closed reports are kept in.")]
_ARCHIVE = Path("var/reports")
_END = typer.Option("--to", help="The end (out): a date (local midnight) or an ISO instant.")
_FORMAT = typer.Option("--format", help="json, csv, xlsx, parquet or pdf.")
_PERIOD = typer.Option(help="2026-10-25, 2026-10, 2026-Q4, 2026, or A..B.")
_PROFILE = typer.Option(help="A regulation's fields, for example eu-2024-1364.")
_START = typer.Option("--from", help="The start: a date (local midnight) or an ISO instant.")
_SUPPLIED = typer.Option(help="Contracts, fuels and evidence (YAML).")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("report")(report)
    app.command("explain")(explain)
    switchback.register(app)
    baseline.register(app)
    business_case.register(app)


def report(
    site: SiteArgument,
    period: Annotated[str | None, _PERIOD] = None,
    start: Annotated[str | None, _START] = None,
    end: Annotated[str | None, _END] = None,
    form: Annotated[str, _FORMAT] = "json",
    split: Annotated[str, typer.Option(help="Rows: whole, day or month.")] = "whole",
    profile: Annotated[str | None, _PROFILE] = None,
    supplied: Annotated[Path | None, _SUPPLIED] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    close: Annotated[bool, typer.Option("--close", help="Close the period: kept, never changed.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why a closed period is restated.")] = None,
    archive: ArchiveOption = _ARCHIVE,
    historian: HistorianOption = None,
) -> None:
    """Energy, carbon, water, KPIs and savings of a period, from the historian."""
    from controller.reporting import Order, ReportFormat, asked_period
    from plant.errors import ConfigError
    from plant.site_file import load_site
    from reports.periods import Split

    if form not in list(ReportFormat) or split not in list(Split):
        raise ConfigError(
            "report",
            f"cannot be written as {form} by {split}",
            f"use {', '.join(ReportFormat)}, and {', '.join(Split)}",
        )
    if reason is not None and not close:
        raise ConfigError("--reason", "is only for closing", "add --close")
    if ReportFormat(form) in (ReportFormat.XLSX, ReportFormat.PARQUET, ReportFormat.PDF) and output is None:
        raise ConfigError(f"format {form}", "is not text", "name a file with --output")
    described = load_site(site)
    named = asked_period(described, period, start, end)
    order = Order(named.start, named.end, Split(split), profile, supplied)
    made, book, model = made_of(site, order, historian)
    if close:
        closed = _closed(archive, made, book, model, reason)
        typer.echo(
            f"closed as {closed.id} in {closed.folder}, manifest sha256 {closed.manifest_sha256}", err=True
        )
        for change in closed.changes:
            typer.echo(f"restated {change.cell}: {change.before} -> {change.after}", err=True)
        made = closed.report
    _write(made, ReportFormat(form), output)


def explain(
    cell: Annotated[str, typer.Argument(metavar="REPORT#CELL", help="For example demo-2026-10-v1#pue.")],
    form: Annotated[str, typer.Option("--format", help="text, or json with every sample.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    archive: ArchiveOption = _ARCHIVE,
) -> None:
    """How a number of a closed report came about: meters, samples, gaps, factors, formula, hashes."""
    from plant.errors import ConfigError
    from reports.archive import Archive
    from reports.explain import explain as explained

    if form not in ("text", "json"):
        raise ConfigError("explanation", f"cannot be written as {form}", "use text or json")
    found = explained(Archive(archive), cell)
    text = found.text if form == "text" else found.to_json()
    _give(text.encode(), output)


def made_of(
    site: Path, order: Order, historian: str | None
) -> tuple[EnergyReport, EvidenceBook, BaselineModel | None]:
    """The report, its evidence and the baseline it stands on."""
    import asyncio
    from datetime import timedelta

    from controller.clock import WallClock
    from controller.feeds import carbon_settings, open_feeds
    from controller.kept import kept_for_reports
    from controller.reporting import fitted_baseline, make_report
    from controller.settings import load_settings
    from plant.site_file import load_site
    from reports.evidence import EvidenceBook
    from telemetry.historian import Historian

    described, settings = load_site(site), load_settings({"historian": historian})
    store, book = Historian(settings.historian), EvidenceBook()
    try:
        kept = kept_for_reports(settings.database, described.id)
        window = timedelta(days=settings.history_days)
        baseline = kept.baseline or fitted_baseline(described, store, order.end - window, order.end)
        made = asyncio.run(
            make_report(
                described,
                store,
                open_feeds(described, WallClock(), settings),
                baseline,
                order,
                generated_at=WallClock().now(),
                keep=book.keep,
                second=carbon_settings(WallClock(), settings),
                runs=kept.runs,
            )
        )
    finally:
        store.close()
    return made, book, baseline


def _closed(
    archive: Path,
    made: EnergyReport,
    book: EvidenceBook,
    baseline: BaselineModel | None,
    reason: str | None,
) -> Closed:
    import getpass

    from controller.reporting import rendered
    from reports.archive import Archive

    by = getpass.getuser()
    return Archive(archive).close(
        made, book, baseline, at=made.generated_at, by=by, reason=reason, rendered=rendered()
    )


def _write(made: EnergyReport, form: ReportFormat, output: Path | None) -> None:
    from controller.reporting import written

    _give(written(made, form), output)


def _give(content: bytes, output: Path | None) -> None:
    if output is None:
        text = content.decode()
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        output.write_bytes(content)
        typer.echo(f"written to {output}")
