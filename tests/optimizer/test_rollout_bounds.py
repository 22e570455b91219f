"""A rollout is finite whatever the laws say: a course that would run away comes out as far too hot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer import march as rollout_code
from optimizer.coil_bank import CoilBank
from optimizer.march import HOTTEST_C, MOST_OF_DESIGN
from optimizer.model import Course, PlantModel, Rollout, World


def runaway(model: PlantModel) -> Rollout:
    """A day of warm air and slow fans in a plant whose servers answer to warm inlets a hundredfold."""
    wild = replace(
        model,
        zones=tuple(
            replace(z, it=replace(z.it, fixed=tuple(100 * f for f in z.it.fixed))) for z in model.zones
        ),
    )
    zones, steps, sensors = len(model.zones), 96, wild.bank.sensors
    course = Course(
        supply_c=np.full((1, steps, zones), 25.5),
        speed=np.full((1, steps, zones), 0.35),
        chw_c=np.full((1, steps), 16.0),
        cw_c=np.full((1, steps), 29.0),
    )
    world = World(
        step_s=900,
        it_reference_kw=np.tile(wild.bank.design_kw, (steps, 1)),
        it_std_kw=np.zeros((steps, zones)),
        wet_bulb_c=np.full(steps, 25.0),
        inlets_c=np.full((zones, sensors), 26.0),
        inlet_bias_k=np.zeros((zones, sensors)),
    )
    return wild.rollout(course, world)


def test_a_runaway_ends_at_the_hottest_inlet_and_a_possible_power(model: PlantModel) -> None:
    rolled = runaway(model)
    assert rolled.worst_inlet_c.max() == HOTTEST_C
    assert np.isfinite(rolled.facility_kw).all()
    assert (rolled.it_kw <= 1.1 * MOST_OF_DESIGN * model.bank.design_kw.sum()).all()


def test_without_the_bounds_it_would_not_be_finite(
    model: PlantModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_code, "HOTTEST_C", np.inf)
    monkeypatch.setattr(rollout_code, "MOST_OF_DESIGN", np.inf)
    with np.errstate(all="ignore"):
        assert not np.isfinite(runaway(model).worst_inlet_c).all()


def test_what_is_not_known_stays_unknown_in_the_coils_tables(model: PlantModel) -> None:
    coil = model.zones[0].coil
    found = coil.water_share(np.array([0.7, np.nan, 0.7]), np.array([np.nan, 0.3, 0.3]))
    assert np.isnan(found).tolist() == [True, True, False]
    bank = CoilBank.of((coil, coil))
    both = bank.water_share(np.array([0.7, np.nan]), np.array([np.nan, 0.3]))
    assert np.isnan(both).all()
