"""Market-based carbon: by contracts, in counters of its own, and a gap where a factor is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from made_up_metrics import START
from prometheus_client.parser import text_string_to_metric_families

from controller.metrics import Metrics
from controller.metrics_market import market_kg
from plant.site import Site
from reports.account_record import Account
from reports.baseline import BaselineModel
from reports.carbon import Basis, carbon_statement
from reports.supplied import Contract, ContractKind, Factor, Supplied

WIND = Factor(12.0, "supplier's declaration", 2025, "contract")
RESIDUAL = Factor(500.0, "residual mix", 2025, "residual mix")
NAN = float("nan")


def contract(kwh: float | None, share: float = 1.0) -> Contract:
    year = timedelta(days=365)
    return Contract("wind", ContractKind.PPA, START, START + year, kwh, share, True, WIND, "contract.pdf")


def supplied(kwh: float | None, rest: Factor | None = RESIDUAL) -> Supplied:
    return Supplied(contracts=(contract(kwh),), residual_mix=rest, file=Path("reporting.yaml"))


def told(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The one sample of this name and with at least these labels."""
    found = [
        sample.value
        for family in text_string_to_metric_families(metrics.render()[0].decode())
        for sample in family.samples
        if sample.name == f"coolwright_{name}" and labels.items() <= sample.labels.items()
    ]
    assert len(found) <= 1
    return found[0] if found else None


def observed(site: Site, account: Account, given: Supplied) -> Metrics:
    metrics = Metrics(site, supplied=given)
    metrics.observe_interval(account)
    return metrics


def test_a_volume_is_spread_over_its_own_time_and_the_rest_is_residual_mix() -> None:
    # By hand: 8,760 kWh a year is 1 kWh an hour. Of 10 kWh one is wind, nine are residual mix.
    assert market_kg(supplied(8760.0), START, 1.0, 10.0) == pytest.approx((1 * 12 + 9 * 500) / 1000)
    assert market_kg(supplied(8760.0), START, 2.0, 10.0) == pytest.approx((2 * 12 + 8 * 500) / 1000)


def test_the_counter_is_what_the_report_says(demo_site: Site, accounted: Callable[..., Account]) -> None:
    hour, given = accounted(0.8), supplied(8760.0 * 300)
    grams = told(observed(demo_site, hour, given), "carbon_grams_total", carbon_kind="market")
    assert grams == pytest.approx(carbon_statement(hour, given).total_kg(Basis.MARKET) * 1000)


def test_the_three_kinds_have_counters_of_their_own(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    metrics = observed(demo_site, accounted(0.8), supplied(8760.0 * 300))
    average = told(metrics, "carbon_grams_total", carbon_kind="average")
    market = told(metrics, "carbon_grams_total", carbon_kind="market")
    assert average is not None
    assert market is not None
    assert average != market
    assert told(metrics, "carbon_grams_total", carbon_kind="market", provider="contracts in reporting.yaml")


def test_what_contracts_cover_anyway_saves_nothing(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    """The same volume stands on both sides: one kilowatt-hour less is one of the residual mix less."""
    hour = accounted(0.8)
    metrics = observed(demo_site, hour, supplied(8760.0 * 300))
    saved = {
        side: told(metrics, f"{side}_carbon_grams_total", carbon_kind="market")
        for side in ("baseline", "compared")
    }
    assert saved["baseline"] is not None
    assert saved["compared"] is not None
    assert saved["baseline"] - saved["compared"] == pytest.approx(hour.saving.facility_kwh * 500)
    share = Supplied(contracts=(contract(None),), file=Path("r.yaml"))  # all of it is wind, whatever it is
    metrics = observed(demo_site, hour, share)
    both = [
        told(metrics, f"{s}_carbon_grams_total", carbon_kind="market") or NAN
        for s in ("baseline", "compared")
    ]
    assert both[0] - both[1] == pytest.approx(hour.saving.facility_kwh * 12)


def test_without_a_factor_for_the_rest_there_is_a_gap_and_no_grams(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    metrics = observed(demo_site, accounted(0.8), supplied(8760.0, rest=None))
    assert told(metrics, "carbon_grams_total", carbon_kind="market") is None
    assert told(metrics, "baseline_carbon_grams_total", carbon_kind="market") is None
    assert told(metrics, "unaccounted_seconds_total", figure="carbon_market_kg") == 3600
    assert told(metrics, "unaccounted_seconds_total", figure="carbon_kg") == 0


def test_a_site_that_supplied_nothing_has_no_market_carbon_at_all(
    demo_site: Site, accounted: Callable[..., Account]
) -> None:
    metrics = observed(demo_site, accounted(0.8), Supplied())
    assert told(metrics, "carbon_grams_total", carbon_kind="market") is None
    assert told(metrics, "unaccounted_seconds_total", figure="carbon_market_kg") is None


def test_an_hour_that_was_not_metered_is_a_gap(demo_site: Site, accounted: Callable[..., Account]) -> None:
    hour = accounted(0.8)
    dark = replace(
        hour,
        totals=replace(hour.totals, facility_kwh=NAN),
        compared=replace(hour.compared, facility_kwh=NAN),
        baseline=replace(hour.baseline, facility_kwh=NAN),
        covered_h=replace(hour.covered_h, facility_kwh=0.0),
        compared_h=replace(hour.compared_h, facility_kwh=0.0),
    )
    metrics = observed(demo_site, dark, supplied(8760.0))
    assert told(metrics, "carbon_grams_total", carbon_kind="market") is None
    assert told(metrics, "unaccounted_seconds_total", figure="carbon_market_kg") == 3600


def test_market_counters_are_born_at_zero(demo_site: Site, baseline: BaselineModel) -> None:
    metrics = Metrics(demo_site, supplied=supplied(8760.0))
    metrics.observe_baseline(baseline)
    assert told(metrics, "carbon_grams_total", carbon_kind="market") == 0
    assert told(metrics, "baseline_carbon_grams_total", carbon_kind="market") == 0
