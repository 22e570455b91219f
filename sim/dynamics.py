"""One step of the whole plant: rooms, coils, chilled water, liquid, condenser water, meters.

Every kilowatt that enters is stored, rejected or vented: each node is advanced with the very fluxes
that are booked on the other side. Which parts a site has is chosen once, in `sim.assembly`.
"""

from __future__ import annotations

import numpy as np

from sim.arrays import Array
from sim.parameters import PIPE_CELLS, PIPE_SHARE, PlantParameters
from sim.parts.air import AirFlows
from sim.parts.chilled import ChilledFlows
from sim.parts.condenser import CondenserFlows, pumped_kg_s
from sim.parts.liquid import LiquidFlows
from sim.physics import tank
from sim.physics.moisture import HEAT_OF_VAPOR_KJ_KG
from sim.state import Actuators, Flows, PlantState, Weather


def step_plant(
    p: PlantParameters, state: PlantState, act: Actuators, weather: Weather, utilization: Array, step_s: float
) -> tuple[PlantState, Flows]:
    """Advance the plant by `step_s` with actuators, weather and work held.

    `utilization` has shape (..., zones). Returns the new state and the step's flows.
    """
    plan = p.plan
    it = plan.servers(p, state, act, utilization, step_s)
    air = plan.rooms(p, state, act, it, weather, step_s)
    liquid = plan.liquid(p, state, act, it, step_s)
    chilled = plan.chilled(p, state, act, air, pumped_kg_s(p, act), weather, step_s)
    condenser = plan.condenser(p, state, act, chilled, liquid, weather, step_s)
    cooling_kw = _cooling_kw(air, liquid, chilled, condenser)
    new = PlantState(
        room=air.room,
        humidity_ratio=air.humidity_ratio,
        inlet_c=air.inlet_c,
        supply_c=air.supply_c,
        chilled_c=chilled.chilled_c,
        flow_pipe_c=chilled.flow_pipe_c,
        return_pipe_c=chilled.return_pipe_c,
        condenser_c=condenser.condenser_c,
        tank=chilled.tank,
        liquid_c=liquid.liquid_c,
        waiting_kwh=it.waiting_kwh,
    )
    flows = Flows(
        utilization=it.utilization,
        zone_it_kw=it.zone_kw,
        crah_fan_kw=air.fan_kw,
        crah_kw=air.unit_kw,
        crah_heat_kw=air.heat_kw,
        entering_c=air.entering_c,
        return_c=air.room.hot_c,
        latent_kw=air.latent_kw,
        exchange_kw=air.exchange_kw + chilled.wall_kw,
        dx_rejected_kw=air.dx_rejected_kw,
        chilled_return_c=chilled.return_c,
        chilled_kg_s=chilled.flow_kg_s,
        chiller_kw=chilled.chiller_kw,
        chiller_heat_kw=chilled.chiller_heat_kw,
        economizer_kw=chilled.economizer_kw,
        tank_kw=chilled.tank_kw,
        tower_raw_c=condenser.raw_c,
        tower_heat_kw=condenser.heat_kw,
        tower_fan_kw=condenser.fan_kw,
        recovered_kw=condenser.recovered_kw,
        recovery_kw=condenser.recovery_kw,
        chilled_pump_kw=chilled.pump_kw,
        condenser_pump_kw=condenser.pump_kw,
        liquid_heat_kw=liquid.heat_kw,
        liquid_return_c=liquid.return_c,
        liquid_kw=liquid.pump_kw,
        it_meter_kw=it.meter_kw,
        cooling_kw=cooling_kw,
        facility_kw=it.input_kw + cooling_kw + p.power.lighting_kw,
        outside_kw=air.outside_kw + condenser.fan_kw.sum(axis=-1),
        vented_kw=it.vented_kw,
        makeup_kg_s=condenser.makeup_kg_s,
        capacity_kw=chilled.capacity_kw,
    )
    return new, flows


def _cooling_kw(
    air: AirFlows, liquid: LiquidFlows, chilled: ChilledFlows, condenser: CondenserFlows
) -> Array:
    """Everything that is there to cool."""
    total = (
        air.unit_kw.sum(axis=-1)
        + chilled.chiller_kw.sum(axis=-1)
        + chilled.pump_kw
        + condenser.pump_kw
        + condenser.fan_kw.sum(axis=-1)
        + liquid.pump_kw.sum(axis=-1)
        + air.relief_kw
        + condenser.recovery_kw
    )
    return np.asanyarray(total)


def stored_kj(p: PlantParameters, s: PlantState) -> Array:
    """Heat in rooms (with the vapor in their air), loops and tanks, relative to 0 °C and dry. [kJ]"""
    z, loops = p.zones, p.loops
    rooms = z.cold_kj_k * s.room.cold_c + z.hot_kj_k * s.room.hot_c + z.mass_kj_k * s.room.mass_c
    rooms = rooms + HEAT_OF_VAPOR_KJ_KG * z.moist_kg * s.humidity_ratio
    cell_kj_k = loops.chilled_kj_k * PIPE_SHARE / PIPE_CELLS
    pipes = cell_kj_k * (s.flow_pipe_c.sum(axis=-1) + s.return_pipe_c.sum(axis=-1))
    water = loops.chilled_kj_k * (1.0 - 2.0 * PIPE_SHARE) * s.chilled_c + loops.condenser_kj_k * s.condenser_c
    liquid = (p.liquid.loop_kj_k * s.liquid_c).sum(axis=-1)
    tanks = tank.stored_kj(s.tank, p.tanks.mass_kg).sum(axis=-1)
    return np.asanyarray(rooms.sum(axis=-1) + pipes + water + liquid + tanks)
