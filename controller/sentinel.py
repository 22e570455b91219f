"""The sentinel: turns what the plant and our own actions show into alarms, without crying wolf.

A temperature must stay over its limit for a minute before it is an alarm, and come a little below
it before the alarm clears (ISA-18.2: delay 60 s, deadband 1 % of span, here 0.3 K of 30 K).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.alarms import AlarmBook, AlarmKind
from controller.contingency import TripOutcome
from controller.execution import Execution, Outcome
from controller.modes import ModeKeeper
from controller.proposals import Proposal, ProposalStatus
from controller.watchdog import DataState
from plant.points import OwnerId, PointId
from plant.site import Site, Zone
from plant.snapshot import Snapshot

DELAY_S = 60.0
DEADBAND_K = 0.3


@dataclass(slots=True)
class _Latch:
    """A condition with delay and deadband."""

    since: datetime | None = None
    standing: bool = False

    def update(self, over: bool, clearly_under: bool, at: datetime) -> bool:
        if over:
            self.since = self.since or at
            self.standing = self.standing or (at - self.since).total_seconds() >= DELAY_S
        else:
            self.since = None
            self.standing = self.standing and not clearly_under
        return self.standing


class Sentinel:
    """Watches and raises. Call each method whenever there is something new to see."""

    def __init__(self, alarms: AlarmBook, site: Site) -> None:
        self._alarms = alarms
        self._site = site
        self._latches: dict[tuple[AlarmKind, OwnerId], _Latch] = {}

    def adopt(self, site: Site) -> None:
        """People changed a limit: from now on it counts."""
        self._site = site

    def plant(self, snapshot: Snapshot, at: datetime, *, echoed: bool | None = None) -> None:
        """Inlets against their limits, the heartbeat's echo."""
        for zone in self._site.zones:
            self._inlet(zone, snapshot, at)
        if echoed is not None:
            detail = "the plant does not echo our count"
            self._alarms.hold_to(AlarmKind.HEARTBEAT_LOST, "site", not echoed, detail, at)

    def data(self, zones: Mapping[OwnerId, DataState], modes: ModeKeeper, at: datetime) -> None:
        """Zones that are not seen, the stop, and the reasons for fallback."""
        for zone, state in zones.items():
            stale = state is not DataState.FRESH
            self._alarms.hold_to(AlarmKind.STALE_DATA, zone, stale, f"its sensors are not seen ({state})", at)
        stop = modes.stopped
        detail = "" if stop is None else f"{stop.by}: {stop.reason}"
        self._alarms.hold_to(AlarmKind.STOPPED, "site", stop is not None, detail, at)

    def executed(self, execution: Execution, at: datetime) -> None:
        """A change that could not be made, or not be undone."""
        match execution.outcome:
            case Outcome.ROLLED_BACK:
                self._alarms.raise_(AlarmKind.WRITE_FAILED, execution.proposal_id, execution.reason, at)
            case Outcome.FAILED:
                self._alarms.raise_(AlarmKind.ROLLBACK_FAILED, execution.proposal_id, execution.reason, at)
            case _:
                return

    def settled(self, proposals: Iterable[Proposal], at: datetime) -> None:
        """A plant that did not keep what was written."""
        for p in proposals:
            if p.status is ProposalStatus.FAILED:
                self._alarms.raise_(AlarmKind.SETPOINT_MOVED, p.id, p.note or "", at)

    def renewed(self, lost: Iterable[PointId], at: datetime) -> None:
        """Registers that somebody else moved."""
        for point in lost:
            self._alarms.raise_(AlarmKind.SETPOINT_MOVED, point, "it was moved by someone else", at)

    def spare(self, outcomes: Iterable[TripOutcome], at: datetime) -> None:
        """Each zone's worst trip. Of a zone that is not told of, what stood stands."""
        for outcome in outcomes:
            latch = self._latches.setdefault((AlarmKind.NO_SPARE, outcome.zone), _Latch())
            standing = latch.update(outcome.margin_k < 0, outcome.margin_k > DEADBAND_K, at)
            self._alarms.hold_to(AlarmKind.NO_SPARE, outcome.zone, standing, outcome.sentence, at)

    def store(self, reachable: bool, at: datetime) -> None:
        """Whether the database answers."""
        self._alarms.hold_to(
            AlarmKind.STORE_LOST, "site", not reachable, "the database cannot be reached", at
        )

    def _inlet(self, zone: Zone, snapshot: Snapshot, at: datetime) -> None:
        worst = snapshot.worst_inlet_c(zone.id)
        if worst != worst:
            return  # not seen is another alarm; one that stands does not clear by itself
        limits = zone.limits
        for kind, limit_c in (
            (AlarmKind.INLET_RECOMMENDED, limits.recommended_max_c),
            (AlarmKind.INLET_ALLOWABLE, limits.allowable_max_c),
        ):
            latch = self._latches.setdefault((kind, zone.id), _Latch())
            standing = latch.update(worst > limit_c, worst < limit_c - DEADBAND_K, at)
            detail = f"worst inlet {worst:.1f} °C, limit {limit_c:.1f} °C"
            self._alarms.hold_to(kind, zone.id, standing, detail, at)
