"""Direct-to-chip loops and their coolant distribution units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import CP_WATER
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.parts.servers import ItFlows
from sim.physics import liquid, pumps
from sim.state import Actuators, PlantState

LOOP_CONTROL_S = 60.0
LEAST_VALVE = 0.1


class LiquidFlows(NamedTuple):
    """What happened in the liquid loops. Units last, or site-wide."""

    liquid_c: Array
    return_c: Array
    heat_kw: Array
    pump_kw: Array
    facility_kg_s: Array
    facility_heat_kw: Array


def no_liquid(
    p: PlantParameters, state: PlantState, act: Actuators, it: ItFlows, step_s: float
) -> LiquidFlows:
    """No liquid in the racks."""
    none = 0.0 * state.condenser_c
    return LiquidFlows(state.liquid_c, state.liquid_c, state.liquid_c, state.liquid_c, none, none)


def coolant_loops(
    p: PlantParameters, state: PlantState, act: Actuators, it: ItFlows, step_s: float
) -> LiquidFlows:
    """Chips warm the liquid, plates give it to tower water; a valve there holds the supply temperature.

    Flow of facility water is taken as proportional to the part of its possible heat that is taken.
    """
    q = p.liquid
    stream = CP_WATER * q.flow_kg_s
    gained = it.liquid_heat_kw + q.pump_kw
    return_c = state.liquid_c + gained / stream
    most = liquid.most_heat_kw(
        return_c, state.condenser_c[..., None], stream, CP_WATER * q.facility_kg_s, q.ua_kw_k
    )
    correction = q.loop_kj_k * (state.liquid_c - act.liquid_target_c) / max(LOOP_CONTROL_S, step_s)
    removed = np.minimum(np.maximum(gained + correction, 0.0), most)
    valve = np.minimum(np.maximum(removed / np.maximum(most, 1e-6), LEAST_VALVE), 1.0)
    facility_kw = q.facility_pump_kw * pumps.power_ratio(valve, pumps.CONDENSER_WATER)
    new = state.liquid_c + step_s * (gained - removed) / q.loop_kj_k
    return LiquidFlows(
        new, return_c, removed, q.pump_kw + facility_kw,
        (q.facility_kg_s * valve).sum(axis=-1), (removed + facility_kw).sum(axis=-1),
    )  # fmt: skip
