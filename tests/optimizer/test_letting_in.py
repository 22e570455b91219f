"""When outdoor air is let in: where it pays, and where it keeps rooms inside their humidity limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_plant import demo_site, outlook, snapshot_at

from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.letting_in import humidity_excess_kh, inside_limits, let_in
from optimizer.model import PlantModel
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.switches import Switch, Switches, SwitchKind
from plant.forecast import Array
from plant.history import History

SUPPLY_C, WARM_SUPPLY_C = 18.0, 24.0
RESOLUTION_H = 0.25


@pytest.fixture(scope="module")
def problem(history: History, model: PlantModel) -> Problem:
    """Every zone with dampers that keep no limits of their own, on a day cool enough for them."""
    site, snapshot = demo_site(), snapshot_at(history, 600)
    wide = OutdoorAirLaw(30.0, 1.0, -50.0, 50.0)
    aired = replace(model, zones=tuple(replace(z, outdoor=wide) for z in model.zones))
    settings = replace(PlannerSettings.of(site), n_minus_one=False)
    posed = pose(site, aired, settings, snapshot, outlook(site, snapshot.time, wet_c=4.0))
    assert isinstance(posed, Problem)
    axis = replace(posed.board.cw, low=0.0, high=1.0, present=1.0, max_move=1.0, resolution=1.0)
    switch = Switch(SwitchKind.OUTDOOR_AIR, axis, 0)
    return replace(posed, switches=Switches((switch,)), schedule=np.ones((posed.grid.steps, 1)))


def path_of(problem: Problem, supply_c: float) -> Array:
    zones = len(problem.board.supply)
    return np.tile([*[supply_c] * zones, *[0.8] * zones, 10.0, 18.0], (problem.grid.steps, 1))


def at_dew(problem: Problem, dew_c: float | Array) -> Problem:
    dew = np.broadcast_to(np.asarray(dew_c, float), (problem.grid.steps,))
    return replace(problem, world=replace(problem.world, dew_point_c=dew))


@pytest.mark.parametrize(
    ("supply_c", "dew_c", "inside"),
    [
        # 70 % at 18 °C is a dew point of 12.4 °C (psychrometric chart), colder than the room's own 15;
        # half a kelvin is kept from it.
        (SUPPLY_C, 11.7, True),
        (SUPPLY_C, 12.2, False),
        # At 24 °C it is 18.2 °C: the room's own 15 °C comes first.
        (WARM_SUPPLY_C, 14.3, True),
        (WARM_SUPPLY_C, 14.7, False),
        # The room is not to be drier than -9 °C.
        (SUPPLY_C, -8.3, True),
        (SUPPLY_C, -8.7, False),
    ],
)
def test_outdoor_air_is_let_in_only_half_a_kelvin_inside_the_limits(
    problem: Problem, supply_c: float, dew_c: float, inside: bool
) -> None:
    (switch,) = problem.switches.each
    found = inside_limits(at_dew(problem, dew_c), path_of(problem, supply_c), switch)
    assert (found == inside).all()


def test_the_schedule_opens_where_the_air_is_dry_enough_and_it_pays(problem: Problem) -> None:
    steps, path = problem.grid.steps, path_of(problem, SUPPLY_C)
    dew = np.where(np.arange(steps) < steps // 2, 5.0, 14.0)
    wanted = let_in(at_dew(problem, dew), path, np.zeros((steps, 1)))[:, 0]
    assert (wanted[: steps // 2] == 1.0).all()
    assert (wanted[steps // 2 :] == 0.0).all()
    assert (let_in(at_dew(_blown_dearly(problem), 5.0), path, np.ones((steps, 1))) == 0.0).all()


def _blown_dearly(problem: Problem) -> Problem:
    """Relief fans that draw more than all cooling."""
    dear = tuple(replace(z, outdoor=OutdoorAirLaw(30.0, 5000.0, -50.0, 50.0)) for z in problem.model.zones)
    return replace(problem, model=replace(problem.model, zones=dear))


def test_what_comes_in_beyond_the_limits_is_priced_by_the_kelvin_hour(problem: Problem) -> None:
    damp, path = at_dew(problem, 14.0), path_of(problem, SUPPLY_C)[None]
    opened, shut = np.ones((1, problem.grid.steps, 1)), np.zeros((1, problem.grid.steps, 1))
    hours = problem.grid.steps * RESOLUTION_H
    # 14.0 less 12.4 °C in every zone that nobody shuts; the switch is about the first one.
    each = humidity_excess_kh(damp, path, opened)[0]
    assert each == pytest.approx(np.full(len(each), (14.0 - 12.44) * hours), rel=0.03)
    assert humidity_excess_kh(damp, path, shut)[0] == pytest.approx(np.array([0.0, *each[1:]]), abs=1e-9)
