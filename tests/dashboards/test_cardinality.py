"""How many series a site costs: a budget by its size, kept by the demo site and by a hall of 100 zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from made_up_metrics import START, constant_feeds, feed, typical_condition, typical_plan, typical_snapshot
from prometheus_client.parser import text_string_to_metric_families

from controller.alarm_catalog import Priority
from controller.metrics import Metrics
from controller.metrics_words import MODES
from plant.points import SITE, OwnerId, PointId
from plant.setpoints import LeverId
from plant.site import Site
from reports.account_record import Account
from reports.baseline import BaselineModel

FIXED = 420
"""What any site costs: cycles, plans, histograms, savings by figure, decisions, alarms."""


@dataclass(frozen=True)
class Budget:
    """Series a site may cost, by what it is made of."""

    points: int
    levers: int
    zones: int
    machines: int

    @classmethod
    def of(cls, site: Site) -> Budget:
        return cls(len(site.points), len(site.levers), len(site.zones), len(site.equipment))

    @property
    def series(self) -> int:
        # a point: its value, whether it may be used, when it was read; a lever: five sources and a lease;
        # a zone: limits, modes, margins, violations, prediction; a machine: nothing of its own
        return FIXED + 3 * self.points + 6 * self.levers + 16 * self.zones


def series(metrics: Metrics) -> Counter[str]:
    text = metrics.render()[0].decode()
    return Counter(s.name for family in text_string_to_metric_families(text) for s in family.samples)


def hundred_zones(site: Site) -> Site:
    """The demo site's first zone with its machines, points and levers a hundred times, and one plant."""
    first = site.zones[0].id
    crahs = [e for e in site.equipment if e.zone == first]
    shared = {SITE, *(e.id for e in site.equipment if e.zone is None)}
    owners = {first, *(e.id for e in crahs)}

    def renamed(name: str, n: int) -> str:
        return f"z{n}.{name}"

    zones, equipment, points, levers = [], [e for e in site.equipment if e.zone is None], [], []
    points += [p for p in site.points if p.owner in shared]
    levers += [lv for lv in site.levers if lv.owner in shared]
    for n in range(100):
        zone = OwnerId(renamed(first, n))
        zones.append(replace(site.zones[0], id=zone))
        equipment += [replace(e, id=OwnerId(renamed(e.id, n)), zone=zone) for e in crahs]
        points += [
            replace(p, id=PointId(renamed(p.id, n)), owner=OwnerId(renamed(p.owner, n)))
            for p in site.points
            if p.owner in owners
        ]
        levers += [
            replace(
                lv,
                id=LeverId(renamed(lv.id, n)),
                owner=zone,
                points=tuple(PointId(renamed(p, n)) for p in lv.points),
            )
            for lv in site.levers
            if lv.owner == first
        ]
    return replace(
        site, zones=tuple(zones), equipment=tuple(equipment), points=tuple(points), levers=tuple(levers)
    )


def test_the_demo_site_keeps_its_budget(demo_site: Site, fed: Metrics) -> None:
    assert sum(series(fed).values()) <= Budget.of(demo_site).series


def test_a_hall_of_a_hundred_zones_keeps_its_budget(
    demo_site: Site, baseline: BaselineModel, accounted: Callable[..., Account]
) -> None:
    site = hundred_zones(demo_site)
    assert len(site.points) > 2000
    metrics = Metrics(site)
    metrics.observe_snapshot(typical_snapshot(site))
    metrics.observe_plan(typical_plan(site))
    metrics.observe_setpoints("approved", site.as_found)
    metrics.observe_leases({lv.id: START + timedelta(minutes=30) for lv in site.levers})
    metrics.observe_modes(dict.fromkeys([SITE, *(z.id for z in site.zones)], "advisory"))
    metrics.observe_market(START, *constant_feeds(START, 1))
    metrics.observe_baseline(baseline)
    metrics.observe_interval(accounted(0.8))
    metrics.observe_condition(typical_condition(1))
    metrics.observe_alarms(list(Priority))
    total = sum(series(metrics).values())
    assert total <= Budget.of(site).series
    assert total < 15_000, "a small Prometheus holds a thousand times as many"


def test_series_do_not_grow_while_a_site_runs(
    demo_site: Site, baseline: BaselineModel, accounted: Callable[..., Account]
) -> None:
    metrics = Metrics(demo_site)
    feed(metrics, demo_site, baseline, accounted, 0)
    before = series(metrics)
    for turn in range(1, 6):
        feed(metrics, demo_site, baseline, accounted, turn)
    assert series(metrics) == before


@pytest.mark.parametrize("name", ["coolwright_inlet_temperature_celsius", "coolwright_mode"])
def test_what_a_series_stands_for_is_a_thing_of_the_site(demo_site: Site, fed: Metrics, name: str) -> None:
    """Labels come from the site file and from closed lists, never from messages or ids of proposals."""
    inlets = [p for p in demo_site.points if p.quantity == "inlet_temperature"]
    things = {
        "coolwright_inlet_temperature_celsius": len(inlets),
        "coolwright_mode": (len(demo_site.zones) + 1) * len(MODES),
    }
    assert series(fed)[name] == things[name]
