"""``coolwright calibrate``: learn a plant from its history, and say how far to trust what was learned."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import HistorianOption, SiteArgument

if TYPE_CHECKING:
    from controller.calibration import Calibration
    from plant.history import History
    from plant.site import Site

_STEP_S = 300


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate")(calibrate)


def calibrate(
    site: SiteArgument,
    history: Annotated[
        Path | None,
        typer.Option(help="A file of trends instead of the historian: time, point, value, quality."),
    ] = None,
    days: Annotated[int, typer.Option(min=2, help="How many of the last days to learn from.")] = 35,
    out: Annotated[
        Path | None, typer.Option(help="Folder for model.json, calibration.json and calibration.svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evidence as JSON.")] = False,
    historian: HistorianOption = None,
) -> None:
    """Learn the plant and print each submodel's evidence, the forecasts' skill and what is still unknown.

    Reads only. Exit code 1 if a submodel may not be trusted.
    """
    from controller.calibration import make_calibration, table
    from plant.site_file import load_site

    described = load_site(site)
    past = _past(described, history, historian, days)
    made = make_calibration(past, past.end)
    if out is not None:
        _write(made, out)
    typer.echo(json.dumps(_plain(made), indent=2) if as_json else "\n".join(table(made)))
    if made.model.disqualified:
        raise typer.Exit(1)


def _past(site: Site, file: Path | None, url: str | None, days: int) -> History:
    """The last days of the historian, or of a file."""
    from controller.settings import load_settings
    from plant.errors import ConfigError
    from plant.history import History
    from plant.timegrid import floor_to
    from telemetry.historian import Historian

    settings = load_settings({"historian": "sqlite://" if file is not None else url})
    store = Historian(settings.historian)
    try:
        if file is not None:
            store.import_file(file)
        latest = store.latest()
        if not latest:
            raise ConfigError("the history", "is empty", "import one with `coolwright import FILE`")
        last = max(reading.time for reading in latest.values())
        end = floor_to(last, _STEP_S) + timedelta(seconds=_STEP_S)
        found = store.history(site, end - timedelta(days=days), end, _STEP_S)
    finally:
        store.close()
    known = found.values.notna().any(axis=1)
    first = known.idxmax()
    return History(site, _STEP_S, found.values.loc[first:], found.measured_share.loc[first:])


def _plain(made: Calibration) -> dict[str, object]:
    """The evidence without the samples. NaN becomes null: JSON has none."""
    said: dict[str, object] = {
        "model": made.model.version,
        "site": made.model.site_id,
        "data_from": made.model.data_from,
        "data_until": made.model.data_until,
        "submodels": [asdict(record) for record in made.model.evidence],
        "forecasts": [asdict(s) for s in made.skill],
        "commissioning": asdict(made.lessons),
    }
    return {key: _without_nan(value) for key, value in said.items()}


def _without_nan(value: object) -> object:
    match value:
        case dict():
            return {str(k): _without_nan(v) for k, v in value.items()}
        case list() | tuple():
            return [_without_nan(v) for v in value]
        case float() if value != value:
            return None
        case datetime():
            return value.isoformat()
        case _:
            return value


def _write(made: Calibration, folder: Path) -> None:
    from importlib.util import find_spec

    from plant.errors import ConfigError

    if find_spec("matplotlib") is None:
        raise ConfigError(
            "--out", "draws with matplotlib, which is not installed", "install coolwright[reports]"
        )
    from controller.calibration_picture import picture

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(made.model.to_json(), encoding="utf-8")
    (folder / "calibration.json").write_text(json.dumps(_plain(made), indent=2), encoding="utf-8")
    (folder / "calibration.svg").write_bytes(picture(made))
    typer.echo(f"written: {folder}/model.json, calibration.json, calibration.svg", err=True)
