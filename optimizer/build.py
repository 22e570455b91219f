"""The linear program, put together one law at a time.

How to add a law: write `optimizer/laws/yours.py` with `add_yours(block, …)`, which states it in Pyomo,
and `load_yours(block, …)`, which brings new numbers; call the one in `assemble`, the other in
`load_numbers`, and put its money into `_add_cost`. Coefficients, sides and bounds may be any sums and
products (of two) of parameters; `optimizer.compiled` reads them off once, so `load` is all a pass
pays. Name variables that the plan needs besides the levers in `OUTPUTS`.

The same program serves three scopes (`Scope`): the whole site; some zones, the others standing still;
and the plant room alone. A law of the plant room takes `m.heat_kw`, `m.flow`, `m.chw`, `m.cw`, which
are there in each. A law of the zones runs over `m.zones`, which may be few or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from optimizer import cuts
from optimizer.beyond import NOTHING, Asks, Beyond
from optimizer.blocks import Grouping
from optimizer.build_beyond import add_beyond, load_beyond
from optimizer.contingency import SPEED_OFFSETS, TripCuts, trip_cuts
from optimizer.laws.coils import add_open_valve, load_open_valve
from optimizer.laws.fans import add_fan_power, load_fan_power
from optimizer.laws.flow import add_flow, load_flow
from optimizer.laws.inlets import add_inlets, load_inlets
from optimizer.laws.outdoor_air import add_outdoor_air
from optimizer.laws.plant_room import add_plant_room, load_plant_room
from optimizer.laws.ramps import add_ramps, load_ramps
from optimizer.laws.servers import add_server_rise, load_server_rise
from optimizer.laws.trips import add_trip_room, load_trip_room
from optimizer.laws.values import load, parameter
from optimizer.problem import Problem
from optimizer.room_cuts import FLOW_SHIFTS_K, FlowCuts, RoomPlanes, room_cut_count, water_cuts
from optimizer.zone_cuts import UNIT_SHIFTS
from plant.forecast import Array

TRUST = {"supply": 2.0, "speed": 0.12, "chw": 2.0, "cw": 3.0}
"""How far from the reference the cuts are trusted, by kind of lever."""
TRUST_TANK_SHARE = 0.3
"""The same of a tank's rate, as a share of the most it takes."""
OUTPUTS: tuple[str, ...] = ()
"""Variables over the blocks that a plan takes besides the levers, by their path in the model."""
WATER_LAWS = ("coils.open_valve", "trips.room")
"""Laws of the zones in which the chilled water's temperature stands: what warmer water costs them."""
_SHORT_PRICE_SHARE = 0.05
"""Price of a kelvin of supply air out of the coil's reach, as a share of an inlet's excess."""


@dataclass(frozen=True)
class Shape:
    """What the program's structure depends on. `plant_axes` are the levers that no zone owns."""

    blocks: int
    zones: int
    plant_axes: int
    asks: Asks = NOTHING


@dataclass(frozen=True)
class Numbers:
    """One pass's numbers for all zones: cuts around a path, and how far levers may go from it.

    Arrays (blocks,), (blocks, axes), (blocks, zones) and (blocks, zones, cuts); `start_c` is (zones,).
    """

    problem: Problem
    grouping: Grouping
    at: cuts.Reference
    hours: Array
    low: Array
    high: Array
    reach: Array
    start_c: Array
    """Where the warmest inlets stand."""
    keep: Array
    """Share of the block before that each inlet keeps."""
    limit_c: Array
    """What the warmest inlets may reach, the margin taken off."""
    at_the_meter: float
    """What a kilowatt at the racks is at the meter: what is lost on the way grows too."""
    air: cuts.AirCuts
    flow: FlowCuts
    room: RoomPlanes
    trips: TripCuts
    beyond: Beyond

    @classmethod
    def of(cls, problem: Problem, around: Array, grouping: Grouping, share: float = 1.0) -> Numbers:
        """Take every cut around a path (steps, axes); ``share`` scales where they are trusted."""
        at = cuts.Reference.of(problem, around, grouping)
        low, high = _neighborhood(problem, at.path, share)
        flow, room = water_cuts(problem, at)
        return cls(
            problem=problem,
            grouping=grouping,
            at=at,
            hours=np.asarray(grouping.count * problem.grid.step_h),
            low=low,
            high=high,
            reach=_reach(problem, at.path, grouping),
            start_c=problem.model.bank.padded(problem.world.inlets_c).max(axis=-1),
            keep=np.exp(-grouping.count[:, None] * problem.world.step_s / problem.model.bank.tau_s),
            limit_c=np.asarray(problem.limit_c - problem.margin_k(at.std_k)),
            at_the_meter=_at_the_meter(problem, at),
            air=cuts.AirCuts.of(problem.model, at),
            flow=flow,
            room=room,
            trips=trip_cuts(problem, grouping.mean, at.path),
            beyond=Beyond.of(problem, at, grouping),
        )


@dataclass(frozen=True)
class Scope:
    """What one program decides: some zones, and the levers between ``low`` and ``high`` (blocks, axes).

    Of the other zones it knows the heat beyond their IT reference (blocks,) and their terms in each
    cut of the flow (blocks, cuts), and what a kelvin of warmer chilled water costs them (blocks,).
    """

    zones: NDArray[np.intp]
    low: Array
    high: Array
    rest_beyond_kw: Array
    rest_flow: Array
    water_price: Array

    @classmethod
    def whole(cls, numbers: Numbers) -> Scope:
        """Everything."""
        at, flow = numbers.at, numbers.flow
        zones = np.arange(at.supply_c.shape[1])
        none = np.zeros((len(numbers.hours), flow.cuts))
        return cls(zones, numbers.low, numbers.high, none[:, 0], none, none[:, 0])

    def axes(self, problem: Problem) -> NDArray[np.intp]:
        """Which of the board's axes the program holds, in its own order."""
        count = len(problem.model.zones)
        plant = np.arange(2 * count, len(problem.board.axes))
        return np.concatenate([self.zones, count + self.zones, plant])


def assemble(shape: Shape) -> pyo.ConcreteModel:
    """The table of contents: which laws, in which order, and what is minimized."""
    m = pyo.ConcreteModel("cooling plan")
    zones = shape.zones
    m.steps, m.zones = _range(shape.blocks), _range(zones)
    m.axes = _range(2 * zones + shape.plant_axes)
    m.x = pyo.Var(m.steps, m.axes)
    m.supply = pyo.Reference({(t, z): m.x[t, z] for t in m.steps for z in m.zones})
    m.speed = pyo.Reference({(t, z): m.x[t, zones + z] for t in m.steps for z in m.zones})
    m.chw = pyo.Reference({t: m.x[t, 2 * zones] for t in m.steps})
    m.cw = pyo.Reference({t: m.x[t, 2 * zones + 1] for t in m.steps})

    m.ramps, m.inlets, m.servers, m.fans = pyo.Block(), pyo.Block(), pyo.Block(), pyo.Block()
    m.coils, m.water, m.room, m.trips = pyo.Block(), pyo.Block(), pyo.Block(), pyo.Block()
    add_ramps(m.ramps, m.steps, m.axes, m.x)
    add_inlets(m.inlets, m.steps, m.zones, _range(len(cuts.RISE_OFFSETS) - 1), m.supply, m.speed)
    add_server_rise(m.servers, m.steps, m.zones, _range(len(cuts.SERVER_OFFSETS_K) - 1), m.inlets.inlet)
    add_fan_power(m.fans, m.steps, m.zones, _range(len(cuts.FAN_OFFSETS)), m.speed)
    add_open_valve(m.coils, m.steps, m.zones, _range(len(cuts.VALVE_OFFSETS)), m.supply, m.speed, m.chw)
    add_trip_room(m.trips, m.steps, m.zones, _range(len(SPEED_OFFSETS) - 1), m.supply, m.speed, m.chw)
    _add_heat(m, shape.asks)
    flow_cuts = _range(len(FLOW_SHIFTS_K))
    add_flow(m.water, m.steps, m.zones, flow_cuts, m.supply, m.speed, m.left_kw, m.chw)
    m.flow = pyo.Reference(m.water.flow_kw_k)
    rate = pyo.Reference({t: m.x[t, 2 * zones + 2] for t in m.steps}) if shape.asks.tank else None
    room_cuts = _range(room_cut_count(tank=shape.asks.tank))
    add_plant_room(m.room, m.steps, room_cuts, m.heat_kw, m.flow, m.chw, m.cw, rate)
    add_beyond(m, shape.asks, rate)
    _add_cost(m)
    return m


def load_numbers(m: pyo.ConcreteModel, numbers: Numbers, scope: Scope) -> None:
    """Bring one pass's numbers into every law, in the order of `assemble`."""
    problem, at = numbers.problem, numbers.at
    zones, axes = scope.zones, scope.axes(problem)
    load_ramps(
        m.ramps, problem.board.present[axes], numbers.reach[:, axes], scope.low[:, axes], scope.high[:, axes]
    )
    air = numbers.air.only(zones)
    stands, limit = (numbers.start_c[zones], numbers.keep[:, zones]), numbers.limit_c[:, zones]
    load_inlets(m.inlets, *stands, limit, air.rise.level, air.rise.slope)
    load_server_rise(m.servers, air.server.level, air.server.slope)
    load_fan_power(m.fans, air.fan.level, air.fan.slope)
    load_open_valve(m.coils, air.valve.level, air.valve.slope)
    load_trip_room(m.trips, *numbers.trips.only(zones))
    load(m.asked_kw, problem.model.bank.water_heat_kw(at.air_reference_kw) + scope.rest_beyond_kw)
    flow, room = numbers.flow.only(zones, scope.rest_flow), numbers.room
    load_flow(m.water, flow.level, flow.per_supply, flow.per_speed, flow.per_heat, flow.per_chw)
    planes = (room.level, room.per_heat, room.per_flow, room.per_chw, room.per_cw, room.per_rate)
    load_plant_room(m.room, *planes)
    _load_prices(m, numbers, axes)
    load(m.water_price, scope.water_price)
    energy = at.price * numbers.hours
    load_beyond(m, numbers.beyond, numbers.hours, energy, scope.rest_beyond_kw, numbers.at_the_meter)
    if numbers.beyond.asks.units:
        load(m.to_water, problem.model.bank.wet)


def _add_heat(m: pyo.ConcreteModel, asks: Asks) -> None:
    """Heat the chilled water takes: the IT power asked for, and what warm inlets and air fans add.

    Zones with compressors of their own have a `to_water` of zero, and no part in `asked_kw`. What
    outdoor air takes is off `left_kw`.
    """
    m.asked_kw = parameter(m.steps)
    m.beyond_kw = pyo.Expression(
        m.steps, m.zones, rule=lambda m, t, z: m.servers.rise_kw[t, z] + m.fans.fan_kw[t, z]
    )
    m.heat_kw = pyo.Var(m.steps)
    if not asks.dampers:
        m.left_kw = pyo.Reference(m.beyond_kw)
    else:
        m.dampers = pyo.Block()
        where = (m.supply, m.speed, m.beyond_kw)
        add_outdoor_air(m.dampers, m.steps, m.zones, _range(len(UNIT_SHIFTS)), *where)
        m.left_kw = pyo.Expression(
            m.steps, m.zones, rule=lambda m, t, z: m.beyond_kw[t, z] - m.dampers.taken_kw[t, z]
        )
    if asks.units:
        m.to_water = parameter(m.zones)
    m.heat_balance = pyo.Constraint(
        m.steps,
        rule=lambda m, t: (
            m.heat_kw[t]
            == m.asked_kw[t] + sum((m.to_water[z] if asks.units else 1.0) * m.left_kw[t, z] for z in m.zones)
        ),
    )


def _add_cost(m: pyo.ConcreteModel) -> None:
    """Money: energy with carbon, a little for movement, much for excess."""
    m.energy_price = parameter(m.steps)
    m.it_price = parameter(m.steps)
    m.excess_price = parameter(m.steps)
    m.move_price = parameter(m.axes)
    m.water_price = parameter(m.steps)
    energy = sum(
        m.energy_price[t] * (m.room.room_kw[t] + sum(m.fans.fan_kw[t, z] for z in m.zones)) for t in m.steps
    )
    servers = sum(m.it_price[t] * m.servers.rise_kw[t, z] for t in m.steps for z in m.zones)
    excess = sum(
        m.excess_price[t]
        * (m.inlets.excess[t, z] + m.trips.missing[t, z] + _SHORT_PRICE_SHARE * m.coils.short[t, z])
        for t in m.steps
        for z in m.zones
    )
    moves = sum(m.move_price[a] * m.ramps.moved[t, a] for t in m.steps for a in m.axes)
    others = sum(m.water_price[t] * m.chw[t] for t in m.steps)
    m.cost = pyo.Objective(expr=energy + servers + excess + moves + others + m.beyond_cost)


def _load_prices(m: pyo.ConcreteModel, numbers: Numbers, axes: NDArray[np.intp]) -> None:
    problem, at, settings = numbers.problem, numbers.at, numbers.problem.settings
    energy = at.price * numbers.hours
    load(m.energy_price, energy)
    load(m.it_price, energy * numbers.at_the_meter)
    load(m.excess_price, settings.violation_cost_per_k_h * numbers.hours)
    load(m.move_price, settings.move_cost / problem.board.scale[axes])


def _at_the_meter(problem: Problem, at: cuts.Reference) -> float:
    """What a kilowatt at the racks is at the meter, in the mean."""
    total = at.it_kw.sum(axis=1)
    meter, losses = problem.model.it_meter, problem.model.losses
    more = (meter.at(total + 1.0) - meter.at(total)) * (1 + losses.at(total + 1.0) - losses.at(total))
    return float(more.mean())


def _neighborhood(problem: Problem, path: Array, share: float) -> tuple[Array, Array]:
    """Where the cuts may be trusted, inside the levers' ranges. Shapes (blocks, axes)."""
    zones, board = len(problem.model.zones), problem.board
    trust = [TRUST["supply"]] * zones + [TRUST["speed"]] * zones + [TRUST["chw"], TRUST["cw"]]
    trust += [TRUST_TANK_SHARE * problem.model.storage.most_kw] * (len(board.axes) - len(trust))
    reach = np.array(trust) * share
    # The path itself may stand outside a range (a lever found there): never make that infeasible.
    low = np.minimum(np.maximum(path - reach, board.low), path)
    return low, np.maximum(np.minimum(path + reach, board.high), path)


def _reach(problem: Problem, path: Array, grouping: Grouping) -> Array:
    """Largest move into each block: one control period's first, then what the time allows.

    What the path itself does is always allowed.
    """
    middle = grouping.first + (grouping.count - 1) / 2
    periods = np.diff(middle, prepend=0.0) * problem.grid.step_s / 300.0
    periods[0] = 1.0
    done = np.abs(np.diff(path, axis=0, prepend=problem.board.present[None, :]))
    return np.asarray(np.maximum(periods[:, None] * problem.board.move, done))


def _range(count: int) -> pyo.RangeSet:
    return pyo.RangeSet(0, count - 1)
