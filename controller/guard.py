"""The guard: the only way to a plant register. It trusts nobody, the envelope included.

Written apart from `envelope` on purpose: range, speed and role are checked a second time, from the
site file and the plant's own read-back, for whatever reaches the wire and whoever sent it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from controller.command_record import (
    EPSILON,
    CommandBook,
    CommandRecord,
    Purpose,
    Stood,
    commands_of,
    stood_before,
)
from controller.process import borne_out
from controller.run_limits import moves_machines, start_objection
from controller.store import Store
from plant.commands import Command, Receipt, Refused
from plant.points import PointId
from plant.ports import Clock, PointWriter
from plant.quantities import Quantity, Role
from plant.setpoints import Lever
from plant.site import Site
from plant.snapshot import Snapshot

__all__ = ["CommandRecord", "GuardedWriter", "Purpose", "at_target", "commands_of"]

PERIOD_SHARE = 0.9
"""A control period may come this much early before its moves add to the last one's."""


_WHILE_STOPPED = frozenset({Purpose.FALLBACK, Purpose.ROLLBACK, Purpose.RESCUE, Purpose.PUT_BACK})
_PIECE_BY_PIECE = _WHILE_STOPPED | {Purpose.RENEW, Purpose.SWITCHBACK}
_WITHOUT_RECORD = _WHILE_STOPPED
_ONCE_A_PERIOD = frozenset({Purpose.PROPOSAL, Purpose.SWITCHBACK})
"""What may wait for its turn: a register is moved once in a control period, so that nothing hunts."""
RESCUE_MOVES = 4.0
"""How many control periods' moves a rescue may make in one. 2 K of supply air in five minutes at the usual
pace, for the 4 K or so there are to go: ASHRAE TC 9.9 asks racks to change by no more than 5 K in 15 min."""
_MORE_COOLING_IS_UP = frozenset({Quantity.FAN_SPEED_SETPOINT, Quantity.CHILLERS_ENABLED_SETPOINT})
_MORE_COOLING_IS_DOWN = frozenset(
    {
        Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT,
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT,
        Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT,
    }
)
"""Of what is in neither nobody knows beforehand which way it cools: a rescue leaves it alone."""


class GuardedWriter:
    """Checks, records and then writes. Every refusal is a receipt and reaches no wire."""

    def __init__(
        self,
        writer: PointWriter,
        site: Site,
        clock: Clock,
        store: Store,
        *,
        stopped: Callable[[], bool],
        period_s: float = 300.0,
        taken: Callable[[], frozenset[PointId]] = frozenset,
    ) -> None:
        self._writer = writer
        self._site = site
        self._clock = clock
        self._store = store
        self._book = CommandBook(store)
        self._stopped = stopped
        self._taken = taken
        self._period = timedelta(seconds=period_s * PERIOD_SHARE)
        self._levers: Mapping[PointId, Lever] = {p: lv for lv in site.levers for p in lv.points}
        self._stood = stood_before(store, clock.now() - self._period)
        self._wire = asyncio.Lock()
        self.unrecorded = 0
        """Writes that went out while the store could not be reached (fallback and rollback only)."""

    async def write(
        self,
        commands: Sequence[Command],
        *,
        snapshot: Snapshot,
        purpose: Purpose,
        proposal: str | None = None,
    ) -> list[Receipt]:
        """Write what may be written, one receipt for each command, in order.

        A proposal or a renewal is refused whole if any part of it is; fallback and rollback do what they can.
        """
        async with self._wire:
            now = self._clock.now()
            refusals = [self._objection(c, snapshot, purpose, now) for c in commands]
            if purpose not in _PIECE_BY_PIECE and any(refusals):
                whole = next(r for r in refusals if r)
                refusals = [r or f"another part was refused ({whole})" for r in refusals]
            going = [c for c, refusal in zip(commands, refusals, strict=True) if not refusal]
            ids = self._book.intend(going, snapshot, purpose, proposal, now)
            if ids is None:
                refusals = [
                    r or self._off_the_record(c, snapshot, purpose)
                    for c, r in zip(commands, refusals, strict=True)
                ]
                going = [c for c, refusal in zip(commands, refusals, strict=True) if not refusal]
            self._note_where(going, snapshot, now)
            written = iter(await self._writer.write(going) if going else [])
            receipts = [
                Refused(c, refusal) if refusal else next(written)
                for c, refusal in zip(commands, refusals, strict=True)
            ]
            told = [r for r, refusal in zip(receipts, refusals, strict=True) if not refusal]
            if ids is None or (ids and not self._book.finish(ids, told, self._clock.now())):
                self.unrecorded += len(going)
            return receipts

    def ready(self, points: Iterable[PointId]) -> bool:
        """Whether a whole control period has passed since these points were last moved."""
        now = self._clock.now()
        return not any(self._stood_lately(point, now) for point in points)

    async def beat(self, count: int) -> Receipt | None:
        """Write the heartbeat counter; None where the site has no heartbeat point."""
        points = self._site.points_with(Quantity.HEARTBEAT)
        if not points:
            return None
        command = Command(points[0].id, float(count))
        if not 0 <= count <= 65_535:
            return Refused(command, "a heartbeat is a 16-bit count")
        async with self._wire:
            return (await self._writer.write([command]))[0]

    def _objection(self, command: Command, snapshot: Snapshot, purpose: Purpose, now: datetime) -> str:
        """Why this command may not go out, or nothing."""
        lever = self._levers.get(command.point)
        point = self._site.point_by_id.get(command.point)
        if lever is None or point is None or point.role is not Role.SETPOINT:
            return "it is not a setpoint of this site"
        if not math.isfinite(command.value):
            return "it is not a number"
        if command.point in self._taken():
            return "people have taken it into local control"
        present = snapshot.value(command.point)
        # What is undone goes to where it stood only if that is inside: the way back leads one way.
        returning = purpose is not Purpose.ROLLBACK and (
            _returns(lever, command.value, present) and borne_out(self._site, lever, present, snapshot)
        )
        if not (lever.low - EPSILON <= command.value <= lever.high + EPSILON or returning):
            return f"{command.value:g} is outside {lever.low:g} to {lever.high:g}"
        if self._stopped() and purpose not in _WHILE_STOPPED:
            return "the stop is latched"
        age_s = (now - snapshot.time).total_seconds()
        if abs(age_s) > self._site.safety.max_data_age_s:
            return f"the plant was last seen {age_s:.0f} s ago"
        return self._too_far(command, lever, snapshot, purpose, now) or start_objection(
            self._store, self._site, lever, command.point, present, command.value, now
        )

    def _off_the_record(self, command: Command, snapshot: Snapshot, purpose: Purpose) -> str:
        """Why this command may not go out while the database cannot be reached, or nothing."""
        lever, present = self._levers[command.point], snapshot.value(command.point)
        # A start that nobody wrote down would not count against the next one.
        counted = moves_machines(self._site, lever, present, command.value)
        return "it could not be recorded first" if counted or purpose not in _WITHOUT_RECORD else ""

    def _too_far(
        self, command: Command, lever: Lever, snapshot: Snapshot, purpose: Purpose, now: datetime
    ) -> str:
        present = snapshot.value(command.point)
        if math.isnan(present):
            return "its present position is not known"
        reach = lever.max_move
        if purpose is Purpose.RESCUE:
            up, down = lever.quantity in _MORE_COOLING_IS_UP, lever.quantity in _MORE_COOLING_IS_DOWN
            if not ((up and command.value > present) or (down and command.value < present)):
                return "a rescue only cools"
        if purpose in (Purpose.RESCUE, Purpose.PUT_BACK):
            reach *= RESCUE_MOVES
        # From everywhere it stood within the period: to and fro and on would add up else.
        starts = [present, *(s.value for s in self._stood_lately(command.point, now))]
        move = max(abs(command.value - start) for start in starts)
        if move > reach + EPSILON:
            return f"a move of {move:g} is more than {reach:g} in one control period"
        moved = [s.at for s in self._stood_lately(command.point, now)]
        if purpose in _ONCE_A_PERIOD and moved and abs(command.value - present) > EPSILON:
            return f"it was moved {(now - max(moved)).total_seconds():.0f} s ago, less than a control period"
        return ""

    def _stood_lately(self, point: PointId, now: datetime) -> list[Stood]:
        """Where a point stood when it was written within the control period that ends now."""
        return [s for s in self._stood.get(point, ()) if now - s.at < self._period]

    def _note_where(self, going: Sequence[Command], snapshot: Snapshot, now: datetime) -> None:
        for command in going:
            here = Stood(snapshot.value(command.point), now)
            # A renewal of a value that stands moves nothing: it begins no period. Nor is what a failed change
            # held until it was undone in the same round a place it stood: fallback would have to wait for it.
            if abs(here.value - command.value) > EPSILON:
                self._stood[command.point] = [*self._stood_lately(command.point, now), here]


def at_target(value: float, target: float, lever: Lever) -> bool:
    """Whether a register holds a value as well as its resolution allows."""
    return abs(value - target) <= lever.resolution / 2 + 1e-9


def _returns(lever: Lever, value: float, present: float) -> bool:
    """Whether a value outside the range is on the way back to it, from further out than one move."""
    if value > lever.high:
        return present > lever.high + lever.max_move and value <= present + EPSILON
    return present < lever.low - lever.max_move and value >= present - EPSILON
