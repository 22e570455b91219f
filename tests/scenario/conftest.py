"""Runs that several tests look at, each made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from orders import LEARNED, order

from controller.scenario.run import RunOrder, RunOutcome, run_scenario
from sim.scenario import load_scenario


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def as_found(out: Path) -> RunOutcome:
    """Half an hour of nobody moving anything."""
    return run_scenario(order("solar-grid-day", "fixed", out))


@pytest.fixture(scope="session")
def planned(out: Path) -> RunOutcome:
    """Half an hour of the planner."""
    return run_scenario(RunOrder(load_scenario("solar-grid-day", LEARNED), "mpc", out, 0.02))
