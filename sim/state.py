"""What the plant is at one instant, and what flowed through it in one step.

All arrays keep any leading batch dimensions; a step makes new arrays and never writes into old
ones, so a copy of a state is the state itself.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.arrays import Array
from sim.physics.room import RoomState


class Weather(NamedTuple):
    """Outdoor air. Shapes (...). [°C]"""

    dry_bulb_c: Array
    wet_bulb_c: Array


class PlantState(NamedTuple):
    """Everything physical that is carried from step to step."""

    room: RoomState
    inlet_c: Array
    """Shape (..., zones, groups)."""
    supply_c: Array
    """Shape (..., crahs)."""
    chilled_c: Array
    condenser_c: Array


class Actuators(NamedTuple):
    """Where the local controllers have put things. Ratios 0 to 1."""

    fan: Array
    """CRAH fan speed. Shape (..., crahs)."""
    valve: Array
    """Shape (..., crahs)."""
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


class Flows(NamedTuple):
    """What happened in a step: means over it, in kW, kg/s, °C."""

    utilization: Array
    zone_it_kw: Array
    crah_fan_kw: Array
    crah_heat_kw: Array
    return_c: Array
    chilled_return_c: Array
    chilled_kg_s: Array
    chiller_kw: Array
    chiller_heat_kw: Array
    economizer_kw: Array
    tower_raw_c: Array
    """Water the tower would make with no bypass: what its fan controller looks at."""
    tower_heat_kw: Array
    tower_fan_kw: Array
    chilled_pump_kw: Array
    condenser_pump_kw: Array
    it_meter_kw: Array
    cooling_kw: Array
    facility_kw: Array
    vented_kw: Array
    """Losses that leave by the electrical room's own ventilation, not through the cooling plant."""
    makeup_kg_s: Array
    capacity_kw: Array
    """What the running chillers could do now."""
