"""The model beside the plant, once an hour: a law that no longer fits is an alarm, and is learned anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.alarms import AlarmBook, AlarmKind
from controller.recall import HistorySource
from optimizer.identify.drift import Drift, drift
from optimizer.model import PlantModel
from plant.site import Site
from plant.timegrid import floor_to

WINDOW = timedelta(hours=24)
EVERY = timedelta(hours=1)
_STEP_S = 300


@dataclass
class DriftWatch:
    """Looks back over a day once an hour; a law's alarm stands while the plant answers otherwise."""

    site: Site
    source: HistorySource
    alarms: AlarmBook
    model: Callable[[], PlantModel | None]
    drifted: frozenset[str] = frozenset()
    """Names of the laws that have drifted, as last seen."""
    _last: datetime | None = None

    async def look(self, at: datetime) -> tuple[Drift, ...]:
        """How each law did over the last day; empty between two looks and without a model."""
        model = self.model()
        if model is None or (self._last is not None and at - self._last < EVERY):
            return ()
        self._last = at
        end = floor_to(at, _STEP_S)
        # A day of samples is read and judged beside the loop: approvals must not wait for it.
        day = await asyncio.to_thread(self.source.history, self.site, end - WINDOW, end, _STEP_S)
        found = await asyncio.to_thread(drift, model, day)
        self._tell(found, at)
        return found

    def _tell(self, found: tuple[Drift, ...], at: datetime) -> None:
        """Raise and clear; a law that cannot be judged now is left as it was."""
        for law in found:
            self.alarms.hold_to(AlarmKind.MODEL_DRIFT, law.name, law.drifted, law.sentence, at)
        judged = {law.name for law in found}
        self.drifted = (self.drifted - judged) | {law.name for law in found if law.drifted}
