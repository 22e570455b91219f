"""The dead-man drill: withhold the heartbeat on purpose, watch the plant take over, and give it back.

    hold the site → withhold → local control seen → beat again → hand back → remote control seen

Nothing is proposed meanwhile. It is broken off at once when a rack gets warm, the plant is not seen
or somebody presses stop; beating again is always the first thing on the way out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.envelope import COOLER
from controller.guard import Purpose
from controller.holds import Hold, UnknownTarget
from controller.modes import Mode
from controller.parts import Parts
from controller.rollout import Drill
from controller.watchdog import DataState
from plant.commands import Command
from plant.errors import ConfigError
from plant.points import SITE, PointId
from plant.quantities import Quantity
from plant.snapshot import Snapshot

BEATS = 12
"""The plant must have taken over after so many missed beats (the usual is three to six), and as
long is waited for it to come back."""
LEAST_S = 240.0
"""But no less than this: a local controller looks at the heartbeat at its own pace."""
WHO = "drill"
_TOUCHED = frozenset(
    {
        Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT,
        Quantity.FAN_SPEED_SETPOINT,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT,
    }
)
"""What the plant is handed back by: a tenth of a degree harms nothing, a machine more or less might."""


@dataclass(frozen=True, slots=True)
class Watched:
    """How one half of the drill went: after how long, or why it was broken off."""

    after_s: float
    broken_off: str = ""


class DeadManDrill:
    """One drill at a time, on the whole site: there is one heartbeat."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def longest_s(self) -> float:
        """How long each half is waited for. [s]"""
        return max(BEATS * self._parts.site.safety.heartbeat_s, LEAST_S)

    def objection(self) -> str:
        """Why no drill can be held now, or nothing."""
        parts, authority = self._parts, self._parts.authority
        snapshot, now = parts.snapshot(), parts.clock.now()
        if not parts.site.points_with(Quantity.HEARTBEAT):
            return "the site has no heartbeat register"
        if not parts.site.points_with(Quantity.LOCAL_CONTROL):
            return "the site does not say whether its plant is in local control"
        if authority.modes.stopped is not None:
            return "the stop is latched"
        if authority.modes.chosen(SITE) is Mode.SHADOW:
            return "in shadow nothing may be written, and the plant is handed back by a write"
        if authority.modes.fallback_causes:
            return "the site is in fallback"
        if self._trouble(snapshot, now):
            return self._trouble(snapshot, now)
        local = _local(snapshot)
        if local is None:
            return "the plant does not say whether it is in local control"
        return "the plant is in local control already" if local else ""

    async def hold(self, by: str) -> Drill:
        """Hold a drill, and write down how it went.

        Raises
        ------
        ConfigError
            If none can be held now; then nothing was withheld and nothing is recorded.
        """
        against = self.objection()
        if against:
            raise ConfigError("drill", f"cannot be held: {against}", "mend that and ask again")
        authority, clock = self._parts.authority, self._parts.clock
        began = clock.now()
        hold = self._hold_site(by, began)
        authority.heartbeat.withhold("dead-man drill", who=WHO)
        try:
            taken = await self._watch(True, began)
        finally:
            authority.heartbeat.resume(who=WHO)
        resumed = clock.now()
        back = Watched(math.nan, taken.broken_off)
        try:
            await authority.heartbeat.beat()
            back = await self._watch(False, resumed, hand_back=True)
        finally:
            authority.holds.release(hold.id, by=by, at=clock.now())
        return self._written(by, taken, back)

    def _hold_site(self, by: str, at: datetime) -> Hold:
        until = at + timedelta(seconds=2 * self.longest_s)
        authority = self._parts.authority
        hold = authority.holds.place(SITE, reason="dead-man drill", by=by, at=at, until=until, drill=True)
        if isinstance(hold, UnknownTarget):
            raise ConfigError(
                "drill", "cannot be held: the site has no levers", "add levers to the site file"
            )
        authority.desk.withdraw(authority.holds.levers_of(SITE), at, "a dead-man drill is held")
        return hold

    async def _watch(self, local: bool, since: datetime, *, hand_back: bool = False) -> Watched:
        """Wait until the plant says it is in local (or remote) control."""
        clock = self._parts.clock
        stood, touch = _as_it_stands(self._parts.snapshot()), True
        while True:
            now, snapshot = clock.now(), self._parts.snapshot()
            passed_s = (now - since).total_seconds()
            if _local(snapshot) is local and _seen_at(snapshot) > since:
                if hand_back:
                    await self._write(snapshot, stood)
                return Watched((_seen_at(snapshot) - since).total_seconds())
            trouble = "" if hand_back else self._trouble(snapshot, now)
            if trouble or passed_s > self.longest_s:
                return Watched(math.nan, trouble or f"not after {passed_s:.0f} s")
            if hand_back:
                await self._write(snapshot, _a_touch_cooler(snapshot) if touch else stood)
                touch = not touch
            await clock.sleep_until(now + timedelta(seconds=self._step_s))

    @property
    def _step_s(self) -> float:
        return min((g.poll_s for g in self._parts.site.gateways), default=10.0)

    async def _write(self, snapshot: Snapshot, values: Mapping[PointId, float]) -> None:
        """A local controller waits for a setpoint before it hears us again.

        A value that a register holds already is not sent; so each is moved by the least that counts,
        towards more cooling, and back again.
        """
        commands = [Command(point, value) for point, value in values.items()]
        await self._parts.authority.writer.write(commands, snapshot=snapshot, purpose=Purpose.RENEW)

    def _trouble(self, snapshot: Snapshot, now: datetime) -> str:
        """What breaks a drill off."""
        authority = self._parts.authority
        if authority.modes.stopped is not None:
            return "the stop was pressed"
        for zone in self._parts.site.zones:
            if authority.watch.zone(zone.id, now) is not DataState.FRESH:
                return f"{zone.id} is not seen"
            if not snapshot.worst_inlet_c(zone.id) <= zone.limits.recommended_max_c:
                return f"{zone.id} is too warm"
        return ""

    def _written(self, by: str, taken: Watched, back: Watched) -> Drill:
        passed = not (math.isnan(taken.after_s) or math.isnan(back.after_s))
        took = taken.broken_off or f"after {taken.after_s:.0f} s"
        came = back.broken_off or f"after {back.after_s:.0f} s"
        note = f"the plant took local control: {took}; it came back: {came}"
        return self._parts.authority.rollout.record_drill(
            by=by, at=self._parts.clock.now(), passed=passed, took_over_after_s=taken.after_s, note=note
        )


def _as_it_stands(snapshot: Snapshot) -> dict[PointId, float]:
    """Every register that may be touched and can be seen."""
    points = [p for lever in snapshot.site.levers if lever.quantity in _TOUCHED for p in lever.points]
    return {point: snapshot.value(point) for point in points if not math.isnan(snapshot.value(point))}


def _a_touch_cooler(snapshot: Snapshot) -> dict[PointId, float]:
    """The same, each moved by its resolution: cooler, or where it is at its coolest, back."""
    stood = _as_it_stands(snapshot)
    moved: dict[PointId, float] = {}
    for lever in snapshot.site.levers:
        step = COOLER.get(lever.quantity, 0) * lever.resolution
        for point in (p for p in lever.points if p in stood):
            inside = lever.low <= stood[point] + step <= lever.high
            moved[point] = stood[point] + (step if inside else -step)
    return moved


def _local(snapshot: Snapshot) -> bool | None:
    """Whether every machine that says so is in local control; None if one does not say or they differ."""
    said = [snapshot.value(p.id) for p in snapshot.site.points_with(Quantity.LOCAL_CONTROL)]
    if not said or any(math.isnan(v) for v in said):
        return None
    if all(v >= 0.5 for v in said):
        return True
    return False if all(v < 0.5 for v in said) else None


def _seen_at(snapshot: Snapshot) -> datetime:
    return min(snapshot.reading(p.id).time for p in snapshot.site.points_with(Quantity.LOCAL_CONTROL))
