from __future__ import annotations

import math
import multiprocessing
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telemetry_kit import NOON, point, small_site

from plant.errors import ConfigError
from plant.points import PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading, missing
from telemetry.historian import Historian, Retention, StoreState
from telemetry.historian.chunks import QUALITIES, Samples, pack, unpack

POWER, INLET = point("power", Quantity.IT_POWER), point("inlet", Quantity.INLET_TEMPERATURE)
SITE = small_site([POWER, INLET])


def said(seconds: float, value: float, quality: Quality = Quality.GOOD, point: str = "power") -> Reading:
    return Reading(PointId(point), NOON + timedelta(seconds=seconds), value, quality)


def historian(tmp_path: Path) -> Historian:
    return Historian(f"sqlite:///{tmp_path / 'history.db'}")


def hour_of(values: list[float], step_s: int = 60) -> list[Reading]:
    return [said(step_s * i, v) for i, v in enumerate(values)]


def test_a_step_is_the_mean_of_its_usable_readings(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(0, 10), said(60, 20), said(120, 30), said(180, 999, Quality.RATE), said(240, math.nan)])
    history = kept.history(SITE, NOON, NOON + timedelta(minutes=5), 300)
    assert history.column(POWER.id).tolist() == [20.0]
    assert history.measured_share[POWER.id].tolist() == [3 / 5]
    assert np.isnan(history.column(INLET.id)).all()
    assert str(history.values.index.tz) == "UTC"
    assert (history.start, history.step_s) == (NOON, 300)


def test_nothing_is_carried_over_a_gap(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(60 * i, 100.0) for i in range(60) if not 10 <= i < 35])
    history = kept.history(SITE, NOON, NOON + timedelta(hours=1), 300)
    measured = history.column(POWER.id)
    assert np.isnan(measured[2:7]).all()
    assert (measured[[0, 1, 7, 8, 9, 10, 11]] == 100.0).all()
    assert history.measured_share[POWER.id].to_numpy()[2:7].tolist() == [0.0] * 5


def test_a_substituted_value_counts_in_the_mean_and_not_as_measured(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(0, 10), said(60, 20, Quality.SUBSTITUTED)])
    history = kept.history(SITE, NOON, NOON + timedelta(minutes=2), 120)
    assert history.column(POWER.id).tolist() == [15.0]
    assert history.measured_share[POWER.id].tolist() == [0.5]


def test_readings_survive_a_restart_and_the_sealing_of_their_hour(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    for i in range(200):
        kept.append([said(60 * i, float(i)), said(60 * i, 20 + i / 100, point="inlet")])
    kept.close()
    again = historian(tmp_path)
    history = again.history(SITE, NOON, NOON + timedelta(minutes=200), 60)
    assert history.column(POWER.id).tolist() == [float(i) for i in range(200)]
    assert again.latest()[POWER.id] == said(60 * 199, 199.0)
    with sqlite3.connect(tmp_path / "history.db") as db:
        assert db.execute("SELECT count(*) FROM history_recent").fetchone()[0] < 2 * 150
        assert db.execute("SELECT count(*) FROM history_chunks").fetchone()[0] > 0


def test_a_reading_that_comes_late_finds_its_sealed_hour(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(0, 1.0)])
    kept.append([said(4 * 3600, 1.0)])
    kept.append([said(60, 3.0), said(5 * 3600, 1.0)])
    kept.append([said(6 * 3600, 1.0)])
    history = kept.history(SITE, NOON, NOON + timedelta(minutes=2), 60)
    assert history.column(POWER.id).tolist() == [1.0, 3.0]
    assert kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 3600)["samples"].tolist() == [2]


def test_one_source_whose_clock_runs_ahead_does_not_hurry_the_sealing(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    for i in range(130):
        kept.append(
            [said(60 * i, 1.0), said(60 * i, 20.0, point="a"), said(60 * i + 10**7, 1.0, point="ahead")]
        )
    with sqlite3.connect(tmp_path / "history.db") as db:
        sealed = db.execute("SELECT count(*) FROM history_chunks c JOIN history_points p ON p.id = c.point")
        assert sealed.fetchone()[0] == 2
        assert db.execute("SELECT max(start_s) FROM history_chunks").fetchone()[0] == NOON.timestamp()


def test_the_same_reading_twice_counts_once(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(0, 10.0)])
    kept.append([said(0, 10.0), said(60, 40.0)])
    assert kept.history(SITE, NOON, NOON + timedelta(minutes=2), 120).column(POWER.id).tolist() == [25.0]


def test_rollups_have_count_extremes_mean_and_what_was_measured(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    values = [said(60 * i, float(i)) for i in range(60)]
    values[30] = said(1800, 0.0, Quality.STALE)
    kept.append(values)
    kept.append([said(3 * 3600, 0.0)])
    frame = kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 900)
    assert frame[["samples", "good", "low", "high", "mean"]].to_numpy().tolist() == [
        [15, 15, 0, 14, 7],
        [15, 15, 15, 29, 22],
        [15, 14, 31, 44, 37.5],
        [15, 15, 45, 59, 52],
    ]


def test_minutes_and_the_hour_that_still_runs_are_rolled_up_from_the_readings(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(10 * i, float(i)) for i in range(90)])
    minutes = kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 60)
    assert minutes["mean"].tolist() == [2.5 + 6 * m for m in range(15)]
    quarter = kept.rollup([POWER.id, INLET.id], NOON, NOON + timedelta(hours=1), 900)
    assert quarter[["samples", "low", "high", "mean"]].to_numpy().tolist() == [[90, 0, 89, 44.5]]
    kept.append([said(2.5 * 3600, 1.0)])
    assert kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 900).equals(
        quarter[quarter["point"] == "power"]
    )
    assert len(kept.rollup([INLET.id], NOON, NOON + timedelta(hours=1), 900)) == 0


def test_old_readings_are_thinned_to_a_mean_a_minute_and_a_gap_stays_one(tmp_path: Path) -> None:
    kept = Historian(f"sqlite:///{tmp_path / 'h.db'}", retention=Retention(raw=1))
    kept.append([said(10 * i, float(i)) for i in range(360) if not 60 <= i < 120])
    kept.append([said(3 * 3600, 0.0)])
    span = (SITE, NOON, NOON + timedelta(hours=1), 300)
    before = kept.history(*span)
    kept.forget(NOON + timedelta(days=2))
    assert len(kept.samples([POWER.id], NOON, NOON + timedelta(hours=1))[POWER.id]) == 50
    after = kept.history(*span)
    pd.testing.assert_frame_equal(before.values, after.values)
    pd.testing.assert_frame_equal(before.measured_share, after.measured_share)


def test_a_locked_database_stops_nobody_and_is_caught_up(tmp_path: Path) -> None:
    seconds = [0.0]
    kept = Historian(f"sqlite:///{tmp_path / 'history.db'}", monotonic=lambda: seconds[0])
    kept.append([said(0, 1.0)])
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    kept.append([said(60, 2.0)])
    state = kept.state
    assert (state.buffered, state.dropped) == (1, 0)
    assert "locked" in state.degraded
    assert kept.latest()[POWER.id].value == 2.0
    kept.append([said(120, 3.0)])
    assert kept.state.buffered == 2, "it is not tried again, and not waited for, with every reading"
    other.execute("ROLLBACK")
    seconds[0] += 1.0
    kept.append([said(180, 4.0)])
    assert kept.state == StoreState("", 0, 0)
    assert kept.history(SITE, NOON, NOON + timedelta(minutes=4), 60).column(POWER.id).tolist() == [1, 2, 3, 4]


def test_a_full_disk_is_said_and_nothing_is_lost_in_memory(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([said(0, 1.0)])
    with kept._engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [said(60 * i, float(i), point=f"p{i % 500}") for i in range(1, 5000)]
    kept.append(many)
    assert "full" in kept.state.degraded
    assert kept.state.buffered == len(many)
    with kept._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert kept.flush()
    assert kept.state.buffered == 0


def _append_for_ever(file: str, ready: object) -> None:
    kept = Historian(f"sqlite:///{file}")
    for i in range(100_000):
        kept.append([said(i, float(i))])
        if i == 50:
            ready.set()  # type: ignore[attr-defined]


def test_a_killed_writer_leaves_a_readable_history(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    writer = context.Process(target=_append_for_ever, args=(str(tmp_path / "history.db"), ready))
    writer.start()
    assert ready.wait(60)
    writer.kill()
    writer.join()
    last = historian(tmp_path).latest()[POWER.id]
    assert last.value >= 50
    assert last.time == NOON + timedelta(seconds=last.value)


def long_frame() -> pd.DataFrame:
    times = pd.date_range(NOON, periods=150, freq="60s")
    frames = [
        pd.DataFrame({"time": times, "point": name, "value": base + np.arange(150) / 7, "quality": "good"})
        for name, base in (("power", 100.0), ("inlet", 20.0))
    ]
    frame = pd.concat(frames)
    frame.loc[frame.index == 3, ["value", "quality"]] = [math.nan, "missing"]
    return frame


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_history_goes_out_and_comes_in_elsewhere_unchanged(tmp_path: Path, kind: str) -> None:
    here, there = historian(tmp_path), Historian("sqlite://")
    source = tmp_path / f"source.{kind}"
    frame = long_frame()
    frame.to_parquet(source) if kind == "parquet" else frame.to_csv(source, index=False)
    assert here.import_file(source) == 300
    out = tmp_path / f"out.{kind}"
    assert here.export_file(out, [POWER.id, INLET.id], NOON, NOON + timedelta(hours=2)) == 240
    assert there.import_file(out) == 240
    span = (NOON, NOON + timedelta(hours=2), 60)
    pd.testing.assert_frame_equal(here.history(SITE, *span).values, there.history(SITE, *span).values)
    want = frame[frame.point == "power"]["value"].to_numpy()[:120]
    np.testing.assert_array_equal(there.history(SITE, *span).column(POWER.id), want)
    assert not list(tmp_path.glob(".*partial"))


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    long_frame().to_parquet(tmp_path / "h.parquet")
    kept.import_file(tmp_path / "h.parquet")
    once = kept.history(SITE, NOON, NOON + timedelta(hours=3), 300)
    kept.import_file(tmp_path / "h.parquet")
    again = kept.history(SITE, NOON, NOON + timedelta(hours=3), 300)
    pd.testing.assert_frame_equal(once.values, again.values)
    pd.testing.assert_frame_equal(once.measured_share, again.measured_share)
    assert kept.latest()[POWER.id].time == NOON + timedelta(minutes=149)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time,point,value\n2026-01-01T00:00:00Z,a,1\n", "no column 'quality'"),
        ("time,point,value,quality\n2026-01-01T00:00:00,a,1,good\n", "no time zone"),
        ("time,point,value,quality\nyesterday,a,1,good\n", "no time zone"),
        ("time,point,value,quality\n2026-13-01T00:00:00Z,a,1,good\n", "not ISO 8601"),
        ("time,point,value,quality\n2026-01-01T00:00:00Z,a,1,fine\n", "unknown quality 'fine'"),
        ("time,point,value,quality\n2026-01-01T00:00:00Z,,1,good\n", "without a point"),
    ],
)
def test_a_wrong_history_file_is_told_in_one_line_and_nothing_is_taken(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "h.csv"
    file.write_text(text, encoding="utf-8")
    kept = historian(tmp_path)
    with pytest.raises(ConfigError, match=told) as error:
        kept.import_file(file)
    assert "\n" not in str(error.value)
    assert kept.latest() == {}


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet", "h.xlsx"])
def test_a_file_that_is_not_there_or_of_no_known_kind_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        historian(tmp_path).import_file(tmp_path / name)


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all/h.db", "oracle9://x/y"])
def test_a_database_that_cannot_be_opened_is_told(url: str) -> None:
    with pytest.raises(ConfigError):
        Historian(url)


def test_what_has_outlived_its_retention_is_deleted(tmp_path: Path) -> None:
    kept = Historian(
        f"sqlite:///{tmp_path / 'h.db'}", retention=Retention(minutes=1, quarter_hours=2, hours=3)
    )
    kept.append(hour_of([1.0] * 60))
    kept.append([said(3600 * 5, 1.0)])
    kept.forget(NOON + timedelta(days=1.5))
    assert kept.samples([POWER.id], NOON, NOON + timedelta(hours=1)) == {}
    assert len(kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 900)) == 4
    kept.forget(NOON + timedelta(days=2.5))
    assert len(kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 900)) == 0
    assert len(kept.rollup([POWER.id], NOON, NOON + timedelta(hours=1), 3600)) == 1


def test_the_expected_number_of_samples_follows_how_often_a_point_was_sampled(tmp_path: Path) -> None:
    """A day sampled each minute and a day sampled every ten seconds are both fully measured."""
    kept = historian(tmp_path)
    midnight = datetime(2026, 6, 1, tzinfo=UTC)
    coarse = [Reading(POWER.id, midnight + timedelta(seconds=60 * i), 1.0, Quality.GOOD) for i in range(1440)]
    fine = [
        Reading(POWER.id, midnight + timedelta(days=1, seconds=10 * i), 1.0, Quality.GOOD) for i in range(720)
    ]
    kept.append(coarse)
    kept.append(fine)
    share = kept.history(SITE, midnight, midnight + timedelta(hours=26), 300).measured_share[POWER.id]
    assert (share == 1.0).all()


values = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 18.0, 21.5])


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(1, 10**6), values, st.integers(0, len(QUALITIES) - 1)), min_size=1)
)
def test_a_packed_hour_comes_back_exactly(rows: list[tuple[int, float, int]]) -> None:
    ms = 1_780_000_000_000 + np.cumsum([gap for gap, _, _ in rows]).astype(np.int64)
    before = Samples(ms, np.array([v for _, v, _ in rows]), np.array([q for _, _, q in rows], np.uint8))
    after = unpack(pack(before))
    np.testing.assert_array_equal(after.ms, before.ms)
    np.testing.assert_array_equal(after.value, before.value)
    np.testing.assert_array_equal(after.quality, before.quality)


def test_a_missing_reading_is_stored_as_missing(tmp_path: Path) -> None:
    kept = historian(tmp_path)
    kept.append([missing(POWER.id, NOON)])
    found = kept.latest()[POWER.id]
    assert found.quality is Quality.MISSING
    assert math.isnan(found.value)
