"""What the API needs from the rest of the program, handed in once by `wiring`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from controller.alarms import AlarmBook
from controller.api.events import EventBus
from controller.audit import AuditLog
from controller.auth import TokenBook
from controller.holds import HoldBook
from controller.jobs import JobBook
from controller.limits import LimitBook
from controller.modes import ModeKeeper
from controller.oidc import OidcVerifier
from controller.proposals import ApprovalDesk
from controller.rollout import Rollout
from controller.standing import StandingApprovals
from controller.status import Readiness, SiteStatus
from controller.store import Store
from controller.webhooks import Webhooks
from plant.ports import Clock
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class ApiDeps:
    """Everything the routes use.

    Attributes
    ----------
    clock, wall
        Plant time (perhaps simulated) for decisions, the real time for the life of tokens.
    snapshot
        The last snapshot, or None before the first; approvals are checked against it.
    status, readiness, metrics
        What the cycle knows; `metrics` gives the page and its content type.
    stopping
        Set when the service ends, so that event streams end too.
    nudge
        Called after anything that the cycle should look at soon (a decision, a stop, a hold).
    """

    site: Site
    clock: Clock
    wall: Clock
    store: Store
    audit: AuditLog
    desk: ApprovalDesk
    modes: ModeKeeper
    holds: HoldBook
    standing: StandingApprovals
    alarms: AlarmBook
    limits: LimitBook
    rollout: Rollout
    jobs: JobBook
    webhooks: Webhooks
    tokens: TokenBook
    snapshot: Callable[[], Snapshot | None]
    status: Callable[[], SiteStatus | None]
    readiness: Callable[[], Readiness]
    metrics: Callable[[], tuple[bytes, str]]
    events: EventBus
    stopping: asyncio.Event
    nudge: Callable[[], None] = lambda: None
    replan: Callable[[], None] = lambda: None
    """Called after what may be moved has changed (a hold, a limit, a mode): the cycle thinks again now."""
    drill_objection: Callable[[], str] = lambda: ""
    oidc: OidcVerifier | None = None
    """Checks bearer tokens of the site's identity provider; None: only our own tokens are taken."""
    requests_per_minute: int = 600
    failures_per_minute: int = 30
    ticker: Callable[[], float] = field(default=time.monotonic)
    """Seconds for the rate limit."""
