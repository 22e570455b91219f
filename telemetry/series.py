"""Matching points to Prometheus series: one request brings many, each point finds its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from plant.points import Point, PrometheusAddress
from plant.readings import Quality, Reading, missing
from plant.units import unit


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. `time_s` is Unix time, None where the source gave none."""

    labels: Mapping[str, str]
    value: float
    time_s: float | None


def prometheus_address(point: Point) -> PrometheusAddress:
    """The point's Prometheus address; it is a mistake to ask for one that has none."""
    if not isinstance(point.address, PrometheusAddress):
        raise TypeError(f"point {point.id} has no Prometheus address")
    return point.address


def by_metric(points: Iterable[Point]) -> dict[tuple[str, float | None], list[Point]]:
    """Points by metric and rate window: each group is one question."""
    groups: dict[tuple[str, float | None], list[Point]] = {}
    for point in points:
        address = prometheus_address(point)
        groups.setdefault((address.metric, address.rate_s), []).append(point)
    return groups


class SeriesIndex:
    """Samples of one metric, found by the labels a point names."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._by_labels: dict[tuple[str, ...], dict[tuple[str, ...], list[Sample]]] = {}

    def matching(self, labels: Mapping[str, str]) -> list[Sample]:
        """Every sample that carries all of ``labels``."""
        names = tuple(sorted(labels))
        if names not in self._by_labels:
            index: dict[tuple[str, ...], list[Sample]] = {}
            for sample in self._samples:
                index.setdefault(tuple(sample.labels.get(n, "") for n in names), []).append(sample)
            self._by_labels[names] = index
        return self._by_labels[names].get(tuple(labels[n] for n in names), [])


def mismatch(point: Point, matches: Sequence[Sample]) -> str:
    """Why a point does not find its one series; empty where it does."""
    if len(matches) == 1:
        return ""
    address = prometheus_address(point)
    inner = ", ".join(f'{name}="{value}"' for name, value in sorted(address.labels.items()))
    wanted = f"{address.metric}{{{inner}}}"
    if not matches:
        return f"no series matches {wanted}"
    others = ["{" + ", ".join(f'{k}="{v}"' for k, v in sorted(m.labels.items())) + "}" for m in matches[:2]]
    return f"{len(matches)} series match {wanted}, among them {' and '.join(others)}; add a label"


def reading_of(point: Point, matches: Sequence[Sample], now: datetime) -> Reading:
    """The point's reading from the series that match it.

    No match is `MISSING`. So is more than one: which of them is meant is a person's to say. NaN
    and infinity are `NOT_AVAILABLE`.
    """
    if len(matches) != 1:
        return missing(point.id, now)
    sample = matches[0]
    time = now if sample.time_s is None else datetime.fromtimestamp(sample.time_s, UTC)
    if not math.isfinite(sample.value):
        return missing(point.id, time, Quality.NOT_AVAILABLE)
    return Reading(point.id, time, unit(point.unit).to_inside(sample.value), Quality.GOOD)


def increase(before: float, after: float) -> float:
    """How far a counter went between two looks; a fall is a restart from zero, as Prometheus has it."""
    return after - before if after >= before else after
