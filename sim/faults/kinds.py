"""Every kind of fault there is: one table, one row a kind.

A row says where the fault sits, what a target names, what the magnitude means and what is assumed
where none is given. The code that does it is beside: `sensors`, `levers`, `machines`, `drivers`,
`wire` and `feeds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from plant.site import EquipmentKind

_K = EquipmentKind


class Place(StrEnum):
    """Where a fault sits, which is also what its target names (``*`` and ``?`` are wildcards)."""

    SENSOR = "sensor"
    """Points that are read."""
    GATEWAY = "gateway"
    """Gateways, and all that is read over them."""
    WRITE = "write"
    """Gateways, and what is written over them."""
    LEVER = "lever"
    """Levers or setpoint points."""
    MACHINE = "machine"
    """Equipment of the bundled simulator."""
    ROOM = "room"
    """Zones of the bundled simulator."""
    WEATHER = "weather"
    """The air outside the bundled simulator; the target is not used."""
    LOAD = "load"
    """The work in zones of the bundled simulator."""
    FEED = "feed"
    """Feeds; the target is not used."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row: a name, where it sits, and what its magnitude is. `least` and `most` bound it."""

    name: str
    place: Place
    does: str
    unit: str = ""
    default: float = math.nan
    """NaN where the kind has no magnitude, or one must be given (`needs_magnitude`)."""
    least: float = -math.inf
    most: float = math.inf
    needs_magnitude: bool = False
    needs_other: bool = False
    machines: tuple[EquipmentKind, ...] = ()


_AIR_UNITS = (_K.CRAH, _K.DX_UNIT)

_ROWS = (
    # What a sensor says. Units "point" are the point's own inside unit.
    FaultKind("sensor_stuck", Place.SENSOR, "keeps saying what it said when the fault began"),
    FaultKind("sensor_drift", Place.SENSOR, "goes off further with every hour", "point/h", 0.5),
    FaultKind("sensor_bias", Place.SENSOR, "is off by a constant", "point", 2.0),
    FaultKind("sensor_noise", Place.SENSOR, "adds noise of this standard deviation", "point", 1.0, 0),
    FaultKind("sensor_gain", Place.SENSOR, "says so many times the truth", "-", 1.1),
    FaultKind("sensor_swap", Place.SENSOR, "is wired to another's place", needs_other=True),
    FaultKind("sensor_sentinel", Place.SENSOR, "says its device's number for no value", "point", 3276.7),
    FaultKind("sensor_nan", Place.SENSOR, "says a float that is not a number"),
    FaultKind("sensor_dead", Place.SENSOR, "does not answer"),
    FaultKind("sensor_zero", Place.SENSOR, "is unplugged and says zero"),
    FaultKind("sensor_spikes", Place.SENSOR, "jumps by this much once in ten readings", "point", 10.0),
    FaultKind("sensor_fahrenheit", Place.SENSOR, "says degrees Fahrenheit where Celsius is meant"),
    FaultKind("sensor_lag", Place.SENSOR, "follows with this time constant", "s", 1800.0, 1.0),
    FaultKind("sensor_coarse", Place.SENSOR, "shows only multiples of this", "point", 2.0, 1e-9),
    FaultKind("stale_series", Place.SENSOR, "keeps its last sample, with the sample's old time"),
    FaultKind("exception_code", Place.SENSOR, "is answered with an exception code"),
    # What a gateway does to everything that is read over it.
    FaultKind("gateway_timeout", Place.GATEWAY, "answers neither reads nor writes"),
    FaultKind("gateway_flapping", Place.GATEWAY, "loses this share of all polls", "-", 0.5, 0, 1),
    FaultKind("word_order_flip", Place.GATEWAY, "swaps the words of 32-bit values"),
    FaultKind("register_shift", Place.GATEWAY, "answers with the next point's value"),
    FaultKind("clock_jump", Place.GATEWAY, "stamps readings with a clock that jumped", "s", 3600.0),
    # What becomes of a write on its way.
    FaultKind("write_timeout_executed", Place.WRITE, "does not answer a write, and has done it"),
    FaultKind("write_timeout_lost", Place.WRITE, "does not answer a write, and has not done it"),
    FaultKind("write_refused", Place.WRITE, "refuses a write with an exception code"),
    FaultKind("write_lost", Place.WRITE, "confirms a write and does not do it"),
    FaultKind("heartbeat_lost", Place.WRITE, "confirms a heartbeat and drops it"),
    # What a machine makes of a setpoint its register holds.
    FaultKind("setpoint_ignored", Place.LEVER, "holds the value; the machine stays where it was"),
    FaultKind("setpoint_reversed", Place.LEVER, "goes as far the other way"),
    FaultKind("setpoint_offset", Place.LEVER, "does the value plus this", "point", 1.0),
    FaultKind(
        "setpoint_clamped", Place.LEVER, "goes no further than this from where it was", "point", 0.5, 0
    ),
    FaultKind("setpoint_reverted", Place.LEVER, "goes back to its old value by itself"),
    FaultKind(
        "setpoint_overridden", Place.LEVER, "is set to this by someone else", "point", needs_magnitude=True
    ),
    # Machines of the bundled simulator.
    FaultKind(
        "fouled_coil",
        Place.MACHINE,
        "loses this share of its heat transfer",
        "-",
        0.4,
        0,
        0.95,
        machines=(_K.CRAH, _K.CDU),
    ),
    FaultKind(
        "stuck_valve",
        Place.MACHINE,
        "has its valve stuck at this opening",
        "-",
        0.3,
        0.02,
        1,
        machines=_AIR_UNITS,
    ),
    FaultKind("failed_fan", Place.MACHINE, "blows no air", machines=_AIR_UNITS),
    FaultKind(
        "belt_slip",
        Place.MACHINE,
        "blows this share less at the same speed",
        "-",
        0.3,
        0,
        0.95,
        machines=_AIR_UNITS,
    ),
    FaultKind("chiller_trip", Place.MACHINE, "is off and does not start", machines=(_K.CHILLER,)),
    FaultKind(
        "fouled_condenser",
        Place.MACHINE,
        "needs this share more power",
        "-",
        0.15,
        0,
        2,
        machines=(_K.CHILLER,),
    ),
    FaultKind(
        "chilled_pump_trip",
        Place.MACHINE,
        "loses this share of the flow",
        "-",
        0.5,
        0,
        0.95,
        machines=(_K.CHILLED_WATER_PUMP,),
    ),
    FaultKind(
        "condenser_pump_trip",
        Place.MACHINE,
        "loses this share of the flow",
        "-",
        0.5,
        0,
        0.95,
        machines=(_K.CONDENSER_WATER_PUMP,),
    ),
    FaultKind(
        "economizer_lockout", Place.MACHINE, "is not enabled", machines=(_K.ECONOMIZER, _K.AIR_ECONOMIZER)
    ),
    FaultKind(
        "fouled_tower",
        Place.MACHINE,
        "loses this share of its air",
        "-",
        0.3,
        0,
        0.95,
        machines=(_K.TOWER_CELL,),
    ),
    FaultKind("failed_tower_fan", Place.MACHINE, "has its fan off", machines=(_K.TOWER_CELL,)),
    FaultKind("compressor_trip", Place.MACHINE, "has its compressors off", machines=(_K.DX_UNIT,)),
    FaultKind(
        "fouled_dx_condenser",
        Place.MACHINE,
        "needs this share more power and cools this share less",
        "-",
        0.15,
        0,
        0.9,
        machines=(_K.DX_UNIT,),
    ),
    FaultKind(
        "stuck_damper",
        Place.MACHINE,
        "has its outdoor-air dampers stuck at this opening",
        "-",
        0.5,
        0,
        1,
        machines=(_K.AIR_ECONOMIZER,),
    ),
    FaultKind(
        "liquid_pump_trip",
        Place.MACHINE,
        "loses this share of the flow",
        "-",
        0.5,
        0,
        0.95,
        machines=(_K.CDU,),
    ),
    FaultKind(
        "tank_valve_shut", Place.MACHINE, "neither charges nor discharges", machines=(_K.STORAGE_TANK,)
    ),
    FaultKind("heat_pump_trip", Place.MACHINE, "takes no heat", machines=(_K.HEAT_RECOVERY,)),
    FaultKind("blocked_tiles", Place.ROOM, "recirculates this share more exhaust", "-", 0.1, 0, 0.6),
    # The world around the bundled simulator.
    FaultKind("heat_wave", Place.WEATHER, "is warmer by this, with the moisture it had", "K", 8.0),
    FaultKind("humid_spell", Place.WEATHER, "has a wet bulb higher by this", "K", 4.0),
    FaultKind("load_step", Place.LOAD, "has its utilization raised by this", "-", 0.3, -1, 1),
    # What the outside world tells a plan.
    FaultKind("carbon_outage", Place.FEED, "says nothing about carbon"),
    FaultKind("carbon_frozen", Place.FEED, "repeats the carbon intensity of the fault's begin"),
    FaultKind("carbon_lies", Place.FEED, "turns carbon intensity upside down"),
    FaultKind("price_lies", Place.FEED, "says so many times the price", "-", 10.0, 0),
    FaultKind("price_frozen", Place.FEED, "repeats the price of the fault's begin"),
)

KINDS: Mapping[str, FaultKind] = MappingProxyType({row.name: row for row in _ROWS})
"""Every kind by its name, in the order of the table."""
