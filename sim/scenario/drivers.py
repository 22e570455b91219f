"""What drives a scenario's plant: traces from CSV, and training jobs that start and stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from plant.errors import ConfigError
from plant.site import Site
from sim.arrays import Array
from sim.workload import WorkloadSource


@dataclass(frozen=True)
class Trace:
    """Columns over time, linear between samples, repeated before its begin and after its end."""

    unix_s: Array
    values: Array
    """Shape (samples, columns)."""

    def at(self, unix_s: Array) -> Array:
        """Every column at instants. Shape (instants, columns)."""
        begin, end = self.unix_s[0], self.unix_s[-1]
        # Whole days, so that a repeated trace keeps its hours.
        period = max(np.ceil((end - begin) / 86_400), 1.0) * 86_400
        when = begin + np.mod(np.atleast_1d(np.asarray(unix_s, float)) - begin, period)
        columns = [np.interp(when, self.unix_s, self.values[:, i]) for i in range(self.values.shape[1])]
        return np.stack(columns, axis=-1)


def read_trace(path: Path, columns: Sequence[str]) -> Trace:
    """Columns of a CSV with ``time`` (ISO 8601 with a zone).

    Raises
    ------
    ConfigError
        If the file is not of this form.
    """
    where = f"trace {path}"
    try:
        frame = pd.read_csv(path, comment="#")
    except FileNotFoundError:
        raise ConfigError(where, "does not exist", "give the path of a CSV beside the scenario") from None
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise ConfigError(where, f"cannot be read ({type(error).__name__})", "give a CSV in UTF-8") from None
    lacking = [name for name in ("time", *columns) if name not in frame.columns]
    if lacking:
        raise ConfigError(where, f"lacks column {lacking[0]}", f"give time and {', '.join(columns)}")
    try:
        times = pd.DatetimeIndex(pd.to_datetime(frame["time"], format="ISO8601", utc=True))
        values = frame[list(columns)].to_numpy(float)
    except (ValueError, TypeError):
        raise ConfigError(where, "has a cell that is not a time or a number", "correct it") from None
    unix = times.as_unit("s").asi8.astype(float)
    if len(unix) < 2 or (np.diff(unix) <= 0).any() or not np.isfinite(values).all():
        raise ConfigError(
            where, "has gaps or times out of order", "give two or more rows, in order, all filled"
        )
    return Trace(unix, values)


@dataclass(frozen=True)
class TraceWeather:
    """Weather from a trace. Satisfies `WeatherSource`."""

    trace: Trace

    def at(self, unix_s: Array) -> tuple[Array, Array]:
        """Dry and wet bulb at instants. [°C]"""
        both = self.trace.at(unix_s)
        return both[:, 0], np.minimum(both[:, 0], both[:, 1])


@dataclass(frozen=True)
class TraceWorkload:
    """Utilization from a trace, one column a zone. Satisfies `WorkloadSource`."""

    trace: Trace

    def at(self, unix_s: Array) -> Array:
        """Utilization at instants. Shape (instants, zones). [-]"""
        return np.clip(self.trace.at(unix_s), 0.0, 1.0)


@dataclass(frozen=True)
class TrainingWorkload:
    """Training jobs: all servers of a zone at `high` for a job, then at `low` until the next.

    Lengths vary by a third around their means, from the seed and the zone; zones that do not train
    follow `base`. Satisfies `WorkloadSource`.
    """

    base: WorkloadSource
    site: Site
    zones: str
    low: float
    high: float
    job_s: float
    rest_s: float
    seed: int

    def at(self, unix_s: Array) -> Array:
        """Utilization at instants. Shape (instants, zones). [-]"""
        unix = np.atleast_1d(np.asarray(unix_s, float))
        load = np.array(self.base.at(unix))
        period = self.job_s + self.rest_s
        for number, zone in enumerate(self.site.zones):
            if not fnmatchcase(zone.id, self.zones):
                continue
            turn = np.floor(unix / period).astype(int)
            training = np.zeros(len(unix), bool)
            for t in np.unique(turn):
                rng = np.random.default_rng([self.seed, 0x7EA1, number, int(t) & 0xFFFFFFFF])
                begin = t * period + rng.uniform(0, 0.3) * self.rest_s
                length = self.job_s * rng.uniform(0.67, 1.0)
                training |= (turn == t) & (unix >= begin) & (unix < begin + length)
            load[:, number] = np.where(training, self.high, self.low)
        return load
