"""The interchange file: long Parquet or CSV with the columns time, point, value, quality."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plant.errors import ConfigError
from plant.points import PointId
from plant.readings import Quality
from telemetry.historian.chunks import CODE_OF, QUALITIES, Samples

COLUMNS = ("time", "point", "value", "quality")


def read_file(path: Path) -> dict[PointId, Samples]:
    """The samples of each point, in time order; of several at one time the last in the file counts.

    Raises
    ------
    ConfigError
        Naming the file, the column and the mend.
    """
    frame = _frame(path)
    where = f"history file {path}"
    for name in COLUMNS:
        if name not in frame.columns:
            raise ConfigError(where, f"has no column {name!r}", f"give the columns {', '.join(COLUMNS)}")
    ms = _milliseconds(frame["time"], where)
    codes = _codes(frame["quality"], where)
    value = pd.to_numeric(frame["value"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    value = np.where(np.isfinite(value), value, np.nan)
    number, names = pd.factorize(frame["point"])
    if (number < 0).any():
        raise ConfigError(where, "has a row without a point", "give each row the id of its point")
    order = np.lexsort((ms, number))
    number, ms, value, codes = number[order], ms[order], value[order], codes[order]
    last = np.flatnonzero((np.diff(number, append=-1) != 0) | (np.diff(ms, append=-1) != 0))
    number, ms, value, codes = number[last], ms[last], value[last], codes[last]
    edges = np.searchsorted(number, np.arange(len(names) + 1))
    return {
        PointId(str(name)): Samples(ms[a:b], value[a:b], codes[a:b])
        for name, a, b in zip(names, edges[:-1], edges[1:], strict=True)
    }


def write_file(path: Path, samples: Mapping[PointId, Samples]) -> int:
    """Write the file whole or not at all; the number of rows.

    Raises
    ------
    ConfigError
        If the name ends in neither .parquet nor .csv, or the folder cannot be written.
    """
    kind = _kind(path)
    frame = _long(samples.items())
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if kind == ".parquet":
            frame.to_parquet(partial, index=False, compression="zstd")
        else:
            frame.to_csv(partial, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(
            f"history file {path}", f"cannot be written ({error})", "choose another place"
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return len(frame)


def _kind(path: Path) -> str:
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise ConfigError(f"history file {path}", "is of no known kind", "end its name in .parquet or .csv")
    return path.suffix.lower()


def _frame(path: Path) -> pd.DataFrame:
    kind = _kind(path)
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"point": str, "quality": str, "time": str})
    except FileNotFoundError:
        raise ConfigError(f"history file {path}", "does not exist", "give the path of one") from None
    except (OSError, ValueError) as error:  # pyarrow's and pandas' parse errors are ValueErrors
        raise ConfigError(
            f"history file {path}",
            f"cannot be read ({str(error).splitlines()[0][:120]})",
            f"give a valid {kind[1:]} file",
        ) from None


def _milliseconds(column: pd.Series[Any], where: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    try:
        if pd.api.types.is_datetime64_any_dtype(column):
            times = pd.DatetimeIndex(column)
            if times.tz is None:
                raise ConfigError(where, "column time has no time zone", "write times in UTC, with the zone")
        else:
            text = column.astype(str)
            naive = ~text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
            if naive.any():
                raise ConfigError(
                    f"{where}, row {int(naive.to_numpy().argmax()) + 2}",
                    "column time has no time zone",
                    "write ISO 8601 in UTC, as 2026-01-31T12:00:00Z",
                )
            times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", utc=True))
    except ValueError as error:
        raise ConfigError(
            where, f"column time is not ISO 8601 ({str(error).splitlines()[0][:80]})", "use UTC times"
        ) from None
    if times.hasnans:
        raise ConfigError(where, "has a row without a time", "give each row its time")
    return times.as_unit("ms").asi8


def _codes(column: pd.Series[Any], where: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    number, names = pd.factorize(column)
    known = {quality.value: CODE_OF[quality] for quality in Quality}
    unknown = [str(name) for name in names if str(name) not in known]
    if unknown or (number < 0).any():
        raise ConfigError(
            where, f"has the unknown quality {(unknown or [''])[0]!r}", f"use one of {', '.join(known)}"
        )
    return np.array([known[str(name)] for name in names], dtype=np.uint8)[number]


def _long(samples: Iterable[tuple[PointId, Samples]]) -> pd.DataFrame:
    kept = [(point, s) for point, s in samples if len(s)]
    points = pd.Categorical.from_codes(
        np.repeat(np.arange(len(kept)), [len(s) for _, s in kept]),
        categories=pd.Index([str(p) for p, _ in kept]),
    )
    qualities = np.concatenate([s.quality for _, s in kept]) if kept else np.zeros(0, np.uint8)
    ms = np.concatenate([s.ms for _, s in kept]) if kept else np.zeros(0, np.int64)
    return pd.DataFrame(
        {
            "time": pd.to_datetime(ms, unit="ms", utc=True),
            "point": points,
            "value": np.concatenate([s.value for _, s in kept]) if kept else np.zeros(0),
            "quality": pd.Categorical.from_codes(
                qualities, categories=pd.Index([q.value for q in QUALITIES])
            ),
        }
    )
