"""Metrics: the controller's state and worth in Prometheus' form, one registry a site.

What a snapshot or a plan says replaces what the last one said as a whole, so a sensor that died is
absent and not frozen. Counters only grow; actual and baseline are counted apart and subtracted by
whoever looks. `metrics_catalog` says what each name means.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from controller.alarm_catalog import Priority
from controller.contingency import TripOutcome
from controller.metrics_catalog import CATALOG, SITE_LABEL, Kind, Spec
from controller.metrics_market import FIGURE, market_amounts, market_zeros
from controller.metrics_pages import Pages, WithoutCreated
from controller.metrics_plant import Sample, plant_samples, setpoint_samples, site_samples
from controller.metrics_upkeep import Condition, alarm_samples, condition_samples, condition_totals
from controller.metrics_worth import Amount, account_amounts, baseline_samples, saving_samples, zeros
from plant.data_quality import DataQuality
from plant.forecast import CarbonSeries, Forecast, PriceSeries
from plant.plan import NoPlanCause, Plan, PlanOutcome, PlanStatus
from plant.points import OwnerId
from plant.setpoints import LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot
from reports.account import Account, combine
from reports.balance import MeterBalance
from reports.baseline_model import BaselineModel
from reports.figures import Figure
from reports.supplied import Supplied

MODES = ("fallback", "shadow", "advisory", "supervised")
OUTCOMES = (
    *("pending", "approved", "rejected", "expired", "superseded"),
    *("applied", "verified", "failed", "rolled_back", "refused"),
)
DECISIONS = (
    "approve",
    "reject",
    "hold",
    "release",
    "stop",
    "resume",
    "fallback",
    "mode_change",
    "limit_change",
)
RECEIPTS = ("confirmed", "mismatch", "refused", "unreachable")
APPLIED = ("none", "baseline", "moving", "control", "interrupted")
_INLET_LIMITS = ("inlet_recommended", "inlet_allowable")
_JOULES_PER_KWH = 3.6e6
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
        self._lasting = {s.short: _instrument(s, self._registry) for s in CATALOG.values() if _lasts(s)}
        self._pages: dict[str, tuple[Sample, ...]] = {"site": tuple(site_samples(site, version))}
        self._last: Snapshot | None = None
        self._beyond: set[tuple[str, OwnerId]] = set()
        self._accounted: Account | None = None
        self._told: dict[str, int] = {}
        self._compares = False
        self._registry.register(Pages(site.id, self._pages))
        self._begin_at_zero()

    def observe_snapshot(self, snapshot: Snapshot) -> None:
        """Show this snapshot, and count what it finds beyond a limit."""
        self._pages["plant"] = tuple(plant_samples(snapshot))
        self._count_violations(snapshot)
        self._last = snapshot

    def observe_heartbeat(self) -> None:
        """The controller is alive, now."""
        self._set("heartbeat_timestamp_seconds", (), self._wall_seconds())

    def observe_cycle(self, duration_s: float, *, failure: str | None = None) -> None:
        """A cycle ended after ``duration_s`` seconds; ``failure`` names why it did not complete."""
        self._inc("cycles_total", (), 1)
        self._observe("cycle_duration_seconds", (), duration_s)
        if failure is None:
            self._set("cycle_timestamp_seconds", (), self._wall_seconds())
        else:
            self._inc("cycle_failures_total", (failure,), 1)

    def observe_plan(self, outcome: PlanOutcome) -> None:
        """A planning attempt ended. Without a plan, what the last one predicted is not shown."""
        if outcome.solver is not None:
            for stage, seconds in outcome.solver.stage_s.items():
                self._observe("solve_duration_seconds", (stage,), seconds)
        if isinstance(outcome, Plan):
            self._inc("plans_total", (outcome.status.value,), 1)
            self._pages["plan"] = tuple(_plan_samples(self._site, outcome))
        else:
            self._inc("plan_failures_total", (outcome.cause.value,), 1)
            self._pages["plan"] = ()

    def observe_proposal(self, outcome: str) -> None:
        """A proposal entered this state (`pending` when it is made)."""
        self._inc("proposals_total", (outcome,), 1)

    def observe_pending(self, count: int) -> None:
        """How many proposals wait for a person now."""
        self._set("proposals_pending", (), count)

    def observe_decision(self, kind: str) -> None:
        """A person or the watchdog decided something (`approve`, `hold`, `mode_change`, …)."""
        self._inc("decisions_total", (kind,), 1)

    def observe_command(self, receipt: str) -> None:
        """A setpoint was written: `confirmed`, `mismatch`, `refused` or `unreachable`."""
        self._inc("commands_total", (receipt,), 1)

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
        kind = (carbon.kind.value, carbon.provider, str(carbon.synthetic).lower())
        found = (
            ("carbon_intensity_grams_per_joule", kind, carbon.grid, carbon.g_per_kwh),
            ("energy_price_per_joule", (price.currency,), price.grid, price.per_kwh),
        )
        samples = []
        for name, labels, grid, values in found:
            step = math.floor((at - grid.start).total_seconds() / grid.step_s)
            if 0 <= step < grid.steps and not math.isnan(values[step]):
                samples.append(Sample(name, labels, float(values[step]) / _JOULES_PER_KWH))
        self._pages["market"] = tuple(samples)
        known = any(sample.metric == "carbon_intensity_grams_per_joule" for sample in samples)
        self._begin_counting(carbon if known else None)

    def observe_feeds(self, outlook: Forecast) -> None:
        """Whose carbon and weather the last plan was asked with, and of what nature they are."""
        carbon, weather = outlook.carbon, outlook.weather
        self._pages["feeds"] = (
            Sample("feed_info", ("carbon", carbon.provider, carbon.nature.value, carbon.unit), 1.0),
            Sample("feed_info", ("weather", weather.provider, weather.nature.value, "°C"), 1.0),
        )

    def observe_baseline(self, model: BaselineModel | None) -> None:
        """Which baseline savings are told against, and how good it is."""
        self._compares = model is not None
        self._pages["baseline"] = tuple(baseline_samples(model))
        self._begin_counting(None)

    def observe_interval(self, account: Account) -> None:
        """Add one accounted interval. Each interval must be handed in once."""
        for amount in (*account_amounts(account), *market_amounts(account, self._supplied)):
            self._add(amount)
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
            self._inc(name, (), max(total - self._told.get(name, 0), 0))
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

    def _count_violations(self, snapshot: Snapshot) -> None:
        """Entering counts once; time beyond counts as long as snapshots follow each other."""
        since = self._since_last(snapshot)
        for zone in snapshot.site.zones:
            worst = snapshot.worst_inlet_c(zone.id)
            limits = (zone.limits.recommended_max_c, zone.limits.allowable_max_c)
            for name, limit in zip(_INLET_LIMITS, limits, strict=True):
                key = (name, zone.id)
                if not worst > limit:
                    self._beyond.discard(key)
                    continue
                if key in self._beyond:
                    self._inc("violation_seconds_total", (name, str(zone.id)), since)
                else:
                    self._inc("constraint_violations_total", (name, str(zone.id)), 1)
                self._beyond.add(key)

    def _since_last(self, snapshot: Snapshot) -> float:
        if self._last is None:
            return 0.0
        passed = (snapshot.time - self._last.time).total_seconds()
        return min(max(passed, 0.0), snapshot.site.safety.max_data_age_s)

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
                self._inc(name, (value,), 0)
        for zone in self._site.zones:
            for limit in _INLET_LIMITS:
                self._inc("constraint_violations_total", (limit, str(zone.id)), 0)
                self._inc("violation_seconds_total", (limit, str(zone.id)), 0)

    def _begin_counting(self, carbon: CarbonSeries | None) -> None:
        for amount in zeros(self._site.tariff.currency, carbon, compared=self._compares):
            self._add(amount)
        for amount in market_zeros(self._supplied, compared=self._compares):
            self._add(amount)

    def _add(self, amount: Amount) -> None:
        if amount.value < 0:
            self._inc("unexportable_total", (amount.figure,), 1)
        else:
            self._inc(amount.metric, amount.labels, amount.value)

    def _inc(self, name: str, labels: Sequence[str], amount: float) -> None:
        counter = self._lasting[name]
        assert isinstance(counter, Counter)
        counter.labels(self._site.id, *labels).inc(amount)

    def _set(self, name: str, labels: Sequence[str], value: float) -> None:
        gauge = self._lasting[name]
        assert isinstance(gauge, Gauge)
        gauge.labels(self._site.id, *labels).set(value)

    def _observe(self, name: str, labels: Sequence[str], value: float) -> None:
        histogram = self._lasting[name]
        assert isinstance(histogram, Histogram)
        histogram.labels(self._site.id, *labels).observe(value)


_LASTING_GAUGES = ("heartbeat_timestamp_seconds", "cycle_timestamp_seconds", "proposals_pending")


def _lasts(spec: Spec) -> bool:
    """Whether a metric keeps its value between observations instead of living on a page."""
    return spec.kind is not Kind.GAUGE or spec.short in _LASTING_GAUGES


def _instrument(spec: Spec, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = (SITE_LABEL, *spec.labels)
    match spec.kind:
        case Kind.COUNTER:
            return Counter(spec.name, spec.help, labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(spec.name, spec.help, labels, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(spec.name, spec.help, labels, registry=registry, buckets=spec.buckets)


def _input_samples(found: DataQuality) -> Iterable[Sample]:
    """What the plan was made from: how many readings of which standing, and the age of the oldest used."""
    for standing, count in (
        ("measured", found.measured),
        ("substituted", len(found.substituted)),
        ("suspect", len(found.suspect)),
        ("missing", len(found.missing)),
    ):
        yield Sample("plan_inputs", (standing,), float(count))
    if not math.isnan(found.oldest_s):
        yield Sample("plan_oldest_input_seconds", (), found.oldest_s)


def _plan_samples(site: Site, plan: Plan) -> Iterable[Sample]:
    """What a plan wants now and expects over its horizon."""
    yield from setpoint_samples(site, "plan", plan.first())
    yield Sample("plan_timestamp_seconds", (), plan.made_at.timestamp())
    if plan.solver.gap is not None and math.isfinite(plan.solver.gap):
        yield Sample("plan_gap_ratio", (), plan.solver.gap)
    yield from _input_samples(plan.data_quality)
    for zone, inlet in plan.prediction.worst_inlet_c.items():
        yield Sample("plan_worst_inlet_celsius", (str(zone),), float(inlet.max()))
    for name, prediction in (("chosen", plan.prediction), ("hold", plan.hold)):
        kwh = float(prediction.facility_kw.sum()) * plan.grid.step_h
        yield Sample("plan_energy_joules", (name,), kwh * _JOULES_PER_KWH)
