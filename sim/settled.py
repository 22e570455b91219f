"""Where a plant begins: everything about where its setpoints are, ready to settle by itself."""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.dynamics import step_plant
from sim.loops import LoopState
from sim.parameters import PIPE_CELLS, PlantParameters
from sim.physics.room import RoomState
from sim.physics.tank import TankState
from sim.plc import Plc
from sim.state import Actuators, Flows, PlantState, Weather


def settled_state(p: PlantParameters, plc: Plc, weather: Weather) -> PlantState:
    """Everything where its setpoint is, more or less; the tank half full."""
    active = plc.active
    sat = active.supply_air_c @ p.crahs.zone_sum / p.crahs.zone_sum.sum(axis=0)
    room = RoomState(sat + 0.5, sat + 10.0, sat + 0.5)
    tanks = len(p.tanks.mass_kg)
    return PlantState(
        room=room,
        # As dry as outdoors, or as a coil leaves it.
        humidity_ratio=np.full(len(sat), min(float(weather.humidity_ratio), 0.008)),
        inlet_c=np.repeat(room.cold_c[:, None], p.groups, axis=1),
        supply_c=active.supply_air_c,
        chilled_c=active.chilled_c,
        flow_pipe_c=np.full(PIPE_CELLS, float(active.chilled_c)),
        return_pipe_c=np.full(PIPE_CELLS, float(active.chilled_c) + 5.0),
        condenser_c=active.condenser_c,
        tank=TankState(
            np.full(tanks, 0.5),
            np.full(tanks, float(active.chilled_c)),
            np.full(tanks, float(active.chilled_c)) + p.tanks.design_k,
        ),
        liquid_c=active.liquid_c,
        waiting_kwh=np.zeros(len(sat)),
    )


def first_flows(
    p: PlantParameters,
    state: PlantState,
    loops: LoopState,
    plc: Plc,
    weather: Weather,
    utilization: Array,
    step_s: float,
) -> Flows:
    """Flows to begin with: those of a step with everything running."""
    active = plc.active
    actuators = Actuators(
        fan=active.fan_ratio,
        valve=loops.valve,
        chillers_on=loops.running,
        chiller_ramp=loops.ramp,
        economizer_on=loops.economizer_on,
        tower_fan=loops.tower_fan,
        chilled_target_c=active.chilled_c,
        condenser_target_c=active.condenser_c,
        damper=loops.damper,
        tank_kw=active.tank_kw,
        liquid_target_c=active.liquid_c,
        deferred_kw=active.deferred_kw,
    )
    return step_plant(p, state, actuators, weather, utilization, step_s)[1]
