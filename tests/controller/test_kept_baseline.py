"""Savings are told against one baseline, kept from when the site ran as found, and changed only on record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import update
from supervision_kit import demo_site
from typer.testing import CliRunner

from controller.audit import AuditLog
from controller.baselines import BaselineBook
from controller.cli import main as command_line
from controller.store import Store
from controller.tables import BASELINES
from plant.errors import ConfigError
from plant.history import History
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel
from telemetry.historian import Historian

SITE = demo_site()
START = datetime(2026, 5, 1, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "examples" / "demo.yaml"


def as_found(days: int, start: datetime = START, factor: float = 1.0) -> History:
    """Hours of a plant with a known law; `factor` is what its cooling takes more than it used to."""
    hours = days * 24
    h = np.arange(hours)
    rng = np.random.default_rng(1)
    wet_bulb = 15 + 6 * np.sin(2 * np.pi * h / 24) + rng.normal(0, 1, hours)
    use = 0.5 + 0.2 * np.sin(2 * np.pi * (h - 8) / 24)
    it = 800 * use + 200
    cooling = factor * (40 + 0.1 * it + 4 * np.maximum(wet_bulb - 14, 0)) + rng.normal(0, 2, hours)
    columns = {
        "utility-meter.power": it + cooling + 20,
        "it-meter.power": it,
        "cooling-meter.power": cooling,
        "outdoor.wet-bulb": wet_bulb,
        **{f"{z.id}.utilization": use for z in SITE.zones},
        **{str(p): np.full(hours, lever.as_found) for lever in SITE.levers for p in lever.points},
    }
    index = pd.date_range(start, periods=hours, freq="h")
    values = pd.DataFrame(columns, index=index)
    return History(SITE, 3600, values, pd.DataFrame(1.0, index=index, columns=values.columns))


def fitted(days: int = 14, **more: object) -> BaselineModel:
    history = as_found(days, **more)  # type: ignore[arg-type]
    return fit_baseline(history, at=history.end)


@pytest.fixture
def book() -> BaselineBook:
    store = Store("sqlite://")
    return BaselineBook(store, AuditLog(store))


def test_the_first_that_qualifies_is_kept_and_later_fits_are_not(book: BaselineBook) -> None:
    short, first, later = fitted(1), fitted(14), fitted(14, factor=0.8)
    assert not short.qualified
    assert book.settle(short, START) == short
    assert book.in_force is None
    assert book.settle(first, START) == first
    assert book.settle(later, START + timedelta(days=300)) == first
    kept = book.in_force
    assert kept is not None
    assert (kept.number, kept.model) == (1, first)


def test_another_is_put_in_force_only_with_a_reason_and_it_is_on_record(book: BaselineBook) -> None:
    first, second = fitted(14), fitted(14, factor=0.9)
    book.settle(first, START)
    with pytest.raises(ConfigError, match="say with --reason"):
        book.adopt(second, by="ann", at=START, reason="")
    with pytest.raises(ConfigError, match="does not qualify"):
        book.adopt(fitted(1), by="ann", at=START, reason="a new chiller")
    book.adopt(second, by="ann", at=START, reason="a new chiller")
    assert [k.number for k in book.all()] == [2, 1]
    record = book._audit.tail(1)[0]
    assert record.kind == "baseline.adopted"
    assert record.who == "ann"
    assert record.what["replaces"] == first.id
    assert record.what["reason"] == "a new chiller"


def test_a_changed_coefficient_is_found(book: BaselineBook) -> None:
    model = fitted(14)
    book.settle(model, START)
    text = replace(model, qualified=False).to_json()
    with book._store.transaction() as tx:
        tx.execute(update(BASELINES).values(model=text))
    with pytest.raises(ConfigError, match="was changed after it was adopted"):
        _ = book.in_force


def test_a_report_uses_it_when_the_raw_data_is_long_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two weeks as found in May; in August the historian holds one day of July and nothing else."""
    database, url = f"sqlite:///{tmp_path}/c.sqlite", f"sqlite:///{tmp_path}/h.sqlite"
    monkeypatch.setenv("COOLWRIGHT_DATABASE", database)
    monkeypatch.setenv("COOLWRIGHT_CARBON_CACHE", str(tmp_path / "feeds"))
    _into(url + "-may", as_found(14), tmp_path)
    run = CliRunner()
    span = ["--from", "2026-05-01", "--to", "2026-05-16"]
    done = run.invoke(
        command_line.app, ["baseline", "adopt", str(EXAMPLE), *span, "--historian", url + "-may"]
    )
    assert done.exit_code == 0, done.output
    assert "is in force as number 1" in done.output
    _into(url, as_found(1, START + timedelta(days=70), factor=0.8), tmp_path)
    day = ["--period", "2026-07-10", "--format", "json", "--historian", url]
    told = run.invoke(command_line.app, ["report", str(EXAMPLE), *day])
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    shown = run.invoke(command_line.app, ["baseline", "show"])
    assert report["baseline_id"] in shown.output
    # Cooling took a fifth less than the law of May: 0.2 of about 150 kW over the hours there are.
    assert report["saving"]["cooling_kwh"] == pytest.approx(
        0.25 * report["compared"]["cooling_kwh"], rel=0.05
    )


def _into(url: str, history: History, folder: Path) -> None:
    every = pd.date_range(history.start, periods=12 * len(history.values), freq="300s")
    finer = history.values.reindex(every, method="ffill")
    long = finer.rename_axis("time").reset_index().melt("time", var_name="point")
    long.assign(quality="good").to_parquet(folder / "trends.parquet")
    store = Historian(url)
    store.import_file(folder / "trends.parquet")
    store.close()
