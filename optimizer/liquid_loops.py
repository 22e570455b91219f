"""Direct-to-chip loops in a plan: what they give to tower water, what they draw, how warm they should run.

A loop's heat is the chips', whatever a plan does; its supply temperature trades pumping against
leakage: warmer liquid asks less of the plate exchanger, and chips beyond 30 °C leak more. So each
step's best temperature is looked up by itself, along the condenser water of a path.
"""

from __future__ import annotations

import numpy as np

from optimizer.identify.liquid import LiquidLaw
from optimizer.loop_sums import FULL
from optimizer.problem import Problem
from optimizer.switches import SwitchKind
from plant.forecast import Array

_STEP_K = 0.5
_HOLD_KW = 0.3
"""A temperature is left where it is unless another saves so much: sensors and laws are no better. [kW]"""


def warm_loops(problem: Problem, path: Array, wanted: Array) -> Array:
    """The schedule (steps, switches) with loops' supply temperatures chosen along a path (steps, axes)."""
    laws = {law.unit: law for law in problem.model.liquid}
    cw = problem.board.unpack(path).cw_c
    places = {zone.id: z for z, zone in enumerate(problem.model.zones)}
    for i, switch in enumerate(problem.switches.each):
        if switch.kind is not SwitchKind.LIQUID or not switch.axis.free:
            continue
        law = laws[switch.axis.levers[0].owner]
        it = problem.reference_kw[:, places[law.zone]]
        span = switch.axis.high - switch.axis.low
        grid = np.linspace(switch.axis.low, switch.axis.high, max(2, round(span / _STEP_K) + 1))
        grid = np.append(grid, switch.axis.present)
        drawn = drawn_kw(law, it[:, None], grid, cw[:, None])
        best, held = drawn.min(axis=1), drawn[:, -1]
        wanted[:, i] = np.where(held - best > _HOLD_KW, grid[drawn.argmin(axis=1)], switch.axis.present)
    return wanted


def drawn_kw(law: LiquidLaw, it_kw: Array, liquid_c: Array, cw_c: Array) -> Array:
    """Pumps and leakage at liquid temperatures; what the plate cannot serve counts as much more. [kW]"""
    heat = law.heat_kw(it_kw, liquid_c)
    asked = law.asked(heat, liquid_c, cw_c)
    short = np.maximum(asked - max(law.most_asked, FULL), 0.0)
    return np.asarray(law.power_kw(asked) + law.leak_kw(it_kw, liquid_c) + 10.0 * heat * short)
