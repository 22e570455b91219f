"""When a machine trips, the plant's own controllers do what the site file declares, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from plant.errors import BrokenPromise
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.site_file import load_site
from sim.faults.trips import ride, tripped, units_that_may_trip
from sim.plant import SimulatedPlant
from sim.weather import ConstantWeather
from sim.workload import ConstantWorkload

SUMMER = datetime(2026, 7, 20, 15, tzinfo=UTC)
CRAH_1 = OwnerId("crah-1")
CHILLERS = ("chiller-1", "chiller-2")


def plant(load: float = 0.5, hours: float = 1, **declared: object) -> SimulatedPlant:
    """The demo site in warm air; zone fans at 60 %."""
    site = load_site(Path("examples/demo.yaml"))
    site = replace(site, safety=replace(site.safety, **declared))  # type: ignore[arg-type]
    work = ConstantWorkload((load,) * len(site.zones))
    made = SimulatedPlant(site, None, ConstantWeather(30.0, 22.0), work, 1)
    made.reset(SUMMER)
    for lever in site.levers:
        if lever.id.endswith("fan-speed"):
            for point in lever.points:
                made.write(point, 0.6)
    made.step(3600 * hours)
    return made


def speeds(of: SimulatedPlant) -> np.ndarray:
    shown = {r.point: r.value for r in of.readings()}
    return np.array([shown[p.id] for p in of.site.points if p.id.endswith(".fan-speed") and "crah" in p.id])


def test_the_others_of_the_zone_speed_up_within_the_declared_time_and_nobody_else_does() -> None:
    hurt = tripped(plant(survivor_fan=1.0, survivor_ramp_s=60.0), CRAH_1)
    hurt.step(90)  # one scan of 30 s until it is noticed, then the ramp
    found = speeds(hurt)
    assert found[1] == pytest.approx(1.0, abs=0.02), "crah-2 helps crah-1"
    np.testing.assert_allclose(found[2:], 0.6, atol=0.02)


def test_where_nothing_is_declared_nobody_helps() -> None:
    hurt = tripped(plant(survivor_fan=None), CRAH_1)
    hurt.step(600)
    np.testing.assert_allclose(speeds(hurt)[1:], 0.6, atol=0.02)


def test_help_makes_the_racks_cooler_after_a_trip() -> None:
    alone, helped = plant(survivor_fan=None), plant(survivor_fan=1.0)
    assert ride(alone, CRAH_1, 900)[0] > ride(helped, CRAH_1, 900)[0] + 1.0


def test_a_standby_chiller_takes_over_within_the_declared_time() -> None:
    # a fifth of the work is one machine's: the other stands by after a while
    declared = plant(0.2, 3, chiller_start_s=240.0)
    (running,) = [u for u in CHILLERS if _runs(declared, u)]
    hurt = tripped(declared, OwnerId(running))
    hurt.step(330)
    assert [u for u in CHILLERS if _runs(hurt, u)] == [u for u in CHILLERS if u != running]
    undeclared = tripped(plant(0.2, 3, chiller_start_s=None), OwnerId(running))
    undeclared.step(330)
    assert not [u for u in CHILLERS if _runs(undeclared, u)]
    assert float(undeclared.image.state.chilled_c) > float(hurt.image.state.chilled_c) + 0.5


def test_what_trips_is_what_the_site_names() -> None:
    made = plant()
    assert units_that_may_trip(made) == (*(f"crah-{k}" for k in range(1, 9)), "chiller-1", "chiller-2")
    assert units_that_may_trip(plant(n_minus_one=())) == ()
    with pytest.raises(BrokenPromise, match="nothing that trips"):
        tripped(made, OwnerId("utility-meter"))


def test_a_trip_is_tried_on_a_copy() -> None:
    made = plant()
    before = made.image.unix_s
    ride(made, CRAH_1, 300)
    assert made.image.unix_s == before
    assert made.upset is None


def _runs(of: SimulatedPlant, unit: str) -> bool:
    shown = {r.point: r.value for r in of.readings()}
    return shown[of.site.points_of(OwnerId(unit), Quantity.RUN_STATUS)[0].id] > 0.5
