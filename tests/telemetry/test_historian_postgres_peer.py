"""The historian on a real PostgreSQL, through the same code as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from end_to_end.postgres import postgres_server
from telemetry_kit import NOON, point, small_site

from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from telemetry.historian import Historian

pytestmark = pytest.mark.peer

SITE = small_site([point("power", Quantity.IT_POWER), point("inlet", Quantity.INLET_TEMPERATURE)])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_server() as found:
        yield found


def readings(hours: float) -> list[Reading]:
    rng = np.random.default_rng(3)
    n = int(hours * 60)
    return [
        Reading(PointId(p), NOON + timedelta(minutes=i), float(rng.normal(base, 1)), Quality.GOOD)
        for i in range(n)
        if not 70 <= i < 90
        for p, base in (("power", 100.0), ("inlet", 22.0))
    ]


def test_both_databases_give_the_same_history(url: str, tmp_path: Path) -> None:
    stores = [Historian(url), Historian(f"sqlite:///{tmp_path / 'h.db'}")]
    for store in stores:
        for i in range(0, 400, 40):
            store.append(readings(5)[i : i + 40])
        store.append([Reading(PointId("power"), NOON + timedelta(minutes=3), 55.0, Quality.GOOD)])
    span = (NOON, NOON + timedelta(hours=6))
    ours, theirs = (store.history(SITE, *span, 300) for store in stores)
    pd.testing.assert_frame_equal(ours.values, theirs.values)
    pd.testing.assert_frame_equal(ours.measured_share, theirs.measured_share)
    assert np.isnan(ours.values["power"].to_numpy()[14:18]).all()
    rolled = [store.rollup([PointId("power")], *span, 900) for store in stores]
    pd.testing.assert_frame_equal(*rolled)
    assert stores[0].latest() == stores[1].latest()
    for store in stores:
        store.close()
    assert Historian(url).latest() == Historian(f"sqlite:///{tmp_path / 'h.db'}").latest()


def test_files_and_retention_work_there_too(url: str, tmp_path: Path) -> None:
    store = Historian(url)
    file = tmp_path / "out.parquet"
    rows = store.export_file(file, [PointId("power")], NOON, NOON + timedelta(hours=6))
    assert rows > 100
    assert store.import_file(file) == rows
    store.forget(NOON + timedelta(days=4001))
    assert store.samples([PointId("power")], NOON, NOON + timedelta(hours=6)) == {}


def test_a_server_without_timescaledb_is_used_as_plain_postgresql(url: str) -> None:
    historian = Historian(url)
    assert historian._writer.timescale is None
    historian.forget(NOON)
    historian.close()
