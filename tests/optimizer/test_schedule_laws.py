"""The laws of tank, waiting work and demand charge as problems one can solve on paper."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.laws.deferral import add_deferral, load_deferral
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
    add_storage(m.b, m.t)
    ones = np.ones(3)
    load_storage(m.b, 50.0, 100.0, 4.0, 0.9 * ones, ones, -60 * ones, 60 * ones)
    price = [1.0, 2.0, 10.0]
    m.cost = pyo.Objective(expr=sum(price[t] * m.b.rate_kw[t] for t in m.t) - m.b.left_worth)
    assert solve(m) == pytest.approx(55 + 20 - 600 - 120)
    assert [pyo.value(m.b.stored_kwh[t]) for t in m.t] == pytest.approx([100, 100, 30])


def test_without_worth_at_the_end_a_tank_is_emptied() -> None:
    m = frame(2)
    add_storage(m.b, m.t)
    ones = np.ones(2)
    load_storage(m.b, 80.0, 100.0, 0.0, ones, ones, -60 * ones, 60 * ones)
    m.cost = pyo.Objective(expr=sum(3.0 * m.b.rate_kw[t] for t in m.t) - m.b.left_worth)
    assert solve(m) == pytest.approx(-240.0)


def test_work_put_off_is_run_in_the_cheap_hour_and_none_is_lost() -> None:
    # 30 kW may wait, two hours at 5, then 1, then 3; catching up at most 40 kW: 40 at 1, the other 20 at 3.
    m = frame(4)
    add_deferral(m.b, m.t)
    ones = np.ones(4)
    load_deferral(m.b, 0.0, 0.0, ones, 30 * ones, 40 * ones)
    price = [5.0, 5.0, 1.0, 3.0]
    m.cost = pyo.Objective(expr=sum(price[t] * m.b.net_kw[t] for t in m.t))
    assert solve(m) == pytest.approx(-300 + 40 + 60)
    assert [pyo.value(m.b.waiting_kwh[t]) for t in m.t] == pytest.approx([30, 60, 20, 0])


def test_work_that_already_waits_is_run_by_the_end() -> None:
    m = frame(2)
    add_deferral(m.b, m.t)
    ones = np.ones(2)
    load_deferral(m.b, 25.0, 10.0, ones, 0 * ones, 40 * ones)
    m.cost = pyo.Objective(expr=sum((1.0 + t) * m.b.net_kw[t] for t in m.t))
    # 15 must run, and does so in the first, cheaper hour; 10 may go on waiting.
    assert solve(m) == pytest.approx(15.0)


def test_a_demand_charge_levels_the_peak_down_to_what_is_billed_already() -> None:
    # Two hours, 100 kWh to be used in all on top of 50 and 10 kW; billed 70: up to 70 each is free.
    # 100 + 60 = 160 in two hours is 80 each: 10 above what is billed, at 4 each.
    m = frame(2)
    m.x = pyo.Var(m.t, within=pyo.NonNegativeReals)
    m.all_used = pyo.Constraint(expr=m.x[0] + m.x[1] == 100)
    m.used = pyo.Expression(m.t, rule=lambda m, t: 1.0 * m.x[t])
    add_demand(m.b, m.t, m.used)
    load_demand(m.b, 70.0, 4.0, np.array([50.0, 10.0]))
    m.cost = pyo.Objective(expr=m.b.cost)
    assert solve(m) == pytest.approx(40.0)
    assert pyo.value(m.x[0]) == pytest.approx(30.0)
    load_demand(m.b, 90.0, 4.0, np.array([50.0, 10.0]))
    assert solve(m) == pytest.approx(0.0)
