"""What no reading tells: since when how many machines run, and how much work waits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from optimizer.economizer_watch import EconomizerWatch
from optimizer.machines import UNKNOWN, Machines
from optimizer.waiting import CATCH_UP_H
from plant.quantities import Quantity
from plant.setpoints import LeverId
from plant.site import EquipmentKind
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class Running:
    """Chillers running, and seconds since the last of them was started and stopped (None: not seen)."""

    chillers: float = 0.0
    started_s_ago: float | None = None
    stopped_s_ago: float | None = None
    waiting_kwh: Mapping[LeverId, float] = field(default_factory=dict)
    """Work that was put off and not run yet, by lever."""
    machines: Machines = UNKNOWN
    """What is known to run; `chillers` above is 0 where nobody says."""


@dataclass
class RunClock:
    """Watches snapshots go by. A start nobody saw counts as long ago: the PLC keeps its own times too."""

    _last: float | None = None
    _started: datetime | None = None
    _stopped: datetime | None = None
    _waiting: dict[LeverId, float] = field(default_factory=dict)
    _seen: datetime | None = None
    economizer: EconomizerWatch = field(default_factory=EconomizerWatch)

    def observe(self, snapshot: Snapshot) -> Running:
        """Count the machines of a snapshot, what changed since the last one, and the work that waits."""
        self._wait(snapshot)
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
        return Running(count or 0.0, ago(self._started), ago(self._stopped), dict(self._waiting), known)

    def _wait(self, snapshot: Snapshot) -> None:
        """Nobody measures what waits: it is reckoned from where its lever stood."""
        hours = 0.0
        if self._seen is not None:
            hours = max((snapshot.time - self._seen).total_seconds(), 0.0) / 3600
        self._seen = snapshot.time
        for lever in snapshot.site.levers:
            if lever.quantity is not Quantity.DEFERRED_IT_POWER_SETPOINT:
                continue
            put_off, waited = snapshot.lever_value(lever), self._waiting.get(lever.id, 0.0)
            if put_off > 0:
                self._waiting[lever.id] = waited + hours * put_off
            else:
                self._waiting[lever.id] = waited * float(np.exp(-hours / CATCH_UP_H))
