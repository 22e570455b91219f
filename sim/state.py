"""What the plant is at one instant, and what flowed through it in one step.

All arrays keep any leading batch dimensions; a step makes new arrays and never writes into old
ones, so a copy of a state is the state itself. A site without a subsystem has arrays of length zero
there, and water temperatures that stand still.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.arrays import Array
from sim.physics.room import RoomState
from sim.physics.tank import TankState


class Weather(NamedTuple):
    """Outdoor air. Shapes (...). [°C], [kg/kg]"""

    dry_bulb_c: Array
    wet_bulb_c: Array
    humidity_ratio: Array


class PlantState(NamedTuple):
    """Everything physical that is carried from step to step."""

    room: RoomState
    humidity_ratio: Array
    """Shape (..., zones). [kg/kg]"""
    inlet_c: Array
    """Shape (..., zones, groups)."""
    supply_c: Array
    """Shape (..., crahs)."""
    chilled_c: Array
    """Chilled water as it leaves the plant room."""
    flow_pipe_c: Array
    """On its way to the coils. Shape (..., cells)."""
    return_pipe_c: Array
    condenser_c: Array
    tank: TankState
    liquid_c: Array
    """Liquid on its way to the chips. Shape (..., cdus)."""
    waiting_kwh: Array
    """Work put off and not yet run. Shape (..., zones)."""


class Actuators(NamedTuple):
    """Where the local controllers have put things. Ratios 0 to 1."""

    fan: Array
    """Fan speed of each room unit. Shape (..., crahs)."""
    valve: Array
    """Chilled-water valve, or how much of its compressors a DX unit runs. Shape (..., crahs)."""
    chillers_on: Array
    """0 or 1. Shape (..., chillers)."""
    chiller_ramp: Array
    """Share of running capacity that may be used, below 1 after a start. Shape (...)."""
    economizer_on: Array
    """0 or 1. Shape (...)."""
    tower_fan: Array
    """Common speed of all cells. Shape (...)."""
    chilled_target_c: Array
    condenser_target_c: Array
    damper: Array
    """Outdoor-air dampers. Shape (..., zones)."""
    tank_kw: Array
    """Positive charges. Shape (..., tanks)."""
    liquid_target_c: Array
    """Shape (..., cdus)."""
    deferred_kw: Array
    """IT power put off. Shape (..., zones)."""


class Flows(NamedTuple):
    """What happened in a step: means over it, in kW, kg/s, °C."""

    utilization: Array
    """As run: what the world asked for, less what was put off."""
    zone_it_kw: Array
    crah_fan_kw: Array
    crah_kw: Array
    """All a room unit draws: its fan, and its compressors where it has any."""
    crah_heat_kw: Array
    """Sensible heat taken from the air."""
    entering_c: Array
    """Air that enters each room unit's coil."""
    return_c: Array
    latent_kw: Array
    """Heat of what condensed on each unit's coil."""
    exchange_kw: Array
    """Heat, sensible and latent, that came in with outdoor air; negative when it carries heat out."""
    dx_rejected_kw: Array
    """Heat DX condensers gave to outdoor air. Shape (...)."""
    chilled_return_c: Array
    chilled_kg_s: Array
    chiller_kw: Array
    chiller_heat_kw: Array
    economizer_kw: Array
    tank_kw: Array
    tower_raw_c: Array
    """Water the tower would make with no bypass: what its fan controller looks at."""
    tower_heat_kw: Array
    tower_fan_kw: Array
    recovered_kw: Array
    """Heat handed over to a network, with the heat pump's own power in it."""
    recovery_kw: Array
    """What the heat pump draws."""
    chilled_pump_kw: Array
    condenser_pump_kw: Array
    liquid_heat_kw: Array
    """Shape (..., cdus)."""
    liquid_return_c: Array
    liquid_kw: Array
    """Pumps of each unit, both sides."""
    it_meter_kw: Array
    cooling_kw: Array
    facility_kw: Array
    outside_kw: Array
    """Electricity of fans that stand in the outdoor air stream and heat only that."""
    vented_kw: Array
    """Losses that leave by the electrical room's own ventilation, not through the cooling plant."""
    makeup_kg_s: Array
    capacity_kw: Array
    """What the running chillers could do now."""
