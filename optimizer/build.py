"""The linear program, put together one law at a time, and kept while its structure fits."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import pyomo.environ as pyo

from optimizer import cuts
from optimizer.laws.coils import add_open_valve, load_open_valve
from optimizer.laws.fans import add_fan_power, load_fan_power
from optimizer.laws.inlets import add_inlets, load_inlets
from optimizer.laws.plant_room import add_plant_room, load_plant_room
from optimizer.laws.ramps import add_ramps, load_ramps
from optimizer.laws.servers import add_server_rise, load_server_rise
from optimizer.laws.values import load, parameter
from optimizer.problem import Problem
from optimizer.solve import NothingFound, PersistentHighs, Solved, SolverFailed
from plant.forecast import Array
from plant.plan import SolverFacts

_SHORT_PRICE_SHARE = 0.05
"""Price of a kelvin of supply air out of the coil's reach, as a share of an inlet's excess."""


@dataclass(frozen=True)
class Shape:
    """What the program's structure depends on."""

    steps: int
    step_s: int
    zones: int
    fine: int
    coarse: int


class LinearPlan:
    """Pyomo model and solver of one shape; each solve loads new numbers into them."""

    def __init__(self, shape: Shape, model: pyo.ConcreteModel, solver: PersistentHighs) -> None:
        self._shape = shape
        self._model = model
        self._solver = solver
        self._grouping = cuts.Grouping.of(shape.steps, shape.fine, shape.coarse)
        self._size = (
            sum(1 for _ in model.component_data_objects(pyo.Var)),
            sum(1 for _ in model.component_data_objects(pyo.Constraint)),
        )

    @classmethod
    def build(cls, problem: Problem) -> LinearPlan:
        """Build the structure for a problem; its numbers come with `solve`."""
        shape = _shape(problem)
        grouping = cuts.Grouping.of(shape.steps, shape.fine, shape.coarse)
        settings = problem.settings
        options = {
            "threads": settings.threads,
            "time_limit": settings.solve_limit_s,
            "mip_rel_gap": settings.gap,
        }
        model = _assemble(len(grouping.count), shape.zones)
        return cls(shape, model, PersistentHighs(model, options))

    def fits(self, problem: Problem) -> bool:
        """Whether a problem has this structure."""
        return _shape(problem) == self._shape

    def solve(
        self, problem: Problem, around: Array, reach: float = 1.0
    ) -> Solved | NothingFound | SolverFailed:
        """The best path near ``around`` (steps, axes) under the cuts taken there.

        `reach` scales the neighborhood they are trusted in.
        """
        at = cuts.Reference.of(problem, around, self._grouping)
        self._load(problem, at, around, reach)
        try:
            ended = self._solver.run()
        except (RuntimeError, ValueError) as error:
            return SolverFailed(f"HiGHS broke down: {error}")
        if not ended.has_values:
            return NothingFound(f"HiGHS ended with {ended.termination} and no trajectory")
        blocks = np.array(
            [[pyo.value(self._model.x[t, a]) for a in self._model.axes] for t in self._model.steps]
        )
        path = problem.board.ramped(self._grouping.spread(blocks, self._shape.steps), self._shape.step_s)
        facts = SolverFacts("highs", ended.termination, ended.gap, *self._size)
        return Solved(path, ended.proven, facts)

    def matrix(self) -> highspy.HighsLp:
        """The numbers HiGHS now holds, for a comparison with HiGHS alone."""
        return self._solver.matrix()

    def _load(self, problem: Problem, at: cuts.Reference, around: Array, reach: float) -> None:
        """Bring this problem's numbers into every law."""
        m, settings = self._model, problem.settings
        hours = self._grouping.count * problem.grid.step_h
        low, high = _neighborhood(problem, self._grouping.mean(around), reach)
        present = np.array([a.present for a in problem.board.axes])
        load_ramps(m.ramps, present, _reach(problem, self._grouping), low, high)
        bank = problem.model.bank
        keep = np.exp(-self._grouping.count[:, None] * problem.grid.step_s / bank.tau_s)
        start = bank.padded(problem.world.inlets_c).max(axis=-1)
        rise = cuts.rise_cuts(problem.model, at)
        limit = problem.limit_c - settings.sigmas * at.std_k
        load_inlets(m.inlets, start, keep, limit, rise.level, rise.slope)
        server = cuts.server_cuts(problem.model, at)
        load_server_rise(m.servers, server.level, server.slope)
        fan = cuts.fan_cuts(problem)
        load_fan_power(m.fans, fan.level, fan.slope)
        valve = cuts.valve_cuts(problem.model, at)
        load_open_valve(m.coils, valve.level, valve.slope)
        room = cuts.room_planes(problem, at)
        load_plant_room(m.room, room.level, room.per_heat, room.per_axis)
        load(m.it_kw, at.it_reference_kw)
        total = at.it_kw.sum(axis=1)
        metered = problem.model.it_meter.at(total + 1.0) - problem.model.it_meter.at(total)
        lost = problem.model.losses.at(total + 1.0) - problem.model.losses.at(total)
        losses = (metered * (1 + lost)).mean() - 1.0
        load(m.energy_price, np.asarray(at.price * hours))
        m.loss_share.set_value(float(losses))
        load(m.excess_price, np.asarray(settings.violation_cost_per_k_h * hours))
        scale = np.array([max(a.max_move, 1e-9) for a in problem.board.axes])
        load(m.move_price, np.asarray(settings.move_cost / scale))


def _shape(problem: Problem) -> Shape:
    settings = problem.settings
    return Shape(
        problem.grid.steps,
        problem.grid.step_s,
        len(problem.model.zones),
        settings.fine_steps,
        settings.coarse_steps,
    )


def _assemble(blocks: int, zones: int) -> pyo.ConcreteModel:
    """The table of contents: which laws, in which order, and what is minimized."""
    m = pyo.ConcreteModel("cooling plan")
    m.steps = pyo.RangeSet(0, blocks - 1)
    m.zones = pyo.RangeSet(0, zones - 1)
    m.axes = pyo.RangeSet(0, 2 * zones + 1)
    m.x = pyo.Var(m.steps, m.axes)
    m.it_kw = parameter(m.steps, m.zones)
    supply = pyo.Reference({(t, z): m.x[t, z] for t in m.steps for z in m.zones})
    speed = pyo.Reference({(t, z): m.x[t, zones + z] for t in m.steps for z in m.zones})
    chw = pyo.Reference({t: m.x[t, 2 * zones] for t in m.steps})
    m.supply, m.speed, m.chw = supply, speed, chw

    m.ramps, m.inlets, m.servers = pyo.Block(), pyo.Block(), pyo.Block()
    m.fans, m.coils, m.room = pyo.Block(), pyo.Block(), pyo.Block()
    add_ramps(m.ramps, m.steps, m.axes, m.x)
    add_inlets(m.inlets, m.steps, m.zones, pyo.RangeSet(0, len(cuts.RISE_OFFSETS) - 2), supply, speed)
    add_server_rise(
        m.servers, m.steps, m.zones, pyo.RangeSet(0, len(cuts.SERVER_OFFSETS_K) - 2), m.inlets.inlet
    )
    add_fan_power(m.fans, m.steps, m.zones, pyo.RangeSet(0, cuts.FAN_POINTS - 1), speed)
    add_open_valve(
        m.coils, m.steps, m.zones, pyo.RangeSet(0, len(cuts.VALVE_OFFSETS) - 1), supply, speed, chw
    )
    m.heat_kw = pyo.Expression(
        m.steps,
        rule=lambda m, t: sum(m.it_kw[t, z] + m.servers.rise_kw[t, z] + m.fans.fan_kw[t, z] for z in m.zones),
    )
    add_plant_room(m.room, m.steps, m.axes, pyo.RangeSet(0, len(cuts.ROOM_SHIFTS) - 1), m.x, m.heat_kw)
    _add_cost(m)
    return m


def _add_cost(m: pyo.ConcreteModel) -> None:
    """Money: energy with carbon, a little for movement, much for excess."""
    m.energy_price = parameter(m.steps)
    m.excess_price = parameter(m.steps)
    m.move_price = parameter(m.axes)
    m.loss_share = pyo.Param(mutable=True, initialize=0.0)
    energy = sum(
        m.energy_price[t]
        * (
            m.room.room_kw[t]
            + sum((1 + m.loss_share) * m.servers.rise_kw[t, z] + m.fans.fan_kw[t, z] for z in m.zones)
        )
        for t in m.steps
    )
    excess = sum(
        m.excess_price[t] * (m.inlets.excess[t, z] + _SHORT_PRICE_SHARE * m.coils.short[t, z])
        for t in m.steps
        for z in m.zones
    )
    moves = sum(m.move_price[a] * m.ramps.moved[t, a] for t in m.steps for a in m.axes)
    m.cost = pyo.Objective(expr=energy + excess + moves)


def _neighborhood(problem: Problem, path: Array, share: float) -> tuple[Array, Array]:
    """Where the tangents may be trusted, inside the levers' ranges. Shapes (blocks, axes)."""
    zones = len(problem.model.zones)
    reach = np.array(
        [cuts.TRUST["supply"]] * zones + [cuts.TRUST["speed"]] * zones + [cuts.TRUST["chw"], cuts.TRUST["cw"]]
    )
    reach = reach * share
    low = np.array([a.low for a in problem.board.axes])
    high = np.array([a.high for a in problem.board.axes])
    # The path itself may stand outside a range (a lever found there): never make that infeasible.
    return np.minimum(np.maximum(path - reach, low), path), np.maximum(np.minimum(path + reach, high), path)


def _reach(problem: Problem, grouping: cuts.Grouping) -> Array:
    """Largest move into each block: one control period's first, then what the time allows."""
    move = np.array([a.max_move for a in problem.board.axes])
    middle = grouping.first + (grouping.count - 1) / 2
    periods = np.diff(middle, prepend=0.0) * problem.grid.step_s / 300.0
    periods[0] = 1.0
    return np.asarray(periods[:, None] * move)
