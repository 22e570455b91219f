"""What a month of history costs: 2,000 points every 10 s, then hourly aggregates of 50 of them.

    python -m benchmarks.history [--json] [--days 30] [--points 2000]

Beside it, in the same run, the obvious form: one SQLite row a reading, aggregated by SQL, for one
day of 100 points. The full month takes some minutes and about a gigabyte in the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from plant.points import PointId
from plant.readings import Quality, Reading
from telemetry.historian import Historian
from telemetry.historian.chunks import Samples

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP_S = 10
ASKED = 50
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Measured:
    """What a run showed."""

    points: int
    days: int
    readings: int
    store_cpu_s: float
    bytes_per_reading: float
    hourly_query_s: float
    raw_day_query_s: float
    append_p50_ms: float
    append_p99_ms: float
    row_a_reading_bytes: float
    row_a_reading_day_query_s: float
    our_day_query_s: float


def _day(rng: np.random.Generator, day: int, points: int) -> dict[PointId, Samples]:
    """A day of sensors that drift and are read to 0.1, at times that jitter a little."""
    n = 86_400 // STEP_S
    ms = int(START.timestamp() * 1000) + day * DAY_MS + 1000 * STEP_S * np.arange(n, dtype=np.int64)
    good = np.zeros(n, np.uint8)
    made = {}
    for point in range(points):
        drift = 22 + 2 * np.sin(np.arange(n) / 1400 + point) + np.cumsum(rng.normal(0, 0.01, n))
        made[PointId(f"p{point}")] = Samples(ms + rng.integers(0, 30, n), np.round(drift, 1), good)
    return made


def _append(historian: Historian, start: datetime, points: int, polls: int = 100) -> list[float]:
    """Milliseconds of each live append."""
    took = []
    for poll in range(polls):
        at = start + timedelta(seconds=STEP_S * poll)
        readings = [Reading(PointId(f"p{i}"), at, 22.0 + i / 10, Quality.GOOD) for i in range(points)]
        begun = time.perf_counter()
        historian.append(readings)
        took.append(1000 * (time.perf_counter() - begun))
    return took


def _row_a_reading(folder: Path, day: dict[PointId, Samples]) -> tuple[float, float]:
    """Bytes a reading, and seconds for the hourly means of 50 points over the day."""
    file = folder / "rows.db"
    with sqlite3.connect(file) as db:
        db.execute(
            "CREATE TABLE r (ms INTEGER, point TEXT, value REAL, PRIMARY KEY (ms, point)) WITHOUT ROWID"
        )
        for point, samples in day.items():
            rows = zip(samples.ms.tolist(), [point] * len(samples), samples.value.tolist(), strict=True)
            db.executemany("INSERT INTO r VALUES (?, ?, ?)", rows)
    asked = ",".join(f"'p{i}'" for i in range(ASKED))
    begun = time.perf_counter()
    with sqlite3.connect(file) as db:
        db.execute(
            f"SELECT point, ms / 3600000, avg(value) FROM r WHERE point IN ({asked}) GROUP BY 1, 2"
        ).fetchall()
    return file.stat().st_size / sum(len(s) for s in day.values()), time.perf_counter() - begun


def _hourly(historian: Historian, days: int) -> float:
    begun = time.perf_counter()
    points = [PointId(f"p{i}") for i in range(ASKED)]
    frame = historian.rollup(points, START, START + timedelta(days=days), 3600)
    assert len(frame) == ASKED * 24 * days
    return time.perf_counter() - begun


def measure(points: int, days: int, folder: Path) -> Measured:
    """One run."""
    rng = np.random.default_rng(0)
    file = folder / "history.db"
    historian = Historian(f"sqlite:///{file}")
    cpu = 0.0
    for day in range(days):
        made = _day(rng, day, points)
        begun = time.process_time()
        historian.keep(made)
        cpu += time.process_time() - begun
    historian.close()
    readings = points * days * 86_400 // STEP_S
    size = sum(f.stat().st_size for f in folder.glob("history.db*"))
    historian = Historian(f"sqlite:///{file}")
    hourly_s = _hourly(historian, days)
    begun = time.perf_counter()
    historian.samples([PointId(f"p{i}") for i in range(ASKED)], START, START + timedelta(days=1))
    raw_s = time.perf_counter() - begun
    day_s = _hourly_of_a_day(historian)
    appended = _append(historian, START + timedelta(days=days), points)
    historian.close()
    row_bytes, row_s = _row_a_reading(folder, _day(rng, 0, 100))
    return Measured(
        points=points,
        days=days,
        readings=readings,
        store_cpu_s=round(cpu, 1),
        bytes_per_reading=round(size / readings, 2),
        hourly_query_s=round(hourly_s, 3),
        raw_day_query_s=round(raw_s, 3),
        append_p50_ms=round(float(np.quantile(appended, 0.5)), 1),
        append_p99_ms=round(float(np.quantile(appended, 0.99)), 1),
        row_a_reading_bytes=round(row_bytes, 2),
        row_a_reading_day_query_s=round(row_s, 3),
        our_day_query_s=round(day_s, 3),
    )


def _hourly_of_a_day(historian: Historian) -> float:
    begun = time.perf_counter()
    historian.rollup([PointId(f"p{i}") for i in range(ASKED)], START, START + timedelta(days=1), 3600)
    return time.perf_counter() - begun


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.points, options.days, Path(folder))
    if options.json:
        print(json.dumps(vars(found)))
        return
    for name, value in vars(found).items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
