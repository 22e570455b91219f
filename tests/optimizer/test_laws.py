"""Each law's block as a problem one can solve on paper."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.laws.coils import add_open_valve, load_open_valve
from optimizer.laws.fans import add_fan_power, load_fan_power
from optimizer.laws.flow import add_flow, load_flow
from optimizer.laws.inlets import add_inlets, load_inlets
from optimizer.laws.plant_room import add_plant_room, load_plant_room
from optimizer.laws.ramps import add_ramps, load_ramps
from optimizer.laws.servers import add_server_rise, load_server_rise


def frame(steps: int, zones: int = 1, cuts: int = 2) -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.t = pyo.RangeSet(0, steps - 1)
    m.z = pyo.RangeSet(0, zones - 1)
    m.k = pyo.RangeSet(0, cuts - 1)
    m.b = pyo.Block()
    return m


def solve(m: pyo.ConcreteModel) -> float:
    SolverFactory("highs").solve(m)
    return float(pyo.value(m.cost))


def test_a_lever_walks_to_its_goal_at_its_own_pace() -> None:
    # From 18 toward 21 with moves of 0.5, then 1.5: 18.5, 20.0, 21.0; distances left 2.5 + 1 + 0.
    m = frame(3)
    m.x = pyo.Var(m.t, m.z)
    add_ramps(m.b, m.t, m.z, m.x)
    reach = np.array([[0.5], [1.5], [1.5]])
    load_ramps(m.b, np.array([18.0]), reach, np.full((3, 1), 17.0), np.full((3, 1), 25.0))
    m.short = pyo.Var(m.t, within=pyo.NonNegativeReals)
    m.goal = pyo.Constraint(m.t, rule=lambda m, t: m.short[t] >= 21 - m.x[t, 0])
    m.cost = pyo.Objective(expr=sum(m.short[t] + 0.01 * m.b.moved[t, 0] for t in m.t))
    assert solve(m) == pytest.approx(2.5 + 1.0 + 0.01 * 3.0)
    assert [pyo.value(m.x[t, 0]) for t in m.t] == pytest.approx([18.5, 20.0, 21.0])


@pytest.mark.parametrize(
    ("worth", "present", "path", "cost"),
    [
        # Down from 22 by 1.5, then by up to 3 to the lowest, 18; 4 K moved at a tenth each.
        (1.0, 22.0, [20.5, 18.0, 18.0], 56.5 + 0.4),
        # Up from 18 by 1.5, then to the highest, 20.5; 2.5 K moved.
        (-1.0, 18.0, [19.5, 20.5, 20.5], -60.5 + 0.25),
    ],
)
def test_a_lever_stops_at_the_end_of_its_range(
    worth: float, present: float, path: list[float], cost: float
) -> None:
    m = frame(3)
    m.x = pyo.Var(m.t, m.z)
    add_ramps(m.b, m.t, m.z, m.x)
    reach = np.array([[1.5], [3.0], [3.0]])
    load_ramps(m.b, np.array([present]), reach, np.full((3, 1), 18.0), np.full((3, 1), 20.5))
    m.cost = pyo.Objective(expr=sum(worth * m.x[t, 0] + 0.1 * m.b.moved[t, 0] for t in m.t))
    assert solve(m) == pytest.approx(cost)
    assert [pyo.value(m.x[t, 0]) for t in m.t] == pytest.approx(path)


def test_an_inlet_follows_supply_and_recirculation_with_its_lag() -> None:
    # Start 20, settled = 22 + (6 - 5 * 0.8) = 24; keep 0.25, then 0.5: 0.25 * 20 + 0.75 * 24 = 23, then 23.5;
    # the limit of 23 is broken by 0.5.
    m = frame(2)
    m.supply, m.speed = pyo.Var(m.t, m.z), pyo.Var(m.t, m.z)
    m.supply.fix(22.0)
    m.speed.fix(0.8)
    add_inlets(m.b, m.t, m.z, m.k, m.supply, m.speed)
    cuts = np.tile([6.0, 1.0], (2, 1, 1))
    slopes = np.tile([-5.0, 0.0], (2, 1, 1))
    keep = np.array([[0.25], [0.5]])
    load_inlets(m.b, np.array([20.0]), keep, np.full((2, 1), 23.0), cuts, slopes)
    m.cost = pyo.Objective(expr=sum(m.b.excess[t, 0] + 1e-3 * m.b.rise[t, 0] for t in m.t))
    assert solve(m) == pytest.approx(0.5 + 2e-3 * 2.0)
    assert [pyo.value(m.b.inlet[t, 0]) for t in m.t] == pytest.approx([23.0, 23.5])


def test_server_fans_answer_by_the_steepest_cut_in_force() -> None:
    # Cuts 0 and 2 (T - 25): at 27 °C four kilowatts, at 24 °C none.
    m = frame(2)
    m.inlet = pyo.Var(m.t, m.z)
    m.inlet[0, 0].fix(27.0)
    m.inlet[1, 0].fix(24.0)
    add_server_rise(m.b, m.t, m.z, m.k, m.inlet)
    load_server_rise(m.b, np.tile([0.0, -50.0], (2, 1, 1)), np.tile([0.0, 2.0], (2, 1, 1)))
    m.cost = pyo.Objective(expr=sum(m.b.rise_kw[t, 0] for t in m.t))
    assert solve(m) == pytest.approx(4.0)


def test_fan_power_touches_the_cube_at_the_tangents() -> None:
    # P = 10 r³ with tangents at 0.5 and 1: slopes 7.5 and 30, levels -2.5 and -20.
    m = frame(3)
    m.speed = pyo.Var(m.t, m.z)
    for t, r in enumerate((0.5, 1.0, 0.75)):
        m.speed[t, 0].fix(r)
    add_fan_power(m.b, m.t, m.z, m.k, m.speed)
    load_fan_power(m.b, np.tile([-2.5, -20.0], (3, 1, 1)), np.tile([7.5, 30.0], (3, 1, 1)))
    m.cost = pyo.Objective(expr=sum(m.b.fan_kw[t, 0] for t in m.t))
    assert solve(m) == pytest.approx(1.25 + 10.0 + 3.125)


def test_water_may_be_as_warm_as_an_open_valve_allows() -> None:
    # Supply 20 at speed 0.5: water ≤ 20 - (8 - 4 * 0.5) = 14. Warmest water wins.
    m = frame(1)
    m.supply, m.speed, m.chw = pyo.Var(m.t, m.z), pyo.Var(m.t, m.z), pyo.Var(m.t)
    m.supply.fix(20.0)
    m.speed.fix(0.5)
    add_open_valve(m.b, m.t, m.z, m.k, m.supply, m.speed, m.chw)
    load_open_valve(m.b, np.array([[[8.0, 2.0]]]), np.array([[[-4.0, 0.0]]]))
    m.cost = pyo.Objective(expr=-m.chw[0] + 100 * m.b.short[0, 0])
    assert solve(m) == pytest.approx(-14.0)
    # Water that is at 16 already leaves the air 2 K too warm.
    m.chw[0].fix(16.0)
    assert solve(m) == pytest.approx(-16.0 + 100 * 2.0)


def test_plant_room_power_is_the_highest_plane() -> None:
    # Planes 0.2·heat + 0.1·flow - 2·chw + 3·cw + 10 and 50: at heat 300, flow 40, cw 2, chw 4: 72.
    # The second is higher once the water is warmer than 15.
    m = frame(1)
    m.chw = pyo.Var(m.t, bounds=(4, 20))
    m.heat = pyo.Expression(m.t, rule=lambda m, t: 300.0)
    m.flow = pyo.Expression(m.t, rule=lambda m, t: 40.0)
    m.cw = pyo.Expression(m.t, rule=lambda m, t: 2.0)
    add_plant_room(m.b, m.t, m.k, m.heat, m.flow, m.chw, m.cw)
    first = {"level": 10.0, "per_heat": 0.2, "per_flow": 0.1, "per_chw": -2.0, "per_cw": 3.0}
    load_plant_room(m.b, *(np.array([[v, 50.0 if k == "level" else 0.0]]) for k, v in first.items()))
    m.cost = pyo.Objective(expr=m.b.room_kw[0] + 0.1 * m.chw[0])
    assert solve(m) == pytest.approx(50.0 + 0.1 * 15.0)
    m.chw[0].fix(4.0)
    assert solve(m) == pytest.approx(72.0 + 0.4)


def test_a_tank_that_fills_is_work_for_the_plant_room() -> None:
    # 10 + 0.2 * 300 + 0.25 * 40 = 80 while it takes 40 kW, 60 while it gives 40.
    m = frame(2, cuts=1)
    m.rate = pyo.Var(m.t)
    for t, rate in enumerate((40.0, -40.0)):
        m.rate[t].fix(rate)
    heat = pyo.Expression(m.t, rule=lambda m, t: 300.0)
    nothing = pyo.Expression(m.t, rule=lambda m, t: 0.0)
    m.heat, m.nothing = heat, nothing
    add_plant_room(m.b, m.t, m.k, m.heat, m.nothing, m.nothing, m.nothing, m.rate)
    numbers = (10.0, 0.2, 0.0, 0.0, 0.0, 0.25)
    load_plant_room(m.b, *(np.full((2, 1), v) for v in numbers))
    m.cost = pyo.Objective(expr=m.b.room_kw[0] + 3 * m.b.room_kw[1])
    assert solve(m) == pytest.approx(80.0 + 3 * 60.0)


def test_flow_is_the_highest_tangent_of_all_zones_together() -> None:
    # Two zones at supply 20 and 22, speeds 0.5 and 1, 10 and 0 kW beyond, water 8:
    # 5 + (2·20 + 1·22) + (4·0.5 + 3·1) + 0.1·10 - 1.5·8 = 61; the other tangent stays at 30.
    m = frame(1, zones=2)
    m.supply = pyo.Expression(m.t, m.z, rule=lambda m, t, z: (20.0, 22.0)[z])
    m.speed = pyo.Expression(m.t, m.z, rule=lambda m, t, z: (0.5, 1.0)[z])
    m.beyond = pyo.Expression(m.t, m.z, rule=lambda m, t, z: (10.0, 0.0)[z])
    m.chw = pyo.Expression(m.t, rule=lambda m, t: 8.0)
    add_flow(m.b, m.t, m.z, m.k, m.supply, m.speed, m.beyond, m.chw)
    slopes = (np.array([[[s, 0.0] for s in zones]]) for zones in ((2.0, 1.0), (4.0, 3.0), (0.1, 0.1)))
    load_flow(m.b, np.array([[5.0, 30.0]]), *slopes, np.array([[-1.5, 0.0]]))
    m.cost = pyo.Objective(expr=m.b.flow_kw_k[0])
    assert solve(m) == pytest.approx(61.0)
