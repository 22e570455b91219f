"""HiGHS ignores options it does not know; we do not. Nor do we take any answer it gives."""

from __future__ import annotations

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest

from optimizer.compiled import Compiled
from optimizer.laws.values import load
from optimizer.solve import Solver, check_options
from plant.errors import BrokenPromise


def test_a_misspelt_option_fails_loudly_and_is_named() -> None:
    with pytest.raises(BrokenPromise, match="time_limmit"):
        check_options({"time_limmit": 5.0})


def test_an_ill_typed_option_fails_too() -> None:
    with pytest.raises(BrokenPromise, match="threads"):
        check_options({"threads": "many"})


def test_a_solver_is_not_even_made_with_an_option_it_would_ignore() -> None:
    with pytest.raises(BrokenPromise, match="treads"):
        Solver({"treads": 1})


def small(whole: bool = False) -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.least = pyo.Param(mutable=True, initialize=1.0)
    m.x = pyo.Var(bounds=(0, 10), within=pyo.Integers if whole else pyo.Reals)
    m.y = pyo.Var(bounds=(0, 1))
    m.enough = pyo.Constraint(expr=m.x + m.y >= m.least)
    m.cost = pyo.Objective(expr=m.x + 3 * m.y)
    return m


def test_a_kept_solver_follows_the_parameters() -> None:
    m = small()
    compiled, solver = Compiled(m), Solver({"threads": 1})
    for least in (1.0, 4.0, 2.5):
        load(m.least, least)
        ended = solver.run(compiled.matrix())
        assert ended.proven
        assert ended.values == pytest.approx([least, 0.0])


def test_infeasible_is_an_ending_not_an_exception_and_passes() -> None:
    m = small()
    compiled, solver = Compiled(m), Solver({"threads": 1})
    load(m.least, 12.0)
    ended = solver.run(compiled.matrix())
    assert ended.values is None
    assert "infeasible" in ended.termination
    load(m.least, 3.0)
    assert solver.run(compiled.matrix()).proven


def test_whole_numbers_stay_whole() -> None:
    # 2.5 from whole x at 1 each and a fraction y at 3: x = 3 costs 3, x = 2 and y = 0.5 cost 3.5.
    m = small(whole=True)
    compiled = Compiled(m)
    load(m.least, 2.5)
    ended = Solver({"threads": 1, "mip_rel_gap": 0.0}).run(compiled.matrix())
    assert ended.values == pytest.approx([3.0, 0.0])
    assert ended.gap == pytest.approx(0.0)


def test_an_answer_that_breaks_a_bound_a_row_or_wholeness_is_found_out() -> None:
    m = small(whole=True)
    compiled = Compiled(m)
    load(m.least, 2.5)
    matrix = compiled.matrix()
    assert matrix.worst_violation(np.array([3.0, 0.0])) == 0.0
    assert matrix.worst_violation(np.array([3.0, -0.2])) == pytest.approx(0.2)
    assert matrix.worst_violation(np.array([2.0, 0.0])) == pytest.approx(0.25)
    assert matrix.worst_violation(np.array([2.5, 0.0])) == pytest.approx(0.5)


def test_out_of_time_without_a_feasible_point_is_no_answer() -> None:
    m = small()
    ended = Solver({"threads": 1, "time_limit": 0.0, "presolve": "off"}).run(Compiled(m).matrix())
    assert ended.values is None
    assert not ended.proven


def test_the_time_limit_is_each_run_s_own_not_that_of_all_runs_together() -> None:
    # A HiGHS that is kept counts its limit over everything it ever solved (seen with 1.15).
    m = pyo.ConcreteModel()
    m.i = pyo.RangeSet(0, 1500)
    m.x = pyo.Var(m.i, bounds=(0, 2))
    m.chain = pyo.Constraint(
        m.i, rule=lambda m, i: m.x[i] + (m.x[i - 1] if i else 0) + (m.x[i - 2] if i > 1 else 0) >= 1.1
    )
    m.cost = pyo.Objective(expr=sum((1 + (7 * i) % 11) * m.x[i] for i in m.i))
    matrix, solver = Compiled(m).matrix(), Solver({"threads": 1, "time_limit": 0.5, "presolve": "off"})
    assert all(solver.run(matrix).proven for _ in range(100))


def test_a_start_that_leads_nowhere_is_forgotten() -> None:
    m = small()
    compiled = Compiled(m)
    load(m.least, 2.5)
    matrix = compiled.matrix()
    nonsense = highspy.HighsBasis()
    nonsense.col_status = [highspy.HighsBasisStatus.kBasic] * matrix.columns
    nonsense.row_status = [highspy.HighsBasisStatus.kBasic] * matrix.rows
    assert Solver({"threads": 1, "presolve": "off"}).run(matrix, nonsense).values == pytest.approx([2.5, 0.0])
