"""Fixtures of the dashboards' tests; the made-up hour itself is in `made_up_metrics`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from made_up_metrics import ROOT, START, constant_feeds, feed, made_up_history

from controller.metrics import Metrics
from plant.site import Site
from plant.site_file import load_site
from reports.account import account
from reports.account_record import Account
from reports.baseline import BaselineModel, fit_baseline


@pytest.fixture(scope="session")
def demo_site() -> Site:
    return load_site(ROOT / "examples" / "demo.yaml")


@pytest.fixture(scope="session")
def baseline(demo_site: Site) -> BaselineModel:
    return fit_baseline(made_up_history(demo_site, START - timedelta(days=14), 14 * 24, 1.0), at=START)


@pytest.fixture(scope="session")
def accounted(demo_site: Site, baseline: BaselineModel) -> Callable[..., Account]:
    """The account of an hour (or more) in which cooling used `cooling_factor` of the baseline."""

    def run(cooling_factor: float, start: datetime = START, hours: int = 1) -> Account:
        carbon, price = constant_feeds(start, hours)
        history = made_up_history(demo_site, start, hours, cooling_factor)
        return account(history, baseline=baseline, carbon=carbon, price=price)

    return run


@pytest.fixture
def fed(demo_site: Site, baseline: BaselineModel, accounted: Callable[..., Account]) -> Metrics:
    """Metrics that have seen one of everything, by the wall clock of the test."""
    metrics = Metrics(demo_site, version="0.1.0")
    feed(metrics, demo_site, baseline, accounted)
    return metrics
