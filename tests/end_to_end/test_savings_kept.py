"""A campaign of hours loses nothing when it is stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.savings_kept import Kept, claim
from benchmarks.savings_record import Recorded
from plant.errors import ConfigError
from plant.site_file import load_site
from sim.plant import SimulatedPlant
from sim.weather import load_weather
from sim.workload import DiurnalWorkload

KEY = ("flat", "mpc, no room")


@pytest.fixture
def run() -> Recorded:
    """A run that knows one path."""
    site = load_site(Path("examples/demo.yaml"))
    plant = SimulatedPlant(site, None, load_weather("tampa"), DiurnalWorkload(len(site.zones), 3), 3)
    return Recorded(plant, paths=[np.array([1.0, 2.0])])


def never() -> Recorded:
    raise AssertionError("made twice")


def test_a_run_that_is_kept_is_not_made_again(tmp_path: Path, run: Recorded) -> None:
    Kept(tmp_path, "tampa-4").run(KEY, lambda: run)
    again = Kept(tmp_path, "tampa-4").run(KEY, never)
    np.testing.assert_array_equal(again.paths, run.paths)
    assert Kept(tmp_path, "tampa-7").run(KEY, lambda: run) is run, "another cell has runs of its own"


def test_without_a_folder_nothing_is_kept(run: Recorded) -> None:
    kept = Kept(None, "tampa-4")
    assert kept.run(KEY, lambda: run) is run
    with pytest.raises(AssertionError, match="made twice"):
        kept.run(KEY, never)


def test_a_campaign_stopped_while_it_writes_leaves_no_half_run(tmp_path: Path, run: Recorded) -> None:
    kept = Kept(tmp_path, "tampa-4")
    (tmp_path / "tampa-4-flat-mpc--no-room.part").write_bytes(b"half a run")
    assert kept.run(KEY, lambda: run) is run
    np.testing.assert_array_equal(kept.run(KEY, never).paths, run.paths)


def test_a_folder_belongs_to_one_campaign(tmp_path: Path) -> None:
    claim(tmp_path, "seven days")
    claim(tmp_path, "seven days")
    with pytest.raises(ConfigError, match="another campaign"):
        claim(tmp_path, "one day")
