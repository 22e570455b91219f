"""What the site was lately, kept in memory on a regular grid and extended as time passes.

The forecaster looks back two weeks every cycle; asking the historian for all of it each time
would be work done again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pandas as pd

from plant.history import History
from plant.site import Site
from plant.timegrid import floor_to


class HistorySource(Protocol):
    """The one question asked of a historian here."""

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        """Means over steps of ``step_s`` in [start, end)."""
        ...


@dataclass
class LastAsked:
    """A source that is asked the same by several, one after the other, and reads it once."""

    source: HistorySource
    _question: tuple[Site, datetime, datetime, int] | None = None
    _answer: History | None = None

    def history(self, site: Site, start: datetime, end: datetime, step_s: int) -> History:
        """As the source has it, or as it had it when this was asked just before."""
        question = (site, start, end, step_s)
        if self._answer is None or question != self._question:
            self._answer = self.source.history(*question)
            self._question = question
        return self._answer


@dataclass
class Recall:
    """A rolling window of history at one step length."""

    source: HistorySource
    site: Site
    step_s: int
    window: timedelta
    _held: History | None = None

    def until(self, now: datetime) -> History:
        """History up to the last whole step before ``now``."""
        end = floor_to(now, self.step_s)
        oldest = floor_to(now - self.window, self.step_s)
        if self._held is None:
            self._held = self.source.history(self.site, oldest, end, self.step_s)
            return self._held
        next_start = self._held.end + timedelta(seconds=self.step_s)
        if end > next_start:
            fresh = self.source.history(self.site, next_start, end, self.step_s)
            self._held = _joined(self._held, fresh, oldest)
        return self._held


def _joined(old: History, new: History, oldest: datetime) -> History:
    values = pd.concat([old.values, new.values])
    shares = pd.concat([old.measured_share, new.measured_share])
    recent = values.index >= pd.Timestamp(oldest)
    return History(old.site, old.step_s, values[recent], shares[recent])
