from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plant.errors import ConfigError
from plant.site import Site
from sim.history import write_history
from sim.plant import SimulatedPlant

START = datetime(2026, 7, 17, tzinfo=UTC)
PlantMaker = Callable[..., SimulatedPlant]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, demo: Site, greensboro: object) -> pd.DataFrame:
    from sim.workload import DiurnalWorkload

    path = tmp_path_factory.mktemp("history") / "trends.parquet"
    plant = SimulatedPlant(demo, None, greensboro, DiurnalWorkload(4, 1, -5), 1)  # type: ignore[arg-type]
    result = write_history(plant, START, path, as_found_days=0.25, excitation_days=1.5)
    frame = pd.read_parquet(path)
    assert result.rows == len(frame) == 1.75 * 1440 * len(demo.points)
    assert result.end == START + timedelta(days=1.75)
    frame.attrs["worst"] = result.worst_inlet_c
    return frame


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.pivot(index="time", columns="point", values="value")


def test_it_has_the_columns_of_the_interchange_form(written: pd.DataFrame, demo: Site) -> None:
    assert list(written.columns) == ["time", "point", "value", "quality"]
    assert str(written["time"].dt.tz) == "UTC"
    assert set(written["point"].unique()) == {p.id for p in demo.points}
    assert set(written["quality"].unique()) == {"good"}


def test_the_first_days_are_as_found(written: pd.DataFrame, demo: Site) -> None:
    early = wide(written).iloc[:360]
    for lever in demo.levers:
        for point in lever.points:
            np.testing.assert_allclose(early[point], lever.as_found)


def test_commissioning_moves_every_lever_over_most_of_its_range(written: pd.DataFrame, demo: Site) -> None:
    late = wide(written).iloc[360:]
    for lever in demo.levers:
        seen = late[lever.points[0]]
        assert (seen.max() - seen.min()) > 0.6 * (lever.high - lever.low), lever.id
        assert seen.min() >= lever.low - 1e-6
        assert seen.max() <= lever.high + 1e-6


def test_commissioning_moves_no_faster_than_the_lever_may(written: pd.DataFrame, demo: Site) -> None:
    late = wide(written).iloc[360:]
    for lever in demo.levers:
        moves = late[lever.points[0]].diff().abs().dropna()
        # A register rounds; a rescue may go three times as fast, but is rare.
        assert moves.max() <= 3 * lever.max_move + 0.11
        assert moves.quantile(0.98) <= lever.max_move + 0.11


def test_no_rack_was_ever_endangered(written: pd.DataFrame, demo: Site) -> None:
    assert written.attrs["worst"] <= min(z.limits.recommended_max_c for z in demo.zones) - 0.3


def test_levers_do_not_move_in_step(written: pd.DataFrame, demo: Site) -> None:
    late = wide(written).iloc[360 + 720 :]
    names = [lever.points[0] for lever in demo.levers]
    between = late[names].astype(float).corr().to_numpy(copy=True)
    np.fill_diagonal(between, 0.0)
    assert np.abs(between).max() < 0.8


def test_csv_has_iso_times_and_comes_back_the_same(tmp_path: Path, living: PlantMaker) -> None:
    path = tmp_path / "trends.csv"
    write_history(living(), START, path, as_found_days=1 / 24, excitation_days=0)
    text = path.read_text().splitlines()
    assert text[0] == "time,point,value,quality"
    assert text[1].startswith("2026-07-17T00:01:00Z,heartbeat,0")
    back = pd.read_csv(path, parse_dates=["time"])
    assert len(back) == 60 * back["point"].nunique()


def test_a_folder_that_is_not_there_is_one_clear_line_and_nothing_is_written(
    tmp_path: Path, living: PlantMaker
) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        write_history(living(), START, tmp_path / "none" / "x.parquet", 0.1, 0)
    assert not (tmp_path / "none").exists()
