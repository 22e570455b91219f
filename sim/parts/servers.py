"""Servers and the power chain in front of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plant.psychrometrics import RHO_AIR
from sim.arrays import Array
from sim.parameters import PlantParameters
from sim.physics import it_load, liquid, power_chain
from sim.state import Actuators, PlantState

WORK_THAT_WAITS = 0.5
"""Most of a zone's work that can be put off."""
BUSIEST = 0.95
"""Work waiting is run up to here."""
CATCH_UP_S = 3600.0
CHIP_LEAKAGE_PER_K, CHIP_REFERENCE_C = 0.0015, 30.0


class ItFlows(NamedTuple):
    """Work and heat of the servers. Zones last, or site-wide."""

    utilization: Array
    waiting_kwh: Array
    zone_kw: Array
    airflow_kg_s: Array
    meter_kw: Array
    input_kw: Array
    room_heat_kw: Array
    liquid_heat_kw: Array
    """Shape (..., cdus)."""
    vented_kw: Array


def servers(
    p: PlantParameters, state: PlantState, act: Actuators, utilization: Array, step_s: float
) -> ItFlows:
    """Servers answer to the inlet of a moment ago; wiring, PDU and UPS lose on top."""
    z, law = p.zones, p.server
    utilization, waiting = p.plan.work(p, state, act, utilization, step_s)
    reference = it_load.reference_power_kw(utilization, z.design_kw, law)
    fan = it_load.fan_speed_ratio(state.inlet_c, law)
    zone_kw = reference * it_load.power_ratio(fan, state.inlet_c, law).mean(axis=-1)
    airflow = it_load.airflow_m3_s(reference, z.design_kw, z.design_airflow_m3_s, fan.mean(axis=-1), law)
    zone_kw, by_liquid = p.plan.chips(p, state, zone_kw)
    total = zone_kw.sum(axis=-1)
    rated = np.asanyarray(p.power.pdu_rated_kw)
    pdu = power_chain.loss_kw(total, rated, power_chain.PDU)
    wiring = power_chain.loss_kw(total, rated, power_chain.WIRING)
    ups_out = total + pdu + wiring
    ups = power_chain.loss_kw(ups_out, np.asanyarray(p.power.ups_rated_kw), power_chain.UPS_MODERN)
    indoors = pdu + wiring + p.power.ups_indoor_share * ups + p.power.lighting_kw
    return ItFlows(
        utilization=utilization,
        waiting_kwh=waiting,
        zone_kw=zone_kw,
        airflow_kg_s=RHO_AIR * airflow,
        meter_kw=ups_out if p.power.it_at_ups else total,
        input_kw=ups_out + ups,
        room_heat_kw=zone_kw - by_liquid + z.heat_share * indoors[..., None],
        liquid_heat_kw=(by_liquid[..., None] * z.cdu_share).sum(axis=-2),
        vented_kw=(1.0 - p.power.ups_indoor_share) * ups,
    )


def all_work_now(
    p: PlantParameters, state: PlantState, act: Actuators, utilization: Array, step_s: float
) -> tuple[Array, Array]:
    """No lever for waiting work: it runs as it comes."""
    return utilization, state.waiting_kwh


def some_work_waits(
    p: PlantParameters, state: PlantState, act: Actuators, utilization: Array, step_s: float
) -> tuple[Array, Array]:
    """Work put off is run within about an hour after the lever lets it; none is lost.

    Returns the utilization as run, and the work waiting as the energy it would have drawn. [kWh]
    """
    per_work = p.zones.design_kw * (1.0 - p.server.idle_share)
    off = np.minimum(act.deferred_kw / per_work, WORK_THAT_WAITS * utilization)
    waiting = state.waiting_kwh * 3600.0 / per_work
    free = np.where(act.deferred_kw > 0.0, 0.0, np.maximum(BUSIEST - utilization, 0.0))
    again = np.minimum(waiting / max(CATCH_UP_S, step_s), free)
    return utilization - off + again, state.waiting_kwh + step_s * (off - again) * per_work / 3600.0


def air_only(p: PlantParameters, state: PlantState, zone_kw: Array) -> tuple[Array, Array]:
    """All heat goes to the air."""
    return zone_kw, 0.0 * zone_kw


def direct_to_chip(p: PlantParameters, state: PlantState, zone_kw: Array) -> tuple[Array, Array]:
    """A share of each zone's heat goes to liquid; warm chips leak more."""
    share = p.zones.liquid_share
    leak = liquid.chip_leakage_ratio(state.liquid_c, CHIP_LEAKAGE_PER_K, CHIP_REFERENCE_C)
    ratio = (p.zones.cdu_share * leak[..., None, :]).sum(axis=-1)
    by_liquid = zone_kw * share * ratio
    return zone_kw * (1.0 - share) + by_liquid, by_liquid
