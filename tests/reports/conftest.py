"""Fixtures of the reports' tests; the plant whose true use is known is in `made_up_plant`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from made_up_plant import EXAMPLE, START, MadeUpPlant
from made_up_reports import made_report, supplied_file

from plant.forecast import CarbonKind, CarbonSeries, PriceSeries
from plant.quantities import Quantity
from plant.site import Site
from plant.site_file import load_site
from plant.timegrid import TimeGrid
from reports.baseline import fit_baseline
from reports.baseline_model import BaselineModel
from reports.periods import Split
from reports.profile import load_profile
from reports.report_record import EnergyReport
from reports.supplied_file import load_supplied


@pytest.fixture(scope="session")
def demo_site() -> Site:
    return load_site(EXAMPLE)


@pytest.fixture(scope="session")
def made_up(demo_site: Site) -> MadeUpPlant:
    return MadeUpPlant(demo_site)


@pytest.fixture(scope="session")
def model(made_up: MadeUpPlant) -> BaselineModel:
    """The baseline of two weeks as found."""
    history = made_up.history(14 * 24)
    return fit_baseline(history, at=history.end)


@pytest.fixture(scope="session")
def report(
    made_up: MadeUpPlant, model: BaselineModel, tmp_path_factory: pytest.TempPathFactory
) -> EnergyReport:
    """Five days by the day, over the end of a month, with everything an operator may supply."""
    folder = tmp_path_factory.mktemp("supplied")
    return made_report(
        made_up,
        model,
        "2026-06-29..2026-07-03",
        split=Split.DAY,
        supplied=load_supplied(supplied_file(folder), made_up.site.timezone),
        profile=load_profile("eu-2024-1364"),
    )


@pytest.fixture(scope="session")
def without_utilization(demo_site: Site) -> MadeUpPlant:
    points = tuple(p for p in demo_site.points if p.quantity is not Quantity.UTILIZATION)
    return MadeUpPlant(replace(demo_site, points=points))


@pytest.fixture(scope="session")
def flat_carbon() -> Callable[..., CarbonSeries]:
    def make(hours: int, g_per_kwh: float = 400.0, start: datetime = START) -> CarbonSeries:
        grid = TimeGrid(start, 3600, hours)
        return CarbonSeries(grid, np.full(hours, g_per_kwh), CarbonKind.AVERAGE, "test", synthetic=True)

    return make


@pytest.fixture(scope="session")
def flat_price() -> Callable[..., PriceSeries]:
    def make(hours: int, per_kwh: float = 0.1, start: datetime = START) -> PriceSeries:
        return PriceSeries(TimeGrid(start, 3600, hours), np.full(hours, per_kwh), "USD", "test")

    return make
