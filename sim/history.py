"""Making a past: trends of a site as it was found, and of its engineers stepping every lever.

The file is the interchange form of trends that telemetry imports: long, one row a point and
sample, columns `time` (UTC), `point`, `value` (inside unit), `quality`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from plant.errors import ConfigError
from plant.readings import Quality
from plant.site import Site
from sim.arrays import Array
from sim.commissioning import Commissioning
from sim.plant import SimulatedPlant

_CHUNK_S = 6 * 3600.0
DECISION_S = 300.0
Progress = Callable[[float], None]


@dataclass(frozen=True)
class HistoryFile:
    """What was written."""

    path: Path
    start: datetime
    end: datetime
    rows: int
    worst_inlet_c: float
    """Warmest true inlet of the whole period."""


def write_history(
    plant: SimulatedPlant,
    start: datetime,
    path: Path,
    as_found_days: float = 10,
    excitation_days: float = 3,
    sample_s: float = 60,
    seed: int = 1,
    progress: Progress = lambda share: None,
) -> HistoryFile:
    """Run the plant from `start` and write what its sensors said.

    First `as_found_days` under the setpoints the site was found with, then `excitation_days` of
    commissioning (see `Commissioning`). Parquet where the suffix is ``.parquet``, else CSV.

    Raises
    ------
    ConfigError
        If the file cannot be written, or Parquet is asked for and pyarrow is not installed.
    """
    _check_target(path)
    if (as_found_days + excitation_days) * 86_400 < sample_s:
        raise ConfigError("history", "is shorter than one sample", "ask for more as-found or excitation days")
    plant.reset(start)
    total_s = (as_found_days + excitation_days) * 86_400
    times, values = [], []
    for piece_times, piece in _pieces(
        plant, as_found_days * 86_400, excitation_days * 86_400, sample_s, seed
    ):
        times.append(piece_times)
        values.append(piece)
        progress(min((plant.now.timestamp() - start.timestamp()) / total_s, 1.0))
    frame = long_frame(plant.site, np.concatenate(times), np.concatenate(values))
    _write(frame, path)
    return HistoryFile(path, start, plant.now, len(frame), plant.totals().worst_inlet_c)


def _pieces(
    plant: SimulatedPlant, as_found_s: float, excitation_s: float, sample_s: float, seed: int
) -> Iterator[tuple[Array, Array]]:
    done = 0.0
    while done < as_found_s - 1e-6:
        piece = min(_CHUNK_S, as_found_s - done)
        yield plant.record(piece, sample_s)
        done += piece
    engineers = Commissioning(plant, excitation_s, np.random.default_rng([seed, 0xC0FFEE]))
    done = 0.0
    while done < excitation_s - 1e-6:
        engineers.decide(done)
        piece = min(DECISION_S, excitation_s - done)
        yield plant.record(piece, sample_s)
        done += piece


def long_frame(site: Site, times: Array, values: Array) -> pd.DataFrame:
    """Long form of samples. times (samples,) unix seconds, values (samples, points)."""
    samples, points = values.shape
    ids = pd.CategoricalDtype([str(p.id) for p in site.points])
    flat = values.ravel()
    kinds = pd.CategoricalDtype([Quality.GOOD.value, Quality.MISSING.value])
    stamps = pd.to_datetime(np.round(times * 1000).astype("int64"), unit="ms", utc=True)
    return pd.DataFrame(
        {
            "time": stamps.repeat(points),
            "point": pd.Categorical.from_codes(np.tile(np.arange(points), samples), dtype=ids),
            "value": flat,
            "quality": pd.Categorical.from_codes(np.isnan(flat).astype("int8"), dtype=kinds),
        }
    )


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise ConfigError(f"history file {path}", "has no folder to be in", f"create {path.parent}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ConfigError(
            f"history file {path}", "needs pyarrow for Parquet", "install pyarrow or use a .csv name"
        )


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Under a temporary name first: a half-written history is worse than none."""
    half = path.with_name(path.name + ".part")
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(half, index=False)
        else:
            text = frame.assign(time=frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
            text.to_csv(half, index=False, float_format="%.6g")
        half.replace(path)
    except OSError as error:
        raise ConfigError(
            f"history file {path}", f"cannot be written ({error.strerror})", "choose another"
        ) from None
