"""The model beside the plant, hourly: a law that no longer fits is an alarm, a doubt, and learned anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
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
    _drifted: dict[str, Drift] = field(default_factory=dict)
    _of: PlantModel | None = None
    """The model those laws are of."""
    _last: datetime | None = None

    @property
    def drifted(self) -> tuple[Drift, ...]:
        """The laws that have drifted, as last seen; none of a model that was learned since."""
        return tuple(self._drifted.values()) if self.model() is self._of else ()

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
        if model is not self._of:
            self._of, self._drifted = model, {}
        self._tell(found, at)
        return found

    def _tell(self, found: tuple[Drift, ...], at: datetime) -> None:
        """Raise and clear; a law that cannot be judged now is left as it was."""
        for law in found:
            self.alarms.hold_to(AlarmKind.MODEL_DRIFT, law.name, law.drifted, law.sentence, at)
            self._drifted.pop(law.name, None)
            if law.drifted:
                self._drifted[law.name] = law
