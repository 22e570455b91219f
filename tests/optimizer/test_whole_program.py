"""The whole program on paper: what `assemble` makes of its laws' heat, power and money, solved by hand."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory

from optimizer.beyond import NOTHING, Asks
from optimizer.build import Shape, assemble
from optimizer.laws.values import load

ZONES = 2


def every(param: pyo.Param, by_zone: tuple[float, ...]) -> None:
    """The same number for each cut of a zone, or of the site where there is one number."""
    count = len(param.index_set())
    load(param, np.repeat(by_zone, count // len(by_zone)))


def standing(asks: Asks) -> pyo.ConcreteModel:
    """One block of two zones; every lever stands but zone a's supply air, which was 1 K cooler.

    Supply 21 and 22 °C, fans 0.8 and 0.5, chilled water 8 °C, condenser water 25 °C. Inlets are 5 and 3 K
    above supply: 26 and 25 °C, limits 25 and 27. Servers answer by 2 (T − 24): 4 and 2 kW. Fans draw 10 r:
    8 and 5 kW. An open valve makes air 16 K above the water: zone a 3 K, zone b 2 K too cool. After a trip
    zone b is 0.5 K too warm.
    """
    tank = (20.0,) if asks.tank else ()
    m = assemble(Shape(blocks=1, zones=ZONES, plant_axes=2 + len(tank), asks=asks))
    stands = (21.0, 22.0, 0.8, 0.5, 8.0, 25.0, *tank)
    load(m.ramps.present, np.array([20.0, *stands[1:]]))
    load(m.ramps.low, np.array(stands))
    load(m.ramps.high, np.array(stands))
    load(m.ramps.reach, np.ones(len(stands)))
    every(m.inlets.start, (30.0, 30.0))
    every(m.inlets.limit, (25.0, 27.0))
    every(m.inlets.level, (5.0, 3.0))
    every(m.servers.level, (-48.0, -48.0))
    every(m.servers.slope, (2.0, 2.0))
    every(m.fans.slope, (10.0, 10.0))
    every(m.coils.level, (16.0, 16.0))
    every(m.trips.level, (-1.0, 0.5))
    every(m.excess_price, (50.0,))
    every(m.move_price, (0.3,) + (1.0,) * (len(stands) - 1))
    every(m.energy_price, (0.2,))
    every(m.it_price, (0.25,))
    every(m.water_price, (0.4,))
    return m


def solve(m: pyo.ConcreteModel) -> float:
    SolverFactory("highs").solve(m)
    return float(pyo.value(m.cost))


# Broken limits: an inlet by 1 K, a trip by 0.5 K, coils by 3 + 2 K at a twentieth: 50 (1 + 0.5 + 0.25).
BROKEN = 50 * 1.75
# Servers 6 kW at 0.25, a kelvin moved at 0.3, water of 8 °C that others would like warmer at 0.4.
SERVERS, MOVED, WATER = 6 * 0.25, 0.3, 8 * 0.4


def test_two_zones_and_a_plant_room_cost_what_they_do_on_paper() -> None:
    m = standing(NOTHING)
    # Heat: 200 asked for, 4 + 8 and 2 + 5 beyond: 219. Flow: 30 + 0.1 · 12 + 0.3 · 7 - 1.5 · 8 = 21.3.
    load(m.asked_kw, np.array([200.0]))
    every(m.water.level, (30.0,))
    every(m.water.per_heat, (0.1, 0.3))
    every(m.water.per_chw, (-1.5,))
    # Plant room: 5 + 0.1 · 219 + 0.5 · 21.3 - 8 + 0.2 · 25 = 34.55; with fans 47.55 kW at 0.2.
    for param, value in zip(
        (m.room.level, m.room.per_heat, m.room.per_flow, m.room.per_chw, m.room.per_cw),
        (5.0, 0.1, 0.5, -1.0, 0.2),
        strict=True,
    ):
        every(param, (value,))
    assert solve(m) == pytest.approx(47.55 * 0.2 + SERVERS + BROKEN + MOVED + WATER)
    assert pyo.value(m.heat_kw[0]) == pytest.approx(219.0)
    assert pyo.value(m.water.flow_kw_k[0]) == pytest.approx(21.3)


def test_tank_compressors_dampers_and_a_peak_cost_what_they_do_on_paper() -> None:
    # Zone a is cooled by water and outdoor air, zone b by compressors of its own.
    m = standing(Asks(tank=True, capacity=True, months=1, units=True, dampers=True))
    # Outdoor air takes 3 kW of zone a's 12 beyond: 9 are left there, 7 in zone b. Water takes 100 + 9.
    load(m.asked_kw, np.array([100.0]))
    load(m.to_water, np.array([1.0, 0.0]))
    every(m.dampers.level, (3.0, 0.0))
    every(m.water.level, (10.0,))
    every(m.water.per_heat, (0.1, 0.0))
    # Flow 10.9; plant room 5 + 0.1 · 109 + 0.5 · 10.9 + 0.25 · 20 = 26.35.
    for param, value in zip(
        (m.room.level, m.room.per_heat, m.room.per_flow, m.room.per_rate), (5.0, 0.1, 0.5, 0.25), strict=True
    ):
        every(param, (value,))
    # The tank takes 20 kW for half an hour on top of 50 kWh, each worth 0.1.
    load(m.tank.hours, np.array([0.5]))
    m.tank.start.value, m.tank.capacity.value, m.tank.worth.value, m.tank.price.value = 50.0, 100.0, 0.1, 9.0
    # Chillers: 5 + 109 + 20 = 134 of 130 they can carry: 4 short at 3.
    for param, value in zip(
        (m.capacity.level, m.capacity.per_heat, m.capacity.capacity, m.capacity.short_price),
        (5.0, 1.0, 130.0, 3.0),
        strict=True,
    ):
        every(param, (value,))
    # Compressors: 4 + 0.5 · 7 = 7.5 kW in zone b, at 0.2.
    every(m.units.level, (0.0, 4.0))
    every(m.units.per_heat, (0.0, 0.5))
    every(m.units.price, (0.2,))
    # Peak: 100 fixed + 26.35 + 13 fans + 1.1 · 6 servers + 7.5 compressors, 120 billed: 33.45 at 2.
    every(m.at_the_meter, (1.1,))
    m.demand.charge.value = 2.0
    every(m.demand.within, (1.0,))
    every(m.demand.paid, (120.0,))
    every(m.demand.fixed, (100.0,))
    beside = -0.1 * 60 + 4 * 3.0 + 7.5 * 0.2 + 33.45 * 2.0
    assert solve(m) == pytest.approx((26.35 + 13) * 0.2 + SERVERS + BROKEN + MOVED + WATER + beside)
    assert pyo.value(m.heat_kw[0]) == pytest.approx(109.0)
