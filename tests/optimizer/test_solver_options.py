"""HiGHS ignores options it does not know; we do not."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest

from optimizer.solve import PersistentHighs, check_options
from plant.errors import BrokenPromise


def test_a_misspelt_option_fails_loudly_and_is_named() -> None:
    with pytest.raises(BrokenPromise, match="time_limmit"):
        check_options({"time_limmit": 5.0})


def test_an_ill_typed_option_fails_too() -> None:
    with pytest.raises(BrokenPromise, match="threads"):
        check_options({"threads": "many"})


def small() -> pyo.ConcreteModel:
    m = pyo.ConcreteModel()
    m.least = pyo.Param(mutable=True, initialize=1.0)
    m.x = pyo.Var(bounds=(0, 10))
    m.enough = pyo.Constraint(expr=m.x >= m.least)
    m.cost = pyo.Objective(expr=m.x)
    return m


def test_a_kept_model_follows_its_parameters() -> None:
    m = small()
    solver = PersistentHighs(m, {"threads": 1})
    for least in (1.0, 4.0, 2.5):
        m.least.set_value(least)
        ended = solver.run()
        assert ended.has_values
        assert ended.proven
        assert pyo.value(m.x) == pytest.approx(least)


def test_infeasible_is_an_ending_not_an_exception_and_passes() -> None:
    m = small()
    solver = PersistentHighs(m, {"threads": 1})
    m.least.set_value(11.0)
    assert not solver.run().has_values
    m.least.set_value(3.0)
    assert solver.run().has_values
