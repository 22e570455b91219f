"""The assembled parts of a controller, grouped by what they are for. `wiring` builds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.alarms import AlarmBook
from controller.audit import AuditLog
from controller.confidence import doubts, narrowing
from controller.contingency import TripCheck
from controller.envelope import Range
from controller.fallback import FallbackController
from controller.guard import GuardedWriter
from controller.holds import HoldBook
from controller.lever_truth import LeverTruth
from controller.limits import LimitBook
from controller.metrics import Metrics
from controller.modes import ModeKeeper
from controller.outlook import Outlook
from controller.planner import Planner
from controller.proposals import ApprovalDesk
from controller.rescue import Rescue
from controller.rollout import Rollout
from controller.run_limits import start_ranges
from controller.sentinel import Sentinel
from controller.store import Store
from controller.switchback import SwitchbackBook
from controller.takeover import Takeover
from controller.watchdog import DataWatch, Heartbeat
from optimizer.identify.drift import Drift
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.ports import Clock
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class Authority:
    """Who may do what: everything that can only narrow what the optimizer wants."""

    store: Store
    audit: AuditLog
    modes: ModeKeeper
    holds: HoldBook
    desk: ApprovalDesk
    alarms: AlarmBook
    writer: GuardedWriter
    heartbeat: Heartbeat
    watch: DataWatch
    fallback: FallbackController
    rescue: Rescue
    sentinel: Sentinel
    truth: LeverTruth
    rollout: Rollout
    limits: LimitBook
    switchback: SwitchbackBook
    takeover: Takeover

    def closed(self, at: datetime) -> frozenset[LeverId]:
        """Levers nothing may be proposed for: held, frozen, or in a zone without authority."""
        return self.barred(at) | self.modes.closed_levers() | self.limits.closed_levers()

    def barred(self, at: datetime) -> frozenset[LeverId]:
        """Levers nothing of ours may be written to: held or taken by a person, or frozen as backwards."""
        return self.kept(at) | self.truth.backwards

    def kept(self, at: datetime) -> frozenset[LeverId]:
        """Levers in people's hands: held, or taken into local control."""
        return self.holds.levers(at) | self.takeover.levers


@dataclass
class Parts:
    """One controller of one site. `snapshot` gives the site as it is now.

    `outlook` and `planner` are replaced as a whole when the plant was learned anew, `site` (and the
    planner) when people changed a limit.
    """

    site: Site
    clock: Clock
    cycle_s: float
    snapshot: Callable[[], Snapshot]
    outlook: Outlook
    planner: Planner
    authority: Authority
    metrics: Metrics
    model: PlantModel | None = None
    """What was learned of the plant, for the supervisor's own reckoning."""

    distrusted: frozenset[LeverId] = frozenset()
    """Levers whose last change could not be undone: closed until the wire is proven again."""

    drifted: Callable[[], tuple[Drift, ...]] = tuple
    """Laws of the model that the plant no longer keeps to."""

    def narrowed(
        self, outlook: Forecast | None, snapshot: Snapshot, at: datetime
    ) -> tuple[Mapping[LeverId, Range], ...]:
        """What frozen levers, run limits and doubts leave of each lever, at proposing and execution alike."""
        frozen = self.authority.truth.only_cooler(snapshot)
        limited = start_ranges(self.authority.store, self.site, snapshot, at)
        starts = {name: Range(*limit) for name, limit in limited.items()}
        if outlook is None:
            return frozen, starts  # a decision from before a restart, and no cycle since
        found = doubts(self.site, self.model, outlook, snapshot, at, self.drifted())
        return frozen, starts, narrowing(self.site, snapshot, found)

    @property
    def trips(self) -> TripCheck:
        """What would be if a machine tripped, by the limits in force."""
        return TripCheck(self.site, self.model)
