"""What no reading tells: since when how many machines run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from optimizer.economizer_watch import EconomizerWatch
from optimizer.machines import UNKNOWN, Machines
from plant.quantities import Quantity
from plant.site import EquipmentKind
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class Running:
    """Chillers running, and seconds since the last of them was started and stopped (None: not seen)."""

    chillers: float = 0.0
    started_s_ago: float | None = None
    stopped_s_ago: float | None = None
    machines: Machines = UNKNOWN
    """What is known to run; `chillers` above is 0 where nobody says."""


STANDING = Running()
"""Nobody says what runs."""


@dataclass
class RunClock:
    """Watches snapshots go by. A start nobody saw counts as long ago: the PLC keeps its own times too."""

    _last: float | None = None
    _started: datetime | None = None
    _stopped: datetime | None = None
    economizer: EconomizerWatch = field(default_factory=EconomizerWatch)

    def observe(self, snapshot: Snapshot) -> Running:
        """Count the machines of a snapshot, and what changed since the last one."""
        self.economizer.observe(snapshot)
        owners = snapshot.site.equipment_of(EquipmentKind.CHILLER)
        seen = np.array([snapshot.mean(e.id, Quantity.RUN_STATUS) for e in owners])
        if not seen.size or np.isnan(seen).any():
            return self._since(self._last, snapshot)
        now = float(np.round(seen).sum())
        if self._last is not None and now > self._last:
            self._started = snapshot.time
        elif self._last is not None and now < self._last:
            self._stopped = snapshot.time
        self._last = now
        return self._since(now, snapshot)

    def _since(self, count: float | None, snapshot: Snapshot) -> Running:
        def ago(then: datetime | None) -> float | None:
            return None if then is None else max((snapshot.time - then).total_seconds(), 0.0)

        known = Machines(self.economizer.state(snapshot.time), math.nan if count is None else count)
        return Running(count or 0.0, ago(self._started), ago(self._stopped), known)
