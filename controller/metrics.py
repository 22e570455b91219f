"""Metrics: the controller's state and worth in Prometheus' form, one registry a site.

What a snapshot or a plan says replaces what the last one said as a whole, so a sensor that died is
absent and not frozen. Counters only grow; actual and baseline are counted apart and subtracted by
whoever looks. `metrics_catalog` says what each name means.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from controller.alarm_catalog import Priority
from controller.contingency import TripOutcome
from controller.metrics_lasting import Lasting
from controller.metrics_market import FIGURE, market_amounts, market_zeros
from controller.metrics_pages import Pages, WithoutCreated
from controller.metrics_plan import INTENSITY, feed_samples, market_samples, plan_samples
from controller.metrics_plant import plant_samples, setpoint_samples, site_samples
from controller.metrics_sample import Sample
from controller.metrics_upkeep import Condition, alarm_samples, condition_samples, condition_totals
from controller.metrics_violations import Violations, no_violations
from controller.metrics_words import APPLIED, DECISIONS, MODES, OUTCOMES, RECEIPTS
from controller.metrics_worth import account_amounts, baseline_samples, saving_samples, zeros
from plant.forecast import CarbonSeries, Forecast, PriceSeries
from plant.plan import NoPlanCause, Plan, PlanOutcome, PlanStatus
from plant.points import OwnerId
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot
from reports.account_record import Account, combine
from reports.balance import MeterBalance
from reports.baseline_model import BaselineModel
from reports.figures import Figure
from reports.supplied import Supplied

_NOTHING_SUPPLIED = Supplied()


class Metrics:
    """One site's metrics. Not tied to any thread; a scrape sees whole snapshots only.

    Parameters
    ----------
    site : Site
    version : str
        Of the program, for `coolwright_build_info`.
    wall_seconds : callable
        Seconds since the epoch by the wall clock. Heartbeat and cycle times use it, so that
        ``time() - x`` holds in Prometheus while the site's own clock runs fast or is simulated.
    supplied : Supplied
        The operator's contracts, for market-based carbon; empty where there are none.
    """

    def __init__(
        self,
        site: Site,
        *,
        version: str = "0",
        wall_seconds: Callable[[], float] = time.time,
        supplied: Supplied = _NOTHING_SUPPLIED,
    ) -> None:
        self._site = site
        self._supplied = supplied
        self._wall_seconds = wall_seconds
        self._registry = CollectorRegistry()
        self._lasting = Lasting(site.id, self._registry)
        self._pages: dict[str, tuple[Sample, ...]] = {"site": tuple(site_samples(site, version))}
        self._violations = Violations()
        self._accounted: Account | None = None
        self._told: dict[str, int] = {}
        self._compares = False
        self._registry.register(Pages(site.id, self._pages))
        self._begin_at_zero()

    def observe_snapshot(self, snapshot: Snapshot) -> None:
        """Show this snapshot, and count what it finds beyond a limit."""
        self._pages["plant"] = tuple(plant_samples(snapshot))
        self._lasting.add(self._violations.seen(snapshot))

    def observe_heartbeat(self) -> None:
        """The controller is alive, now."""
        self._lasting.put("heartbeat_timestamp_seconds", self._wall_seconds())

    def observe_cycle(self, duration_s: float, *, failure: str | None = None) -> None:
        """A cycle ended after ``duration_s`` seconds; ``failure`` names why it did not complete."""
        self._lasting.count("cycles_total")
        self._lasting.time("cycle_duration_seconds", duration_s)
        if failure is None:
            self._lasting.put("cycle_timestamp_seconds", self._wall_seconds())
        else:
            self._lasting.count("cycle_failures_total", (failure,))

    def observe_plan(self, outcome: PlanOutcome) -> None:
        """A planning attempt ended. Without a plan, what the last one predicted is not shown."""
        if outcome.solver is not None:
            for stage, seconds in outcome.solver.stage_s.items():
                self._lasting.time("solve_duration_seconds", seconds, (stage,))
        if isinstance(outcome, Plan):
            self._lasting.count("plans_total", (outcome.status.value,))
            self._pages["plan"] = tuple(plan_samples(self._site, outcome))
        else:
            self._lasting.count("plan_failures_total", (outcome.cause.value,))
            self._pages["plan"] = ()

    def observe_proposal(self, outcome: str) -> None:
        """A proposal entered this state (`pending` when it is made)."""
        self._lasting.count("proposals_total", (outcome,))

    def observe_pending(self, count: int) -> None:
        """How many proposals wait for a person now."""
        self._lasting.put("proposals_pending", count)

    def observe_decision(self, kind: str) -> None:
        """A person or the watchdog decided something (`approve`, `hold`, `mode_change`, …)."""
        self._lasting.count("decisions_total", (kind,))

    def observe_command(self, receipt: str) -> None:
        """A setpoint was written: `confirmed`, `mismatch`, `refused` or `unreachable`."""
        self._lasting.count("commands_total", (receipt,))

    def observe_setpoints(self, source: str, setpoints: Setpoints) -> None:
        """Where ``source`` (for example `approved`) wants the levers; replaces what it wanted."""
        self._pages[f"setpoints of {source}"] = tuple(setpoint_samples(self._site, source, setpoints))

    def observe_leases(self, expiries: Mapping[LeverId, datetime]) -> None:
        """Until when each written setpoint is ours; levers not named have no lease."""
        self._pages["leases"] = tuple(
            Sample("lease_expiry_timestamp_seconds", (str(lever),), at.timestamp())
            for lever, at in expiries.items()
        )

    def observe_trips(self, trips: Iterable[TripOutcome]) -> None:
        """What is left if a machine trips: each zone's worst."""
        self._pages["trips"] = tuple(
            Sample("trip_margin_kelvin", (str(t.zone), str(t.unit)), t.margin_k) for t in trips
        )

    def observe_modes(self, modes: Mapping[OwnerId, str]) -> None:
        """Mode of each zone; ``site`` is an owner too."""
        self._pages["modes"] = tuple(
            Sample("mode", (str(zone), mode), float(mode == now))
            for zone, now in modes.items()
            for mode in MODES
        )

    def observe_switchback(self, applied: str | None) -> None:
        """What a switchback applies now; None while no schedule holds."""
        self._pages["switchback"] = tuple(
            Sample("switchback_applied", (word,), float(word == (applied or "none"))) for word in APPLIED
        )

    def observe_market(self, at: datetime, carbon: CarbonSeries, price: PriceSeries) -> None:
        """Carbon intensity and price at an instant; absent where the feeds have a gap."""
        self._pages["market"] = tuple(market_samples(at, carbon, price))
        known = any(sample.metric == INTENSITY for sample in self._pages["market"])
        self._begin_counting(carbon if known else None)

    def observe_feeds(self, outlook: Forecast) -> None:
        """Whose carbon and weather the last plan was asked with, and of what nature they are."""
        self._pages["feeds"] = tuple(feed_samples(outlook))

    def observe_baseline(self, model: BaselineModel | None) -> None:
        """Which baseline savings are told against, and how good it is."""
        self._compares = model is not None
        self._pages["baseline"] = tuple(baseline_samples(model))
        self._begin_counting(None)

    def observe_interval(self, account: Account) -> None:
        """Add one accounted interval. Each interval must be handed in once."""
        self._lasting.add(account_amounts(account))
        self._lasting.add(market_amounts(account, self._supplied))
        before = self._accounted
        if before is None or before.carbon.kind is not account.carbon.kind:
            self._accounted = account
        elif account.start >= before.end:
            self._accounted = combine([before, account])
        self._pages["saving"] = tuple(saving_samples(self._accounted or account))

    def observe_condition(self, condition: Condition) -> None:
        """How the program's own senses and memory are."""
        self._pages["condition"] = tuple(condition_samples(condition))
        for name, total in condition_totals(condition).items():
            self._lasting.count(name, (), max(total - self._told.get(name, 0), 0))
            self._told[name] = total

    def observe_balance(self, balance: MeterBalance) -> None:
        """What goes in at each meter and is not seen to come out, over the last day; absent if unknown."""
        self._pages["balance"] = tuple(
            Sample("meter_residual_ratio", (line.name,), line.residual_share)
            for line in balance
            if not math.isnan(line.residual_share)
        )

    def observe_alarms(self, priorities: Iterable[Priority]) -> None:
        """The priorities of the alarms that stand."""
        self._pages["alarms"] = tuple(alarm_samples(priorities))

    def render(self) -> tuple[bytes, str]:
        """The page a scrape gets, and its content type."""
        return generate_latest(WithoutCreated(self._registry)), CONTENT_TYPE_PLAIN_0_0_4

    def _begin_at_zero(self) -> None:
        """Known label values exist from the start: a rate over nothing and a rate of zero differ."""
        for name, values in (
            ("plans_total", [s.value for s in PlanStatus]),
            ("plan_failures_total", [c.value for c in NoPlanCause]),
            ("proposals_total", OUTCOMES),
            ("decisions_total", DECISIONS),
            ("commands_total", RECEIPTS),
            ("cost_debit_total", (self._site.tariff.currency,)),
            ("cost_credit_total", (self._site.tariff.currency,)),
            ("unexportable_total", [*(f.value for f in Figure), FIGURE]),
        ):
            for value in values:
                self._lasting.count(name, (value,), 0)
        self._lasting.add(no_violations(self._site))

    def _begin_counting(self, carbon: CarbonSeries | None) -> None:
        self._lasting.add(zeros(self._site.tariff.currency, carbon, compared=self._compares))
        self._lasting.add(market_zeros(self._supplied, compared=self._compares))
