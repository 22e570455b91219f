"""The historian on a real PostgreSQL, through the same code as on SQLite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peer_programs import wait_for_port
from telemetry_kit import NOON, free_port, point, small_site

from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from telemetry.historian import Historian

pytestmark = pytest.mark.peer

SITE = small_site([point("power", Quantity.IT_POWER), point("inlet", Quantity.INLET_TEMPERATURE)])


def programs() -> Path:
    """PostgreSQL's own programs, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    return found[-1].parent if found else Path(str(on_path)).parent


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    bin_dir, port = programs(), free_port()
    # PostgreSQL refuses to run as root; Debian has a user for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        data = str(Path(folder) / "data")
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "timeout": 60, "cwd": folder}
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        initdb = ["-D", data, "-A", "trust", "-U", "coolwright", "-E", "UTF8"]
        subprocess.run([*as_user, str(bin_dir / "initdb"), *initdb], **quiet)  # type: ignore[call-overload]
        control = [*as_user, str(bin_dir / "pg_ctl"), "-D", data]
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log", "start"], **quiet)  # type: ignore[call-overload]
        try:
            wait_for_port(port)
            yield f"postgresql+psycopg://coolwright@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]


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
