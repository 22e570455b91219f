"""The laws of tank, machines and demand charge as problems one can solve on paper."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.laws.capacity import add_capacity, load_capacity
from optimizer.laws.demand import add_demand, load_demand
from optimizer.laws.storage import add_storage, load_storage


def frame(steps: int) -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.t = pyo.RangeSet(0, steps - 1)
    m.b = pyo.Block()
    return m


def solve(m: pyo.ConcreteModel) -> float:
    SolverFactory("highs").solve(m)
    return float(pyo.value(m.cost))


def test_a_tank_fills_at_the_cheap_hour_and_loses_a_little_on_the_way() -> None:
    # One hour each at 1, 2 and 10; 100 kWh, half full, 60 kW at most, a tenth lost each hour.
    # Hour 0: 0.9·50 + 55 = 100 (rate 55). Hour 1: 90 kept, 10 more at 2. Hour 2: 90 left, 60 given at 10.
    # What is left (30) is worth 4 each: 55 + 20 - 600 - 120.
    m = frame(3)
    m.rate = pyo.Var(m.t, bounds=(-60, 60))
    add_storage(m.b, m.t, m.rate)
    load_storage(m.b, 50.0, 100.0, 4.0, 99.0, 0.9 * np.ones(3), np.ones(3))
    price = [1.0, 2.0, 10.0]
    m.cost = pyo.Objective(expr=sum(price[t] * m.rate[t] for t in m.t) + m.b.cost)
    assert solve(m) == pytest.approx(55 + 20 - 600 - 120)
    assert [pyo.value(m.b.stored_kwh[t]) for t in m.t] == pytest.approx([100, 100, 30])


def test_without_worth_at_the_end_a_tank_is_emptied() -> None:
    m = frame(2)
    m.rate = pyo.Var(m.t, bounds=(-60, 60))
    add_storage(m.b, m.t, m.rate)
    load_storage(m.b, 80.0, 100.0, 0.0, 99.0, np.ones(2), np.ones(2))
    m.cost = pyo.Objective(expr=sum(3.0 * m.rate[t] for t in m.t) + m.b.cost)
    assert solve(m) == pytest.approx(-240.0)


@pytest.mark.parametrize(
    ("stored_kwh", "rate_kw", "cost", "left_kwh"),
    [
        # Half an hour at 30 kW is 15 kWh: 5 are lacking of 10, 10 are spilled of 95. Each costs 7.
        (10.0, -30.0, 35.0, 0.0),
        (95.0, 30.0, 70.0, 100.0),
        (50.0, 30.0, 0.0, 65.0),
    ],
)
def test_a_rate_the_tank_cannot_keep_is_paid_and_not_made_up(
    stored_kwh: float, rate_kw: float, cost: float, left_kwh: float
) -> None:
    m = frame(1)
    m.rate = pyo.Var(m.t)
    m.rate.fix(rate_kw)
    add_storage(m.b, m.t, m.rate)
    load_storage(m.b, stored_kwh, 100.0, 0.0, 7.0, np.ones(1), np.full(1, 0.5))
    m.cost = pyo.Objective(expr=m.b.cost)
    assert solve(m) == pytest.approx(cost)
    assert pyo.value(m.b.stored_kwh[0]) == pytest.approx(left_kwh)


def test_machines_asked_for_carry_what_they_can_and_the_rest_is_short() -> None:
    # Heat 500 is a load of 20 + 1.04 * 500 = 540, the tank takes 100 more; 600 can be carried: 40 short.
    m = frame(1)
    m.heat, m.rate = pyo.Var(m.t), pyo.Var(m.t)
    m.heat.fix(500.0)
    m.rate.fix(100.0)
    add_capacity(m.b, m.t, m.heat, m.rate)
    one = np.ones(1)
    load_capacity(m.b, 20 * one, 1.04 * one, 600 * one, 3 * one)
    m.cost = pyo.Objective(expr=m.b.cost)
    assert solve(m) == pytest.approx(120.0)


def test_a_demand_charge_levels_the_peak_down_to_what_is_billed_already() -> None:
    # Two hours, 100 kWh to be used in all on top of 50 and 10 kW; billed 70: up to 70 each is free.
    # 100 + 60 = 160 in two hours is 80 each: 10 above what is billed, at 4 each.
    m = frame(2)
    m.x = pyo.Var(m.t, within=pyo.NonNegativeReals)
    m.all_used = pyo.Constraint(expr=m.x[0] + m.x[1] == 100)
    m.used = pyo.Expression(m.t, rule=lambda m, t: 1.0 * m.x[t])
    add_demand(m.b, m.t, pyo.RangeSet(0, 0), m.used)
    load_demand(m.b, np.ones((2, 1)), np.full(2, 70.0), 4.0, np.array([50.0, 10.0]))
    m.cost = pyo.Objective(expr=m.b.cost)
    assert solve(m) == pytest.approx(40.0)
    assert pyo.value(m.x[0]) == pytest.approx(30.0)
    load_demand(m.b, np.ones((2, 1)), np.full(2, 90.0), 4.0, np.array([50.0, 10.0]))
    assert solve(m) == pytest.approx(0.0)


def test_each_month_pays_for_its_own_peak() -> None:
    # The third hour is in the next month. On top of 50, 10 and 20 kW, 180 kWh are to be used: 20, 60 and 70
    # are free under what is paid in any case, 70 and 90 kW. 30 are left: a kilowatt more in the first month
    # makes room for two, in the next for one, so 15 more at 4 each. (One peak for all three would be
    # (50 + 10 + 20 + 180) / 3 = 86.7: 66.67 above 70.)
    m = frame(3)
    m.x = pyo.Var(m.t, within=pyo.NonNegativeReals)
    m.all_used = pyo.Constraint(expr=m.x[0] + m.x[1] + m.x[2] == 180)
    m.used = pyo.Expression(m.t, rule=lambda m, t: 1.0 * m.x[t])
    add_demand(m.b, m.t, pyo.RangeSet(0, 1), m.used)
    within, paid = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([70.0, 70.0, 90.0])
    load_demand(m.b, within, paid, 4.0, np.array([50.0, 10.0, 20.0]))
    m.cost = pyo.Objective(expr=m.b.cost)
    assert solve(m) == pytest.approx(60.0)
    assert [pyo.value(m.x[t]) for t in range(3)] == pytest.approx([35.0, 75.0, 70.0])
    assert [pyo.value(m.b.peak_kw[k]) for k in range(2)] == pytest.approx([15.0, 0.0])
