"""A regular grid of instants: the horizon of a forecast or a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from plant.errors import BrokenPromise


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """`steps` intervals of `step_s` seconds from `start` (aware, UTC)."""

    start: datetime
    step_s: int
    steps: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise BrokenPromise("a time grid starts at an aware instant")
        if self.step_s <= 0 or self.steps <= 0:
            raise BrokenPromise("a time grid has at least one step of at least one second")

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return self.step_s / 3600

    @property
    def end(self) -> datetime:
        """The instant the last interval ends."""
        return self.start + timedelta(seconds=self.step_s * self.steps)

    def times(self) -> list[datetime]:
        """The start of each interval."""
        return [self.start + timedelta(seconds=self.step_s * i) for i in range(self.steps)]


def floor_to(instant: datetime, step_s: int) -> datetime:
    """The last multiple of ``step_s`` since the epoch that is not after ``instant``."""
    seconds = int(instant.timestamp()) // step_s * step_s
    return datetime.fromtimestamp(seconds, UTC)
