"""Levers and setpoints: what may be moved, within what, and where it now stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NewType

from plant.errors import BrokenPromise
from plant.points import OwnerId, PointId
from plant.quantities import Quantity

LeverId = NewType("LeverId", str)
_EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class Lever:
    """One setpoint a supervisor may move; all its points are always set to the same value.

    Values are in the quantity's inside unit. `low`/`high` are the absolute range, `max_move` the
    largest change in one control period, `resolution` the smallest change worth writing,
    `as_found` where the site kept it before us (the `fixed` baseline), and `fallback` where the
    lever goes when nobody is in charge.
    """

    id: LeverId
    owner: OwnerId
    quantity: Quantity
    points: tuple[PointId, ...]
    low: float
    high: float
    max_move: float
    resolution: float
    as_found: float
    fallback: float

    def clamp(self, value: float) -> float:
        """The nearest value inside the absolute range."""
        return min(max(value, self.low), self.high)

    def toward(self, now: float, target: float) -> float:
        """At most one move from `now` to `target`, in whole resolutions from there, inside the range."""
        move = min(max(target - now, -self.max_move), self.max_move)
        steps = int(abs(move) / self.resolution + _EXACT)
        return round(self.clamp(now + (steps if move > 0 else -steps) * self.resolution), 6)


class Setpoints(Mapping[LeverId, float]):
    """A frozen assignment of values to levers. Equality is by content."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[LeverId, float]) -> None:
        for lever, value in values.items():
            if value != value:
                raise BrokenPromise(f"setpoint {lever} is NaN")
        self._values = dict(values)

    def __getitem__(self, lever: LeverId) -> float:
        return self._values[lever]

    def __iter__(self) -> Iterator[LeverId]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v:g}" for k, v in self._values.items())
        return f"Setpoints({inner})"
