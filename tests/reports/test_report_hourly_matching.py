"""Hour by hour a certificate covers what was used when it was generated, and not a kWh more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from made_up_plant import MadeUpPlant
from made_up_reports import SUPPLIED, LossyHistorian, made_report, supplied_file

from plant.errors import ConfigError
from plant.points import PointId
from reports.carbon import Basis
from reports.evidence import EvidenceBook
from reports.report_record import EnergyReport
from reports.supplied_file import load_supplied
from reports.traces import row_cells

DAY = "2026-07-02"
WITH_SERIES = SUPPLIED.replace(
    "kwh: 20000, renewable: true,", "kwh: 20000, renewable: true, hourly: wind.csv,"
)


def series(folder: Path, plant: MadeUpPlant, kwh: dict[int, float]) -> Path:
    """An hourly series that names some hours of the local day."""
    start = LossyHistorian(plant).history(plant.site, *_span(plant), 3600).start
    lines = [f"{(start + timedelta(hours=h)).isoformat()},{v}" for h, v in kwh.items()]
    (folder / "wind.csv").write_text("time,kwh\n" + "\n".join(lines) + "\n")
    return supplied_file(folder, WITH_SERIES)


def _span(plant: MadeUpPlant):  # type: ignore[no-untyped-def]
    from reports.periods import named_period

    named = named_period(DAY, plant.site.timezone)
    return named.start, named.end


def report(folder: Path, plant: MadeUpPlant, kwh: dict[int, float], **more: object) -> EnergyReport:
    supplied = load_supplied(series(folder, plant, kwh), plant.site.timezone)
    return made_report(plant, None, DAY, supplied=supplied, **more)  # type: ignore[arg-type]


def hourly_load(plant: MadeUpPlant) -> np.ndarray:
    """What the report's own source gives for the facility, as hours."""
    history = LossyHistorian(plant).history(plant.site, *_span(plant), 900)
    return history.column(PointId("utility-meter.power")).reshape(24, 4).mean(axis=1)


def test_a_surplus_of_one_hour_is_not_carried_into_another(made_up: MadeUpPlant, tmp_path: Path) -> None:
    """Ten times the load at noon, half the load at six, nothing else: one hour and a half are covered."""
    load = hourly_load(made_up)
    made = report(tmp_path, made_up, {12: 10 * load[12], 6: 0.5 * load[6]})
    rows = {r.key: r for r in made.whole.carbon.rows if r.basis is Basis.MARKET_HOURLY}
    covered = load[12] + 0.5 * load[6]
    assert rows["market_hourly/matched"].kwh == pytest.approx(covered)
    assert rows["market_hourly/matched"].kg == pytest.approx(covered * 12 / 1000)
    rest = load.sum() - covered
    assert rows["market_hourly/rest"].kwh == pytest.approx(rest)
    assert rows["market_hourly/rest"].kg == pytest.approx(rest * 480 / 1000)
    assert rows["market_hourly/matched"].what.startswith(f"{covered / load.sum():.1%} matched")


def test_its_cells_follow_from_the_kept_rates(made_up: MadeUpPlant, tmp_path: Path) -> None:
    book = EvidenceBook()
    made = report(tmp_path, made_up, dict.fromkeys(range(24), 700.0), keep=book.keep)
    cells, frame = row_cells(made.whole, made.supplied), book.frame()
    for name in ("market_hourly/matched_kg", "market_hourly/rest_kg"):
        cell = cells[name]
        again = float(np.nansum(frame[cell.trace["of"]])) * book.step_h
        assert cell.value == pytest.approx(again, rel=1e-12)


def test_without_a_series_there_is_no_such_row(made_up: MadeUpPlant, tmp_path: Path) -> None:
    supplied = load_supplied(supplied_file(tmp_path), made_up.site.timezone)
    rows = made_report(made_up, None, DAY, supplied=supplied).whole.carbon.rows
    assert not [r for r in rows if r.basis is Basis.MARKET_HOURLY]


def test_a_changed_series_changes_the_hash_of_what_was_supplied(made_up: MadeUpPlant, tmp_path: Path) -> None:
    one = report(tmp_path, made_up, {1: 5.0}).provenance.supplied_sha256
    assert report(tmp_path, made_up, {1: 6.0}).provenance.supplied_sha256 != one


@pytest.mark.parametrize(
    "text", ["time,kwh\n2026-07-02T04:30Z,1\n", "time,kwh\n2026-07-02T04:00Z,-1\n", "hour,kwh\n1,1\n", None]
)
def test_a_series_that_is_none_is_one_line(tmp_path: Path, made_up: MadeUpPlant, text: str | None) -> None:
    if text is not None:
        (tmp_path / "wind.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"hourly series .*wind\.csv"):
        load_supplied(supplied_file(tmp_path, WITH_SERIES), made_up.site.timezone)
