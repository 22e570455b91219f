"""The watch over spare room: may any one machine still trip, whether anybody moves anything or not?

The room a change left can be lost without one: load grows into it, a unit stops, outdoor air warms.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.contingency import TripOutcome
from controller.parts import Parts
from controller.spare_room import UNTOLD

EVERY = timedelta(seconds=60)
"""How often it is asked, by the site's clock."""
PAUSE_WALL_S = 5.0
"""And at most, where the site's clock runs faster than the wall's. [s]"""


@dataclass
class TripWatch:
    """Asks once a minute; alarms what lasts, and remembers the answer for whoever shows it."""

    parts: Parts
    outcomes: tuple[TripOutcome, ...] = ()
    """Each zone's worst trip as of the last look."""
    notes: tuple[str, ...] = ()
    """What a person should know of it: zones without room, or that nothing can be told."""
    _asked_at: datetime | None = field(default=None, repr=False)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PAUSE_WALL_S)

    async def look(self) -> None:
        """Ask, if a minute has passed."""
        parts = self.parts
        now, snapshot, check = parts.clock.now(), parts.snapshot(), parts.trips
        if self._asked_at is not None and now - self._asked_at < EVERY:
            return
        self._asked_at = now
        # Some tens of milliseconds for a hall of four zones: the loop beats meanwhile.
        self.outcomes = await asyncio.to_thread(check.now, snapshot)
        parts.metrics.observe_trips(self.outcomes)
        parts.authority.sentinel.spare(self.outcomes, now)
        short = tuple(f"{o.zone} has no spare: {o.sentence}" for o in self.outcomes if o.margin_k < 0)
        self.notes = (UNTOLD,) if check.asked and not self.outcomes else short
