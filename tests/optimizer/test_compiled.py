"""The fast way to the matrix gives what Pyomo gives, and keeps nothing of what was asked before."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from analytic_plant import outlook, snapshot_at
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.repn import generate_standard_repn

from optimizer import candidates, program
from optimizer.build import Numbers, Scope, load_numbers
from optimizer.compiled import Compiled
from optimizer.laws.values import load, restore
from optimizer.matrix import Matrix
from optimizer.model import PlantModel
from optimizer.mpc import MpcPolicy
from optimizer.pose import pose
from optimizer.problem import PlannerSettings, Problem
from optimizer.program import LinearPlan
from optimizer.solve import Solved, Solver
from plant.errors import BrokenPromise
from plant.forecast import Array
from plant.history import History
from plant.ports import Advice


def posed(history: History, model: PlantModel, load_share: float = 0.7, wet_c: float = 18.0) -> Problem:
    snapshot = snapshot_at(history, 700)
    forecast = outlook(history.site, snapshot.time, load_share, wet_c)
    problem = pose(history.site, model, PlannerSettings(), snapshot, forecast)
    assert isinstance(problem, Problem)
    return problem


def solved(linear: LinearPlan, problem: Problem, around: Array, *, again: bool = False) -> Solved:
    found = linear.solve(problem, around, again=again)
    assert isinstance(found, Solved)
    return found


@pytest.fixture(scope="module")
def problem(history: History, model: PlantModel) -> Problem:
    return posed(history, model)


@pytest.fixture(scope="module")
def linear(problem: Problem) -> LinearPlan:
    return LinearPlan(problem)


def loaded(linear: LinearPlan, problem: Problem) -> tuple[pyo.ConcreteModel, Compiled]:
    """The site's program with a problem's numbers, in the vector and in Pyomo's own parameters."""
    numbers = Numbers.of(problem, candidates.hold(problem), linear.grouping)
    built = linear.built[len(problem.model.zones)]
    load_numbers(built.model, numbers, Scope.whole(numbers))
    restore(built.model)
    return built.model, built.compiled


def dense_row(matrix: Matrix, row: int) -> Array:
    out = np.zeros(matrix.columns)
    part = slice(matrix.start[row], matrix.start[row + 1])
    out[matrix.index[part]] = matrix.value[part]
    return out


def test_every_row_bound_and_cost_is_what_pyomo_makes_of_the_same_numbers(
    linear: LinearPlan, problem: Problem
) -> None:
    m, compiled = loaded(linear, problem)
    matrix = compiled.matrix()
    column = {id(v): j for j, v in enumerate(m.component_data_objects(pyo.Var))}
    lower = np.array([-np.inf if v.lb is None else v.lb for v in m.component_data_objects(pyo.Var)])
    upper = np.array([np.inf if v.ub is None else v.ub for v in m.component_data_objects(pyo.Var)])
    row = 0
    for c in m.component_data_objects(pyo.Constraint, active=True):
        repn = generate_standard_repn(c.body, compute_values=True)
        wanted = np.zeros(matrix.columns)
        for v, factor in zip(repn.linear_vars, repn.linear_coefs, strict=True):
            wanted[column[id(v)]] += factor
        sides = [
            -np.inf if c.lb is None else c.lb - repn.constant,
            np.inf if c.ub is None else c.ub - repn.constant,
        ]
        single = np.flatnonzero(wanted)
        if c.parent_component().local_name in ("not_below", "not_above", "within_reach"):
            j = single[0]
            low, high = sorted(side / wanted[j] for side in sides)
            lower[j], upper[j] = max(lower[j], low), min(upper[j], high)
            continue
        np.testing.assert_allclose(dense_row(matrix, row), wanted, rtol=1e-12, atol=1e-9, err_msg=c.name)
        np.testing.assert_allclose(
            [matrix.row_lower[row], matrix.row_upper[row]], sides, rtol=1e-9, atol=1e-9
        )
        row += 1
    assert row == matrix.rows
    np.testing.assert_allclose(matrix.col_lower, lower, rtol=1e-12)
    np.testing.assert_allclose(matrix.col_upper, upper, rtol=1e-12)
    goal = generate_standard_repn(m.cost.expr, compute_values=True)
    cost = np.zeros(matrix.columns)
    for v, factor in zip(goal.linear_vars, goal.linear_coefs, strict=True):
        cost[column[id(v)]] += factor
    np.testing.assert_allclose(matrix.cost, cost, rtol=1e-12, atol=1e-12)


def test_pyomo_s_own_way_to_highs_finds_the_same_cost(linear: LinearPlan, problem: Problem) -> None:
    m, compiled = loaded(linear, problem)
    matrix = compiled.matrix()
    ended = Solver({"threads": 1}).run(matrix)
    assert ended.values is not None
    SolverFactory("highs").solve(m)
    assert float(matrix.cost @ ended.values) == pytest.approx(float(pyo.value(m.cost)), rel=1e-7)


def test_a_used_program_gives_bit_for_bit_what_a_fresh_one_gives(
    history: History, model: PlantModel, problem: Problem, linear: LinearPlan
) -> None:
    around = candidates.as_found(problem)
    for share, wet in ((0.4, 4.0), (0.9, 25.0)):
        other = posed(history, model, share, wet)
        first = solved(linear, other, candidates.hold(other))
        solved(linear, other, first.path, again=True)
    fresh = LinearPlan(problem)
    for again in (False, True):
        used, new = (solved(p, problem, around, again=again) for p in (linear, fresh))
        np.testing.assert_array_equal(used.path, new.path)
        around = new.path


def test_zones_in_groups_cost_what_all_at_once_cost(
    history: History, model: PlantModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = snapshot_at(history, 700)
    forecast = outlook(history.site, snapshot.time, 0.6, 12.0)
    costs = []
    for whole_up_to in (16, 1):
        monkeypatch.setattr(program, "_WHOLE_UP_TO", whole_up_to)
        monkeypatch.setattr(program, "_GROUP", 2)
        answer = MpcPolicy(history.site, model).decide(snapshot, forecast)
        assert isinstance(answer, Advice)
        assert answer.plan is not None
        by_name = {c.name: c.cost for c in answer.plan.candidates}
        costs.append(by_name["solver"])
        assert by_name["solver"] < by_name["per-step optimum"]
    assert costs[1] == pytest.approx(costs[0], rel=1e-3)


def test_what_is_not_linear_is_refused_by_name() -> None:
    m = pyo.ConcreteModel()
    m.x = pyo.Var()
    m.cost = pyo.Objective(expr=m.x * m.x)
    with pytest.raises(BrokenPromise, match="not linear"):
        Compiled(m)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_a_coefficient_may_multiply_two_parameters_and_no_more(power: int) -> None:
    m = pyo.ConcreteModel()
    m.i = pyo.RangeSet(0, 1)
    m.p = pyo.Param(m.i, mutable=True, initialize=2.0)
    m.x = pyo.Var(bounds=(1, 5))
    m.cost = pyo.Objective(expr=m.p[1] * m.x * _power(m.p[0], power - 1))
    if power == 3:
        with pytest.raises(BrokenPromise, match="three parameters"):
            Compiled(m)
        return
    compiled = Compiled(m)
    load(m.p, np.array([3.0, 5.0]))
    assert compiled.matrix().cost == pytest.approx([5.0 * 3.0 ** (power - 1)])


def _power(p: pyo.Param, times: int) -> object:
    return p * p if times == 2 else p if times == 1 else 1.0
