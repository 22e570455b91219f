"""``coolwright export`` and ``import``: a site's history out as Parquet or CSV, in elsewhere, unchanged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from end_to_end.programs import ROOT, coolwright

from plant.points import PointId
from plant.readings import Quality, Reading
from telemetry.historian import Historian

DEMO = str(ROOT / "examples" / "demo.yaml")
METER, INLET = PointId("it-meter.power"), PointId("zone-a.inlet-1")
BEGIN = pd.Timestamp("2026-06-01T00:00Z").to_pydatetime()
SPAN = ("--from", "2026-06-01T00:00Z", "--to", "2026-06-02T00:00Z")


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """A day of two points, a sample every ten minutes."""
    url = f"sqlite:///{tmp_path / 'here.sqlite'}"
    history = Historian(url)
    times = [BEGIN + timedelta(minutes=10 * n) for n in range(144)]
    for point, level in ((METER, 500.0), (INLET, 24.0)):
        history.append([Reading(point, at, level + n / 100, Quality.GOOD) for n, at in enumerate(times)])
    history.close()
    return url


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_goes_out_comes_in_elsewhere_unchanged(tmp_path: Path, kept: str, form: str) -> None:
    file, there = tmp_path / f"out.{form}", f"sqlite:///{tmp_path / 'there.sqlite'}"
    out = coolwright("export", DEMO, str(file), *SPAN, "--format", form, "--historian", kept)
    assert out.returncode == 0, out.stderr
    assert out.stdout.startswith("288 samples")
    assert coolwright("import", str(file), "--historian", there).returncode == 0
    found = []
    for url in (kept, there):
        history = Historian(url)
        found.append(history.samples([METER, INLET], BEGIN, BEGIN + timedelta(days=1)))
        history.close()
    for point in (METER, INLET):
        np.testing.assert_array_equal(found[0][point].ms, found[1][point].ms)
        np.testing.assert_array_equal(found[0][point].value, found[1][point].value)


def test_only_the_named_points_are_written(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "meter.csv"
    done = coolwright("export", DEMO, str(file), *SPAN, "--points", str(METER), "--historian", kept)
    assert done.stdout.startswith("144 samples")
    assert set(pd.read_csv(file)["point"]) == {str(METER)}


def test_a_format_that_contradicts_the_file_is_one_line(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "out.csv"
    done = coolwright("export", DEMO, str(file), *SPAN, "--format", "parquet", "--historian", kept)
    assert done.returncode == 2
    assert "call it" in done.stderr
    assert not file.exists()
