"""What a metric is told: a sample that replaces the last one, or an amount to add. Units at the boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

JOULES_PER_KWH = 3.6e6
SECONDS_PER_H = 3600.0
GRAMS_PER_KG = 1000.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric of the catalog; labels in the catalog's order, without `site`."""

    metric: str
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Amount:
    """Something to add to a counter. `figure` names it where it cannot be added."""

    metric: str
    labels: tuple[str, ...]
    value: float
    figure: str


Samples: TypeAlias = Iterator[Sample]
Amounts: TypeAlias = Iterator[Amount]
