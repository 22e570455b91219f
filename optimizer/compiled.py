"""A Pyomo model taken apart once: its matrix as a formula of its parameters.

Every number of a linear program written in Pyomo — coefficient, bound, side, cost — is a polynomial
of its mutable parameters, nearly always `constant + Σ factor · parameter`. That formula is read off
Pyomo's expressions once per structure; afterwards new parameters become a new matrix by one sparse
product, in microseconds where Pyomo walks its expressions for as long as the solver takes.

Pyomo stays the only place where a law is written. A test compares the two ways for equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.core.expr import numeric_expr as ex
from pyomo.core.expr.numvalue import native_numeric_types

from optimizer.formulas import Formula, Formulas, added, multiplied, scaled
from optimizer.laws.values import hold, refresh, without_dust
from optimizer.matrix import Matrix
from plant.errors import BrokenPromise
from plant.forecast import Array

_ROUNDING = 1e-9


class Compiled:
    """One structure and the vector of its parameters' present numbers."""

    def __init__(self, model: pyo.ConcreteModel) -> None:
        """Read the formulas of a model; from here on `load` fills this program.

        Raises
        ------
        BrokenPromise
            Where something is not linear in the variables, or of higher degree in the parameters.
        """
        self.numbers, places = _take_over_parameters(model)
        self._single = [p for p in _parameters(model) if not p.is_indexed()]
        self._column = {id(v): j for j, v in enumerate(_variables(model))}
        reader = _Reader(places, self._column)
        self._cost, self._offset = reader.objective(model)
        rows, bounds = reader.rows(model)
        self._row = {id(c): i for i, (c, *_) in enumerate(rows)}
        self._bound_column = np.array([b[0] for b in bounds], dtype=np.intp)
        self._bound_upper = np.array([b[1] for b in bounds], dtype=bool)
        count = len(self.numbers)
        lengths = [len(r[3]) for r in rows]
        parts = (
            [b[2] for b in bounds],
            [r[1] for r in rows],
            [r[2] for r in rows],
            [f for r in rows for _, f in r[3]],
            [*self._cost, self._offset],
        )
        self._formulas = Formulas.of([f for part in parts for f in part], count)
        self._ends = np.cumsum([len(part) for part in parts])[:-1]
        self._start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        self._index = np.array([j for r in rows for j, _ in r[3]], dtype=np.int32)
        self._domain = _domains(model)

    def matrix(self) -> Matrix:
        """The program with the numbers loaded last."""
        for param in self._single:
            refresh(param)
        numbers = without_dust(self.numbers)
        lower, upper, integral = (a.copy() for a in self._domain)
        bound, row_lower, row_upper, value, costs = np.split(self._formulas.at(numbers), self._ends)
        top = self._bound_upper
        np.minimum.at(upper, self._bound_column[top], bound[top])
        np.maximum.at(lower, self._bound_column[~top], bound[~top])
        # Two bounds that meet may cross by a rounding; crossed bounds are an error to HiGHS.
        lower = np.where((lower > upper) & (lower <= upper + _ROUNDING), upper, lower)
        return Matrix(
            cost=costs[:-1],
            offset=float(costs[-1]),
            col_lower=lower,
            col_upper=upper,
            row_lower=row_lower,
            row_upper=row_upper,
            start=self._start,
            index=self._index,
            value=value,
            integral=integral.astype(np.int32),
        )

    def rows_of(self, component: pyo.Constraint) -> NDArray[np.intp]:
        """Where a constraint's rows stand, in the order of its index set; those that are bounds do not."""
        found = (self._row.get(id(component[k])) for k in component)
        return np.array([row for row in found if row is not None], dtype=np.intp)

    def columns_of(self, component: pyo.Var) -> NDArray[np.intp]:
        """Where a variable's values stand in a solution, in the order of its index set."""
        return np.array([self._column[id(component[k])] for k in component.index_set()], dtype=np.intp)


def _variables(model: pyo.ConcreteModel) -> Iterator[Any]:
    yield from model.component_data_objects(pyo.Var, descend_into=True)


def _domains(model: pyo.ConcreteModel) -> tuple[Array, Array, Array]:
    """Bounds by declaration, and which variables are whole."""
    found = list(_variables(model))
    lower = np.array([-np.inf if v.lb is None else v.lb for v in found], dtype=float)
    upper = np.array([np.inf if v.ub is None else v.ub for v in found], dtype=float)
    return lower, upper, np.array([0.0 if v.is_continuous() else 1.0 for v in found])


def _parameters(model: pyo.ConcreteModel) -> list[Any]:
    return [p for p in model.component_objects(pyo.Param, descend_into=True) if p.mutable]


def _take_over_parameters(model: pyo.ConcreteModel) -> tuple[Array, dict[int, int]]:
    """One vector for all mutable parameters, and each one's place in it."""
    params = _parameters(model)
    numbers = np.zeros(sum(len(p.index_set()) for p in params))
    places: dict[int, int] = {}
    first = 0
    for param in params:
        keys = list(param.index_set())
        places |= {id(param[key]): first + i for i, key in enumerate(keys)}
        hold(param, numbers[first : first + len(keys)])
        first += len(keys)
    return numbers, places


_Row: TypeAlias = tuple[Any, Formula, Formula, list[tuple[int, Formula]]]
_Bound: TypeAlias = tuple[int, bool, Formula]


_NO_COLUMN = -1
_SUMS = (ex.SumExpression, ex.LinearExpression)


class _Reader:
    """Reads Pyomo's expressions as formulas of the parameters."""

    def __init__(self, places: dict[int, int], column: dict[int, int]) -> None:
        self._places, self._column = places, column

    def objective(self, model: pyo.ConcreteModel) -> tuple[list[Formula], Formula]:
        """Cost of each column, and the constant."""
        goal = next(model.component_data_objects(pyo.Objective, active=True))
        if goal.sense != pyo.minimize:
            raise BrokenPromise("the program minimizes money: its objective maximizes")
        terms, constant = self._linear(goal.expr)
        costs: list[Formula] = [{} for _ in self._column]
        for column, formula in terms:
            costs[column] = formula
        return costs, constant

    def rows(self, model: pyo.ConcreteModel) -> tuple[list[_Row], list[_Bound]]:
        """Every constraint: a bound where it holds one variable with a fixed factor, else a row."""
        rows: list[_Row] = []
        bounds: list[_Bound] = []
        for constraint in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
            terms, constant = self._linear(constraint.body)
            low, _, high = constraint.to_bounded_expression()
            lower: Formula = {(): -np.inf} if low is None else added(self._formula(low), constant, -1.0)
            upper: Formula = {(): np.inf} if high is None else added(self._formula(high), constant, -1.0)
            factor = terms[0][1].get((), 0.0) if len(terms) == 1 and set(terms[0][1]) == {()} else 0.0
            if factor:
                column = terms[0][0]
                sides = [(lower, factor < 0)] if low is not None else []
                sides += [(upper, factor > 0)] if high is not None else []
                bounds += [(column, top, scaled(side, 1 / factor)) for side, top in sides]
            else:
                rows.append((constraint, lower, upper, terms))
        return rows, bounds

    def _linear(self, expression: Any) -> tuple[list[tuple[int, Formula]], Formula]:
        """Factor of each column, in their order, and the constant."""
        terms: dict[int, Formula] = {_NO_COLUMN: {}}
        self._gather(expression, {(): 1.0}, terms)
        constant = terms.pop(_NO_COLUMN)
        return sorted(terms.items()), constant

    def _gather(self, e: Any, factor: Formula, terms: dict[int, Formula]) -> None:
        """Add ``factor`` times an expression to the terms."""
        column = self._column.get(id(e))
        if column is not None:
            terms[column] = added(terms.get(column, {}), factor)
        elif e.__class__ in native_numeric_types or not e.is_potentially_variable():
            terms[_NO_COLUMN] = added(terms[_NO_COLUMN], multiplied(factor, self._formula(e)))
        elif e.is_named_expression_type():
            self._gather(e.expr, factor, terms)
        elif isinstance(e, _SUMS):
            for part in e.args:
                self._gather(part, factor, terms)
        elif isinstance(e, ex.NegationExpression):
            self._gather(e.args[0], scaled(factor, -1.0), terms)
        elif isinstance(e, ex.ProductExpression) and sum(map(_may_vary, e.args)) == 1:
            fixed, moving = sorted(e.args, key=_may_vary)
            self._gather(moving, multiplied(factor, self._formula(fixed)), terms)
        elif isinstance(e, ex.DivisionExpression) and not _may_vary(e.args[1]):
            self._gather(e.args[0], scaled(factor, 1 / self._number(e.args[1])), terms)
        else:
            raise BrokenPromise(f"not linear in the variables: {e}")

    def _formula(self, e: Any) -> Formula:
        """An expression without variables."""
        if e.__class__ in native_numeric_types:
            return {(): float(e)}
        place = self._places.get(id(e))
        if place is not None:
            return {(place,): 1.0}
        if not e.is_expression_type():
            return {(): float(pyo.value(e))}
        if e.is_named_expression_type():
            return self._formula(e.expr)
        if isinstance(e, _SUMS):
            total: Formula = {}
            for part in e.args:
                total = added(total, self._formula(part))
            return total
        if isinstance(e, ex.NegationExpression):
            return scaled(self._formula(e.args[0]), -1.0)
        if isinstance(e, ex.ProductExpression):
            return multiplied(self._formula(e.args[0]), self._formula(e.args[1]))
        if isinstance(e, ex.DivisionExpression):
            return scaled(self._formula(e.args[0]), 1 / self._number(e.args[1]))
        raise BrokenPromise(f"a coefficient is not a polynomial of parameters: {e}")

    def _number(self, e: Any) -> float:
        """A divisor, which must not change."""
        formula = self._formula(e)
        if set(formula) != {()}:
            raise BrokenPromise(f"nothing may be divided by a parameter: {e}")
        return formula[()]


def _may_vary(e: Any) -> bool:
    return e.__class__ not in native_numeric_types and bool(e.is_potentially_variable())
