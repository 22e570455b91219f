"""Numbers of the laws only some sites have: a tank, machines asked for, a demand charge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.billing import DemandBill
from optimizer.blocks import Grouping
from optimizer.costs import SHORT_PRICE
from optimizer.cuts import Reference
from optimizer.problem import Problem
from optimizer.zone_cuts import ZonePlanes, damper_cuts, unit_cuts
from plant.forecast import Array

_WRONG_TANK_SHARE = 3.0
"""Price of a rate the tank cannot keep, over the dearest hour's price of energy."""


@dataclass(frozen=True)
class Asks:
    """Which of these laws a program has."""

    tank: bool = False
    capacity: bool = False
    months: int = 0
    """Billing months with a demand charge."""
    units: bool = False
    """Zones with compressors of their own."""
    dampers: bool = False
    """Zones with outdoor-air dampers."""

    @classmethod
    def of(cls, problem: Problem) -> Asks:
        """What a problem asks for."""
        return cls(
            tank=problem.board.tank is not None,
            capacity=problem.duty.chillers is not None or problem.board.tank is not None,
            months=len(problem.bill.months),
            units=problem.model.bank.units is not None,
            dampers=problem.model.bank.dampers is not None,
        )


NOTHING = Asks()


@dataclass(frozen=True)
class Demand:
    """A demand charge's numbers: which blocks are ``within`` which month (blocks, months), and what the
    month of each pays for in any case (blocks,)."""

    within: Array
    paid_kw: Array
    charge_per_kw: float

    @classmethod
    def of(cls, bill: DemandBill, grouping: Grouping) -> Demand:
        """A block of steps is in the month most of it is in: the later one of two halves."""
        middle = grouping.first + grouping.count // 2
        within = [(month.steps.start <= middle) & (middle < month.steps.stop) for month in bill.months]
        share = np.array(within, dtype=float).reshape(-1, grouping.blocks).T
        return cls(share, share @ np.array([month.paid_kw for month in bill.months]), bill.charge_per_kw)


@dataclass(frozen=True)
class Beyond:
    """Their numbers, by blocks.

    `tank` is start, capacity, worth, price and keep; `capacity` level, slope, capacity and price;
    `fixed_kw` the facility's power that no plan chooses.
    """

    asks: Asks
    tank: tuple[float, float, float, float, Array]
    capacity: tuple[Array, Array, Array, Array]
    fixed_kw: Array
    demand: Demand
    units: ZonePlanes | None = None
    dampers: ZonePlanes | None = None

    @classmethod
    def of(cls, problem: Problem, at: Reference, grouping: Grouping) -> Beyond:
        """Taken at a reference."""
        model, law = problem.model, problem.model.storage
        hours = np.asarray(grouping.count * problem.grid.step_h, dtype=float)
        metered = model.it_meter.at(at.it_reference_kw.sum(axis=1))
        asks = Asks.of(problem)
        return cls(
            asks=asks,
            tank=(
                problem.world.stored_kwh,
                law.capacity_kwh,
                problem.stored_worth,
                _WRONG_TANK_SHARE * float(np.max(problem.energy_price)),
                np.exp(-law.loss_per_h * hours),
            ),
            capacity=_capacity(problem, at, hours) if asks.capacity else (hours, hours, hours, hours),
            fixed_kw=np.asarray(metered + model.losses.at(metered)),
            demand=Demand.of(problem.bill, grouping),
            units=unit_cuts(problem, at) if asks.units else None,
            dampers=damper_cuts(problem, at) if asks.dampers else None,
        )


def _capacity(problem: Problem, at: Reference, hours: Array) -> tuple[Array, Array, Array, Array]:
    """Load as a line of heat, what may carry it, and what is paid for what is not carried."""
    model = problem.model
    heat = model.bank.water_heat_kw(at.left_kw)
    slope = model.load_kw(heat + 1.0) - model.load_kw(heat)
    flow = model.flow_kw_k(at.left_kw, at.supply_c, at.speed, at.chw_c)
    alone = replace(at.duty, storage_kw=None)
    room = model.water_side(model.load_kw(heat), flow, at.chw_c, at.cw_c, at.wet_bulb_c, alone)
    law = model.chillers
    most = np.full(len(heat), float(law.number)) if at.duty.chillers is None else at.duty.chillers
    able = most * law.carries_kw + room.economizer_kw
    return model.load_kw(heat) - slope * heat, slope, np.asarray(able), SHORT_PRICE * hours
