"""The linear program's laws that only some sites have, and their numbers: see `optimizer.build`."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from optimizer.beyond import Asks, Beyond
from optimizer.laws.capacity import add_capacity, load_capacity
from optimizer.laws.demand import add_demand, load_demand
from optimizer.laws.dx import add_compressors, load_compressors
from optimizer.laws.outdoor_air import load_outdoor_air
from optimizer.laws.storage import add_storage, load_storage
from optimizer.laws.values import load, parameter
from optimizer.zone_cuts import UNIT_SHIFTS
from plant.forecast import Array


def add_beyond(m: pyo.ConcreteModel, asks: Asks, rate: pyo.Var | None) -> None:
    """A tank, machines asked for, compressors in the rooms, a demand charge, as ``asks`` has them.

    Their money is gathered in `m.beyond_cost`. Outdoor air is part of the heat balance (`build`).
    """
    m.beyond_cost = pyo.Expression(expr=0.0)
    if rate is not None:
        m.rate, m.tank = rate, pyo.Block()
        add_storage(m.tank, m.steps, rate)
        m.beyond_cost.expr += m.tank.cost
    if asks.capacity:
        m.capacity = pyo.Block()
        add_capacity(m.capacity, m.steps, m.heat_kw, rate)
        m.beyond_cost.expr += m.capacity.cost
    if asks.units:
        m.units = pyo.Block()
        where = (m.supply, m.speed, m.left_kw)
        add_compressors(m.units, m.steps, m.zones, pyo.RangeSet(0, len(UNIT_SHIFTS) - 1), *where)
        m.beyond_cost.expr += m.units.cost
    if asks.months:
        m.at_the_meter = parameter(m.steps)
        m.controlled_kw = pyo.Expression(
            m.steps,
            rule=lambda m, t: (
                m.room.room_kw[t]
                + sum(m.fans.fan_kw[t, z] + m.at_the_meter[t] * m.servers.rise_kw[t, z] for z in m.zones)
                + (sum(m.units.kw[t, z] for z in m.zones) if asks.units else 0.0)
            ),
        )
        m.demand = pyo.Block()
        add_demand(m.demand, m.steps, pyo.RangeSet(0, asks.months - 1), m.controlled_kw)
        m.beyond_cost.expr += m.demand.cost


def load_beyond(
    m: pyo.ConcreteModel, beyond: Beyond, hours: Array, energy: Array, rest_kw: Array, at_the_meter: float
) -> None:
    """New numbers, by blocks (blocks,).

    `hours` are the blocks' lengths, `energy` the money for a kilowatt over them, `rest_kw` the heat of
    zones that this program does not hold beyond their reference, `at_the_meter` what a kilowatt at the
    racks is there.
    """
    if beyond.asks.tank:
        load_storage(m.tank, *beyond.tank, hours)
    if beyond.units is not None:
        load_compressors(m.units, energy, *beyond.units.each)
    if beyond.dampers is not None:
        load_outdoor_air(m.dampers, *beyond.dampers.each)
    if beyond.asks.capacity:
        load_capacity(m.capacity, *beyond.capacity)
    if beyond.asks.months:
        bill = beyond.demand
        # What the other zones' fans and servers draw beyond their reference is fixed here.
        load_demand(m.demand, bill.within, bill.paid_kw, bill.charge_per_kw, beyond.fixed_kw + rest_kw)
        load(m.at_the_meter, np.full(len(hours), at_the_meter))
