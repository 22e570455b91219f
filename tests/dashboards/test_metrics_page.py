"""The /metrics page: names, labels and units as Prometheus wants them, and nothing frozen."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made_up_metrics import START, constant_feeds, typical_plan, typical_snapshot
from prometheus_client.parser import text_string_to_metric_families

from controller.metrics import Metrics
from controller.metrics_catalog import CATALOG
from plant.plan import NoPlan, NoPlanCause
from plant.points import OwnerId
from plant.site import Site
from reports.account_record import Account
from reports.baseline import BaselineModel

FORBIDDEN_LABELS = {"datacenter", "dc", "zone", "region", "cluster", "env", "service", "owner", "type"}
NAN = float("nan")


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = metrics.render()[0].decode()
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    wanted = frozenset({"site": "demo", **labels}.items())
    return samples(metrics).get((f"coolwright_{name}", wanted))


def test_every_metric_of_the_catalog_is_on_the_page_and_nothing_else(fed: Metrics) -> None:
    families = {f.name: f for f in text_string_to_metric_families(fed.render()[0].decode())}
    on_page = {f"{n}_total" if f.type == "counter" else n for n, f in families.items() if f.samples}
    catalog = {spec.name for spec in CATALOG.values()}
    assert on_page == catalog


def test_every_sample_names_the_site_and_no_label_a_scrape_would_use(fed: Metrics) -> None:
    for _, labels in samples(fed):
        names = {name for name, _ in labels}
        assert "site" in names
        assert not names & FORBIDDEN_LABELS


def test_names_have_the_prefix_no_colons_and_end_as_their_type_wants() -> None:
    for spec in CATALOG.values():
        assert re.fullmatch(r"coolwright_[a-z0-9_]+", spec.name)
        assert (spec.kind == "counter") == spec.name.endswith("_total")


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Prometheus' promtool")
def test_promtool_finds_no_fault_with_the_page(fed: Metrics) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=fed.render()[0], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_powers_are_watts_and_inlets_are_celsius(fed: Metrics) -> None:
    assert value(fed, "meter_power_watts", meter="facility") == 1_100_000
    assert value(fed, "inlet_temperature_celsius", hall_zone="zone-b", sensor="zone-b.inlet-2") == 24
    assert value(fed, "setpoint_ratio", lever="zone-a.fan-speed", hall_zone="zone-a", source="plant") == 0.9


def test_a_dead_sensor_is_absent_not_frozen(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    metrics.observe_snapshot(typical_snapshot(demo_site))
    labels = {"hall_zone": "zone-a", "sensor": "zone-a.inlet-3"}
    assert value(metrics, "inlet_temperature_celsius", **labels) == 24
    metrics.observe_snapshot(typical_snapshot(demo_site, START + timedelta(seconds=60), zone_a_inlet_3=NAN))
    assert value(metrics, "inlet_temperature_celsius", **labels) is None
    assert value(metrics, "reading_timestamp_seconds", sensor="zone-a.inlet-3") is None
    assert value(metrics, "sensor_valid", sensor="zone-a.inlet-3") == 0
    assert value(metrics, "sensors", quality="missing") == 1


def test_a_setpoint_the_plant_does_not_tell_is_absent(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    dead = {"plant_chw_supply_setpoint": NAN}
    metrics.observe_snapshot(typical_snapshot(demo_site, **dead))
    lever = {"lever": "plant.chilled-water", "hall_zone": "site"}
    assert value(metrics, "setpoint_celsius", source="plant", **lever) is None
    assert value(metrics, "setpoint_celsius", source="as_found", **lever) == 7


def test_one_kilowatt_hour_is_3_6_million_joules(demo_site: Site, accounted: Callable[..., Account]) -> None:
    metrics, hour = Metrics(demo_site), accounted(0.8)
    metrics.observe_interval(hour)
    joules = value(metrics, "energy_joules_total", meter="facility")
    assert joules == pytest.approx(hour.totals.facility_kwh * 3.6e6)
    grams = value(
        metrics, "carbon_grams_total", carbon_kind="average", provider="synthetic", synthetic="true"
    )
    assert grams == pytest.approx(hour.totals.facility_kwh * 400)


def test_baseline_minus_compared_is_the_saving_and_may_be_negative(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    for factor, sign in ((0.8, 1), (1.3, -1)):
        metrics, hour = Metrics(demo_site), accounted(factor)
        metrics.observe_interval(hour)
        labels = {"meter": "facility", "method": "regression"}
        baseline = value(metrics, "baseline_energy_joules_total", **labels)
        compared = value(metrics, "compared_energy_joules_total", **labels)
        assert baseline is not None
        assert compared is not None
        assert (baseline - compared) / 3.6e6 == pytest.approx(hour.saving.facility_kwh)
        assert sign * (baseline - compared) > 0
        assert value(metrics, "saving_joules", method="regression", bound="expected") == pytest.approx(
            baseline - compared
        )


def test_intervals_add_up_to_the_account_of_the_whole(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    apart, together = Metrics(demo_site), Metrics(demo_site)
    for hour in range(3):
        apart.observe_interval(accounted(0.8, START + timedelta(hours=hour)))
        together.observe_interval(accounted(0.8, START + timedelta(hours=hour)))
    assert samples(apart) == samples(together)
    assert value(apart, "accounted_seconds_total", figure="facility_kwh") == 3 * 3600


def test_a_carbon_gap_adds_missing_time_and_no_grams(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    metrics, hour = Metrics(demo_site), accounted(0.8)
    gap = replace(
        hour,
        totals=replace(hour.totals, carbon_kg=NAN),
        compared=replace(hour.compared, carbon_kg=NAN),
        covered_h=replace(hour.covered_h, carbon_kg=0.0),
    )
    metrics.observe_interval(gap)
    assert not any(name.startswith("coolwright_carbon_grams") for name, _ in samples(metrics))
    assert value(metrics, "unaccounted_seconds_total", figure="carbon_kg") == 3600


def test_a_negative_cost_is_a_credit_and_never_stops_the_page(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    metrics, hour = Metrics(demo_site), accounted(0.8)
    paid = replace(hour, totals=replace(hour.totals, cost=-5.0), compared=replace(hour.compared, cost=-5.0))
    metrics.observe_interval(paid)
    assert value(metrics, "cost_credit_total", currency="USD") == 5
    assert value(metrics, "unexportable_total", figure="cost") == 1
    assert value(metrics, "baseline_cost_total", method="regression", currency="USD") is None


def test_a_violation_counts_once_and_then_by_time(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    for minute, inlet in enumerate((24.0, 27.5, 27.6, 26.0, 33.0)):
        at: datetime = START + timedelta(minutes=minute)
        metrics.observe_snapshot(typical_snapshot(demo_site, at, zone_a_inlet_1=inlet))
    labels = {"constraint": "inlet_recommended", "hall_zone": "zone-a"}
    assert value(metrics, "constraint_violations_total", **labels) == 2
    assert value(metrics, "violation_seconds_total", **labels) == 60
    allowable = {"constraint": "inlet_allowable", "hall_zone": "zone-a"}
    assert value(metrics, "constraint_violations_total", **allowable) == 1


def test_without_a_plan_the_last_prediction_is_gone(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    metrics.observe_plan(typical_plan(demo_site))
    assert value(metrics, "plan_worst_inlet_celsius", hall_zone="zone-a") == 25
    # 1000 kW for a day: 24 MWh
    assert value(metrics, "plan_energy_joules", trajectory="chosen") == pytest.approx(24e3 * 3.6e6)
    metrics.observe_plan(NoPlan(START, NoPlanCause.INFEASIBLE, "zone-a cannot be cooled"))
    assert value(metrics, "plan_worst_inlet_celsius", hall_zone="zone-a") is None
    assert value(metrics, "plan_failures_total", cause="infeasible") == 1


def test_heartbeat_is_wall_time_whatever_the_site_clock_says(demo_site: Site) -> None:
    metrics = Metrics(demo_site, wall_seconds=lambda: 1234.5)
    metrics.observe_heartbeat()
    assert value(metrics, "heartbeat_timestamp_seconds") == 1234.5


def test_exactly_one_mode_is_on(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    metrics.observe_modes({OwnerId("zone-a"): "shadow"})
    metrics.observe_modes({OwnerId("zone-a"): "advisory"})
    modes = {
        m: value(metrics, "mode", hall_zone="zone-a", mode=m) for m in ("shadow", "advisory", "fallback")
    }
    assert modes == {"shadow": 0, "advisory": 1, "fallback": 0}


def test_a_feed_with_a_gap_shows_no_intensity(demo_site: Site) -> None:
    metrics = Metrics(demo_site)
    carbon, price = constant_feeds(START, 2)
    labels = {"carbon_kind": "average", "provider": "synthetic", "synthetic": "true"}
    metrics.observe_market(START, carbon, price)
    assert value(metrics, "carbon_intensity_grams_per_joule", **labels) == pytest.approx(400 / 3.6e6)
    carbon.g_per_kwh[1] = NAN
    metrics.observe_market(START + timedelta(hours=1), carbon, price)
    assert value(metrics, "carbon_intensity_grams_per_joule", **labels) is None
    assert value(metrics, "energy_price_per_joule", currency="USD") is not None


def test_counters_are_born_at_zero_so_that_the_first_interval_is_seen_to_grow(
    demo_site: Site, baseline: BaselineModel, accounted: Callable[..., Account]
) -> None:
    metrics = Metrics(demo_site)
    metrics.observe_baseline(baseline)
    metrics.observe_market(START, *constant_feeds(START, 1))
    born = samples(metrics)
    metrics.observe_interval(accounted(0.8))
    grown = {k for k in samples(metrics) if k[0].endswith("_total")} - set(born)
    assert grown == set()
    assert {v for (name, _), v in born.items() if name.endswith("_total")} == {0.0}


def test_a_feed_that_never_answered_shows_no_zero_grams(demo_site: Site, baseline: BaselineModel) -> None:
    metrics = Metrics(demo_site)
    metrics.observe_baseline(baseline)
    carbon, price = constant_feeds(START, 1)
    carbon.g_per_kwh[:] = NAN
    metrics.observe_market(START, carbon, price)
    assert not any("carbon_grams" in name for name, _ in samples(metrics))
