"""Following a switchback: in baseline blocks every lever goes back to as found and nothing is planned for it.

Two people started the schedule, so the way back needs no further approval; it is still judged by the
envelope, one move each control period, and goes out by the guard. Stop, fallback, holds and shadow stand
before it. In blocks under control the program does what it always does. What was applied is written down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.envelope import review
from controller.guard import Purpose
from controller.hot_zones import hot_zones
from controller.modes import SYSTEM, Mode
from controller.parts import Parts
from controller.reach import home_of
from controller.switchback_run import Run
from plant.commands import Command
from plant.points import SITE, OwnerId
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot
from reports.switchback import Arm
from reports.switchback_record import Applied


@dataclass
class SwitchbackArm:
    """Follows the schedule of a controller's book. Ask it in every round of acting."""

    parts: Parts
    _announced: tuple[str, int] | None = field(default=None, init=False)
    _last_move: datetime | None = field(default=None, init=False)
    _last_seen: tuple[Applied, str] | None = field(default=None, init=False)
    _seen_at: datetime | None = field(default=None, init=False)

    async def follow(self, snapshot: Snapshot, fallen: frozenset[OwnerId], at: datetime) -> Arm | None:
        """One round: begin a block, move towards as found, write down what is applied.

        Returns
        -------
        Arm or None
            What is to be run now. In `Arm.BASELINE` nothing that was approved may be carried out.
        """
        book = self.parts.authority.switchback
        run = book.running(at)
        number = None if run is None else run.schedule.block_at(at)
        if run is None or number is None:
            self._end(at)
            return None
        arm = run.schedule.blocks[number].arm
        self._begin(run, number, at)
        if arm is Arm.BASELINE:
            await self._back(snapshot, fallen, at)
        self._note(run, *self._applied(arm, snapshot, fallen, at), at)
        return arm

    def _begin(self, run: Run, number: int, at: datetime) -> None:
        if self._announced == (run.id, number):
            return
        authority = self.parts.authority
        if run.schedule.blocks[number].arm is Arm.BASELINE:
            authority.desk.withdraw(
                frozenset(self.parts.site.lever_by_id), at, "a baseline block of the switchback has begun"
            )
        authority.switchback.announce(run, number, at)
        self._announced = (run.id, number)

    def _end(self, at: datetime) -> None:
        """Say once that a schedule which was followed has come to its end."""
        self._show(None)
        latest, told = self.parts.authority.switchback.latest, self._announced
        self._announced = None
        if told is not None and latest is not None and latest.id == told[0] and latest.stopped_at is None:
            self.parts.authority.audit.record("switchback.ended", SYSTEM, {"run": latest.id}, at)

    async def _back(self, snapshot: Snapshot, fallen: frozenset[OwnerId], at: datetime) -> None:
        """The next move of every lever that is ours and off, once a control period."""
        period = timedelta(seconds=self.parts.cycle_s)
        if SITE in fallen or (self._last_move is not None and at - self._last_move < period):
            return
        commands = steps_back(self.parts.site, snapshot, at, self._barred(fallen, at))
        if not commands:
            return
        self._last_move = at
        receipts = await self.parts.authority.writer.write(
            commands, snapshot=snapshot, purpose=Purpose.SWITCHBACK
        )
        for receipt in receipts:
            self.parts.metrics.observe_command(type(receipt).__name__.lower())

    def _barred(self, fallen: frozenset[OwnerId], at: datetime) -> frozenset[LeverId]:
        """Levers that are not the schedule's to move: held, frozen, in shadow or in fallback."""
        theirs = frozenset(
            lv.id for lv in self.parts.site.levers if home_of(self.parts.site, lv.owner) in fallen
        )
        return self.parts.authority.closed(at) | theirs

    def _applied(
        self, arm: Arm, snapshot: Snapshot, fallen: frozenset[OwnerId], at: datetime
    ) -> tuple[Applied, str]:
        modes = self.parts.authority.modes
        mode = modes.effective(SITE)
        if SITE in fallen or mode in (Mode.FALLBACK, Mode.SHADOW):
            stop = "stopped" if modes.stopped is not None else f"the site is in {mode}"
            return Applied.INTERRUPTED, stop
        if arm is Arm.CONTROL:
            # A rescue or a hold in a block under control is part of what control costs.
            return Applied.CONTROL, ""
        off = levers_off(self.parts.site, snapshot)
        kept = sorted(off & self._barred(fallen, at))
        if kept:
            return Applied.INTERRUPTED, f"not as found and not ours to move: {', '.join(kept)}"
        return (Applied.MOVING, "") if off else (Applied.BASELINE, "")

    def _note(self, run: Run, applied: Applied, detail: str, at: datetime) -> None:
        """Once a control period, and at once when it changes."""
        due = self._seen_at is None or at - self._seen_at >= timedelta(seconds=self.parts.cycle_s)
        if not due and self._last_seen == (applied, detail):
            return
        self._last_seen, self._seen_at = (applied, detail), at
        self.parts.authority.switchback.observe(run, applied, detail, at)
        self._show(applied)

    def _show(self, applied: Applied | None) -> None:
        self.parts.metrics.observe_switchback(None if applied is None else applied.value)
        if applied is None:
            self._last_seen = self._seen_at = None


def levers_off(site: Site, snapshot: Snapshot) -> frozenset[LeverId]:
    """Levers of which some register is not, or not known to be, where the site had it before us."""
    return frozenset(v.id for v in site.levers if not _as_found(v, snapshot, v.resolution))


def steps_back(site: Site, snapshot: Snapshot, at: datetime, barred: frozenset[LeverId]) -> list[Command]:
    """The next writes towards as found: each register by itself, no further than the envelope lets it.

    A register may count as found within a resolution; the way back still goes all the way.
    """
    off = frozenset(v.id for v in site.levers if not _as_found(v, snapshot, v.resolution / 2)) - barred
    wanted = {lever.id: lever.as_found for lever in site.levers if lever.id in off}
    allowed = review(site, wanted, snapshot, at=at, held=barred)
    targets = {lever: change.after for lever, change in allowed.changes.items()}
    if not hot_zones(site, snapshot):
        # Units of one lever that stand apart around as found: their mean has nowhere to go, they have.
        targets |= {lever: wanted[lever] for lever in off - set(targets) if lever in allowed.setpoints}
    return [
        command
        for lever in site.levers
        if lever.id in targets
        for command in _moves(lever, targets[lever.id], snapshot)
    ]


def told(run: Run | None, applied: Applied | None, at: datetime) -> tuple[str, ...]:
    """One line about a schedule for whoever looks at the site; nothing where there is none."""
    if run is None:
        return ()
    schedule = run.schedule
    number = schedule.block_at(at)
    if number is None:
        return (f"switchback {run.id}: begins at {schedule.blocks[0].start.isoformat()}",)
    block = schedule.blocks[number]
    washout = "" if schedule.counts(at) else ", washout"
    state = "" if applied is None else f", {applied}"
    count = f"{number + 1} of {len(schedule.blocks)}"
    return (f"switchback {run.id}: {block.arm} block {count} until {block.end.isoformat()}{state}{washout}",)


def _as_found(lever: Lever, snapshot: Snapshot, within: float) -> bool:
    return all(abs(snapshot.value(point) - lever.as_found) <= within * (1 + 1e-6) for point in lever.points)


def _moves(lever: Lever, target: float, snapshot: Snapshot) -> list[Command]:
    moves = []
    for point in lever.points:
        present = snapshot.value(point)
        if math.isnan(present) or abs(target - present) < lever.resolution / 2:
            continue
        step = max(-lever.max_move, min(lever.max_move, target - present))
        moves.append(Command(point, lever.clamp(present + step)))
    return moves
