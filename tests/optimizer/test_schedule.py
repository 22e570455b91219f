"""The scheduler on days one can plan on paper, and against an integer program of its own rules."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.schedule import Configurations, Course, Moves, NoCourse, Standing, cheapest


def planned(cost: np.ndarray, can: Configurations, moves: Moves, start: Standing) -> Course:
    found = cheapest(np.asarray(cost, float), can, moves, start)
    assert isinstance(found, Course)
    return found


def machines(most: int, **limits: float) -> Configurations:
    return Configurations(np.arange(most + 1.0), np.zeros(most + 1), **limits)  # type: ignore[arg-type]


def test_each_step_takes_its_cheapest_machine_count_when_nothing_binds() -> None:
    cost = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])[:, :, None]
    found = planned(cost, machines(2, reach=2), Moves.none(), Standing(0))
    assert found.configuration.tolist() == [1, 0, 2]
    assert found.cost == pytest.approx(3.0)


def test_a_start_is_not_worth_less_than_it_costs() -> None:
    # A second machine saves 2 a step for two steps. A start of 3 is paid back by 4, one of 5 is not.
    cost = np.array([[10.0, 10.0], [10.0, 8.0], [10.0, 8.0], [10.0, 10.0]])[:, :, None]
    cheap = planned(cost, machines(1, start_cost=3.0), Moves.none(), Standing(0))
    dear = planned(cost, machines(1, start_cost=5.0), Moves.none(), Standing(0))
    assert cheap.configuration.max() == 1
    assert cheap.cost == pytest.approx(39.0)
    assert dear.configuration.max() == 0
    assert dear.cost == pytest.approx(40.0)


def test_a_machine_once_started_runs_its_time_and_once_stopped_rests() -> None:
    # Running is worth it in step 1 only (saves 5), each other step costs 1 more. On for three steps:
    # -5 + 2 = -3, worth it; the earliest stop is three steps after the start.
    cost = np.zeros((6, 2, 1))
    cost[:, 1, 0] = [1.0, -5.0, 1.0, 1.0, 1.0, 1.0]
    found = planned(cost, machines(1, min_on=3), Moves.none(), Standing(0))
    assert found.configuration.sum() == 3
    assert found.configuration[1] == 1
    assert found.cost == pytest.approx(-3.0)
    # Off at once, it rests for three steps and comes back for three: -6; staying on would give 5 - 10.
    # With no rest it would be off for step 0 only: -10.
    cost[:, 1, 0] = [5.0, -2.0, -2.0, -2.0, -2.0, -2.0]
    rested = planned(cost, machines(1, min_off=3), Moves.none(), Standing(1))
    assert rested.configuration.tolist() == [0, 0, 0, 1, 1, 1]
    assert rested.cost == pytest.approx(-6.0)
    restless = planned(cost, machines(1), Moves.none(), Standing(1))
    assert restless.cost == pytest.approx(-10.0)


def test_what_was_started_just_now_still_has_to_run() -> None:
    cost = np.zeros((4, 2, 1))
    cost[:, 1, 0] = 1.0
    fresh = planned(cost, machines(1, min_on=4), Moves.none(), Standing(1, steps_since_start=1))
    assert fresh.configuration.tolist() == [1, 1, 0, 0]
    old = planned(cost, machines(1, min_on=4), Moves.none(), Standing(1))
    assert old.configuration.tolist() == [0, 0, 0, 0]


def test_a_tank_buys_cheap_and_uses_it_dear() -> None:
    # Rates -1, 0, +1 levels a step; a level costs its price. Buy at 1 twice, sell at 5 twice, tank of 2.
    price = np.array([1.0, 1.0, 3.0, 5.0, 5.0])
    by = np.array([-1, 0, 1])
    cost = (10 * price)[:, None, None] + price[:, None, None] * by[None, None, :]
    found = planned(cost, machines(0), Moves(by, levels=3), Standing(0))
    assert by[found.rate].tolist() == [1, 1, 0, -1, -1]
    assert found.cost == pytest.approx(150.0 + 2 - 10)


def test_a_full_tank_is_kept_where_it_is_worth_more_than_today_pays() -> None:
    by = np.array([-1, 0, 1])
    cost = np.zeros((3, 1, 3)) + 2.0 * by
    kept = planned(cost, machines(0), Moves(by, 3, left_worth=2.5), Standing(0, level=2))
    sold = planned(cost, machines(0), Moves(by, 3, left_worth=1.5), Standing(0, level=2))
    assert by[kept.rate].sum() == 0
    assert by[sold.rate].sum() == -2


def test_where_nothing_is_possible_it_says_when() -> None:
    cost = np.zeros((4, 2, 1))
    cost[2] = np.inf
    assert cheapest(cost, machines(1), Moves.none(), Standing(0)) == NoCourse(2)


def test_it_is_the_optimum_of_all_sequences_there_are() -> None:
    # Every sequence of 3 configurations over 6 steps, kept if it respects the times: 729 of them.
    rng = np.random.default_rng(5)
    can = machines(2, min_on=2, min_off=3, start_cost=0.4, reach=2)
    for _ in range(5):
        cost = rng.uniform(0, 2, (6, 3, 1))
        found = planned(cost, can, Moves.none(), Standing(1))
        best = min(
            _money(cost, seq, 0.4) for seq in itertools.product(range(3), repeat=6) if _allowed(seq, 2, 3)
        )
        assert found.cost == pytest.approx(best)
        assert found.cost == pytest.approx(_money(cost, found.configuration.tolist(), 0.4))


def _allowed(sequence: tuple[int, ...], on: int, off: int) -> bool:
    started = stopped = -100
    before = 1
    for t, now in enumerate(sequence):
        if now > before:
            if t - stopped < off:
                return False
            started = t
        if now < before:
            if t - started < on:
                return False
            stopped = t
        before = now
    return True


def _money(cost: np.ndarray, sequence: list[int] | tuple[int, ...], start_cost: float) -> float:
    before, total = 1, 0.0
    for t, now in enumerate(sequence):
        total += cost[t, now, 0] + start_cost * max(now - before, 0)
        before = now
    return total


def test_an_integer_program_with_each_machine_by_itself_agrees() -> None:
    # Two machines, each with its own on/off variables and minimum times (Rajan & Takriti 2005, the
    # tight minimum up/down constraints), and a tank of four levels: HiGHS finds the same money.
    rng = np.random.default_rng(11)
    steps, on, off = 12, 3, 2
    cost = rng.uniform(1, 3, (steps, 3))
    price = rng.uniform(0, 1, steps)
    by = np.array([-1, 0, 1])
    table = cost[:, :, None] + price[:, None, None] * by
    can = machines(2, min_on=on, min_off=off, start_cost=0.7, reach=2)
    found = planned(table, can, Moves(by, 4), Standing(0))

    m = pyo.ConcreteModel()
    m.t, m.i, m.n = pyo.RangeSet(0, steps - 1), pyo.RangeSet(0, 1), pyo.RangeSet(0, 2)
    m.on, m.up, m.down = (pyo.Var(m.t, m.i, within=pyo.Binary) for _ in range(3))
    m.count = pyo.Var(m.t, m.n, within=pyo.Binary)
    m.rate = pyo.Var(m.t, bounds=(-1, 1))
    m.level = pyo.Var(m.t, bounds=(0, 3))
    m.rules = pyo.ConstraintList()
    for t in m.t:
        m.rules.add(sum(m.count[t, n] for n in m.n) == 1)
        m.rules.add(sum(n * m.count[t, n] for n in m.n) == sum(m.on[t, i] for i in m.i))
        m.rules.add(m.level[t] == (m.level[t - 1] if t else 0) + m.rate[t])
        for i in m.i:
            m.rules.add(m.on[t, i] - (m.on[t - 1, i] if t else 0) == m.up[t, i] - m.down[t, i])
            m.rules.add(sum(m.up[k, i] for k in range(max(0, t - on + 1), t + 1)) <= m.on[t, i])
            m.rules.add(sum(m.down[k, i] for k in range(max(0, t - off + 1), t + 1)) <= 1 - m.on[t, i])
    m.cost = pyo.Objective(
        expr=sum(cost[t, n] * m.count[t, n] for t in m.t for n in m.n)
        + sum(price[t] * m.rate[t] for t in m.t)
        + 0.7 * sum(m.up[t, i] for t in m.t for i in m.i)
    )
    SolverFactory("highs").solve(m)
    # One lock for both machines is never cheaper than each by itself, and here it is as cheap.
    assert found.cost == pytest.approx(pyo.value(m.cost), abs=1e-3)
