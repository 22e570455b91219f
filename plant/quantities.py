"""What a point can measure or set: one table, one row a quantity.

The row fixes everything a site file need not repeat: the unit inside the program, the role, the
Brick class (Brick 1.4 names), what is physically possible, and how fast it can change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plant.units import Dimension


class Role(StrEnum):
    """What may be done with a point. Only a `SETPOINT` is ever written by a command."""

    SENSOR = "sensor"
    SETPOINT = "setpoint"
    STATUS = "status"


class Quantity(StrEnum):
    """The named quantities of a data-center cooling plant."""

    INLET_TEMPERATURE = "inlet_temperature"
    SUPPLY_AIR_TEMPERATURE = "supply_air_temperature"
    RETURN_AIR_TEMPERATURE = "return_air_temperature"
    SUPPLY_AIR_TEMPERATURE_SETPOINT = "supply_air_temperature_setpoint"
    FAN_SPEED = "fan_speed"
    FAN_SPEED_SETPOINT = "fan_speed_setpoint"
    VALVE_POSITION = "valve_position"
    POWER = "power"
    IT_POWER = "it_power"
    UTILIZATION = "utilization"
    RUN_STATUS = "run_status"
    CHILLED_WATER_SUPPLY_TEMPERATURE = "chilled_water_supply_temperature"
    CHILLED_WATER_RETURN_TEMPERATURE = "chilled_water_return_temperature"
    CHILLED_WATER_FLOW = "chilled_water_flow"
    CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT = "chilled_water_supply_temperature_setpoint"
    CONDENSER_WATER_SUPPLY_TEMPERATURE = "condenser_water_supply_temperature"
    CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT = "condenser_water_supply_temperature_setpoint"
    ECONOMIZER_HEAT = "economizer_heat"
    OUTDOOR_DRY_BULB = "outdoor_dry_bulb"
    OUTDOOR_WET_BULB = "outdoor_wet_bulb"
    FACILITY_POWER = "facility_power"
    COOLING_POWER = "cooling_power"
    WATER_FLOW = "water_flow"
    HEARTBEAT = "heartbeat"
    HEARTBEAT_ECHO = "heartbeat_echo"
    LOCAL_CONTROL = "local_control"
    ZONE_DEW_POINT = "zone_dew_point"
    RELATIVE_HUMIDITY = "relative_humidity"
    OUTDOOR_AIR_DAMPER = "outdoor_air_damper"
    CHILLERS_ENABLED_SETPOINT = "chillers_enabled_setpoint"
    ECONOMIZER_ENABLE_SETPOINT = "economizer_enable_setpoint"
    STORAGE_CHARGE = "storage_charge"
    STORAGE_RATE = "storage_rate"
    STORAGE_RATE_SETPOINT = "storage_rate_setpoint"
    DEFERRED_IT_POWER_SETPOINT = "deferred_it_power_setpoint"
    LIQUID_SUPPLY_TEMPERATURE = "liquid_supply_temperature"
    LIQUID_SUPPLY_TEMPERATURE_SETPOINT = "liquid_supply_temperature_setpoint"
    LIQUID_RETURN_TEMPERATURE = "liquid_return_temperature"
    LIQUID_FLOW = "liquid_flow"
    LIQUID_HEAT = "liquid_heat"
    RECOVERED_HEAT = "recovered_heat"


@dataclass(frozen=True, slots=True)
class QuantityFacts:
    """Everything a quantity implies. Rates are per minute, in the inside unit."""

    dimension: Dimension
    inside_unit: str
    role: Role
    brick_class: str
    """A class of points in Brick 1.4 (brickschema.org), or the next wider one."""
    low: float
    high: float
    max_rate_per_min: float | None = None


_T, _P, _R = Dimension.TEMPERATURE, Dimension.POWER, Dimension.RATIO
_S, _SP, _ST = Role.SENSOR, Role.SETPOINT, Role.STATUS

# Possible ranges and rates: domain notes §6.4 (air inlet > 5 K/min and water > 3 K/min are
# sensor faults, not physics); nothing here is a safety limit, those belong to the site.
FACTS: dict[Quantity, QuantityFacts] = {
    Quantity.INLET_TEMPERATURE: QuantityFacts(_T, "degC", _S, "Air_Temperature_Sensor", 0, 60, 5),
    Quantity.SUPPLY_AIR_TEMPERATURE: QuantityFacts(_T, "degC", _S, "Supply_Air_Temperature_Sensor", 0, 50, 5),
    Quantity.RETURN_AIR_TEMPERATURE: QuantityFacts(_T, "degC", _S, "Return_Air_Temperature_Sensor", 0, 70, 5),
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: QuantityFacts(
        _T, "degC", _SP, "Supply_Air_Temperature_Setpoint", 5, 40
    ),
    Quantity.FAN_SPEED: QuantityFacts(_R, "ratio", _S, "Speed_Sensor", 0, 1.1),
    Quantity.FAN_SPEED_SETPOINT: QuantityFacts(_R, "ratio", _SP, "Speed_Setpoint", 0, 1),
    Quantity.VALVE_POSITION: QuantityFacts(_R, "ratio", _S, "Valve_Position_Sensor", 0, 1.05),
    Quantity.POWER: QuantityFacts(_P, "kW", _S, "Electric_Power_Sensor", -1, 50_000),
    Quantity.IT_POWER: QuantityFacts(_P, "kW", _S, "Electric_Power_Sensor", 0, 50_000),
    Quantity.UTILIZATION: QuantityFacts(_R, "ratio", _S, "Usage_Sensor", 0, 1),
    Quantity.RUN_STATUS: QuantityFacts(_R, "ratio", _ST, "Run_Status", 0, 1),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE: QuantityFacts(
        _T, "degC", _S, "Leaving_Chilled_Water_Temperature_Sensor", 0, 40, 3
    ),
    Quantity.CHILLED_WATER_RETURN_TEMPERATURE: QuantityFacts(
        _T, "degC", _S, "Entering_Chilled_Water_Temperature_Sensor", 0, 50, 3
    ),
    Quantity.CHILLED_WATER_FLOW: QuantityFacts(
        Dimension.VOLUME_FLOW, "m3/s", _S, "Chilled_Water_Flow_Sensor", 0, 5
    ),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: QuantityFacts(
        _T, "degC", _SP, "Leaving_Chilled_Water_Temperature_Setpoint", 2, 30
    ),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE: QuantityFacts(
        _T, "degC", _S, "Entering_Condenser_Water_Temperature_Sensor", 0, 50, 3
    ),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: QuantityFacts(
        _T, "degC", _SP, "Entering_Condenser_Water_Temperature_Setpoint", 2, 40
    ),
    Quantity.ECONOMIZER_HEAT: QuantityFacts(_P, "kW", _S, "Thermal_Power_Sensor", 0, 50_000),
    Quantity.OUTDOOR_DRY_BULB: QuantityFacts(_T, "degC", _S, "Outside_Air_Temperature_Sensor", -50, 60, 5),
    Quantity.OUTDOOR_WET_BULB: QuantityFacts(
        _T, "degC", _S, "Outside_Air_Wet_Bulb_Temperature_Sensor", -50, 40, 5
    ),
    Quantity.FACILITY_POWER: QuantityFacts(_P, "kW", _S, "Electric_Power_Sensor", 0, 500_000),
    Quantity.COOLING_POWER: QuantityFacts(_P, "kW", _S, "Electric_Power_Sensor", 0, 100_000),
    Quantity.WATER_FLOW: QuantityFacts(Dimension.VOLUME_FLOW, "m3/s", _S, "Water_Flow_Sensor", 0, 1),
    Quantity.HEARTBEAT: QuantityFacts(Dimension.COUNT, "count", _SP, "Command", 0, 65_535),
    Quantity.HEARTBEAT_ECHO: QuantityFacts(Dimension.COUNT, "count", _ST, "Status", 0, 65_535),
    Quantity.LOCAL_CONTROL: QuantityFacts(_R, "ratio", _ST, "Remotely_On_Off_Status", 0, 1),
    Quantity.ZONE_DEW_POINT: QuantityFacts(_T, "degC", _S, "Zone_Air_Dewpoint_Sensor", -40, 35, 3),
    Quantity.RELATIVE_HUMIDITY: QuantityFacts(_R, "ratio", _S, "Relative_Humidity_Sensor", 0, 1),
    Quantity.OUTDOOR_AIR_DAMPER: QuantityFacts(_R, "ratio", _S, "Damper_Position_Sensor", 0, 1.05),
    Quantity.CHILLERS_ENABLED_SETPOINT: QuantityFacts(Dimension.COUNT, "count", _SP, "Enable_Command", 0, 64),
    Quantity.ECONOMIZER_ENABLE_SETPOINT: QuantityFacts(_R, "ratio", _SP, "Enable_Command", 0, 1),
    Quantity.STORAGE_CHARGE: QuantityFacts(_R, "ratio", _S, "Sensor", 0, 1),
    Quantity.STORAGE_RATE: QuantityFacts(_P, "kW", _S, "Thermal_Power_Sensor", -50_000, 50_000),
    Quantity.STORAGE_RATE_SETPOINT: QuantityFacts(_P, "kW", _SP, "Setpoint", -50_000, 50_000),
    Quantity.DEFERRED_IT_POWER_SETPOINT: QuantityFacts(_P, "kW", _SP, "Demand_Setpoint", 0, 50_000),
    Quantity.LIQUID_SUPPLY_TEMPERATURE: QuantityFacts(
        _T, "degC", _S, "Leaving_Water_Temperature_Sensor", 5, 70, 5
    ),
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: QuantityFacts(
        _T, "degC", _SP, "Leaving_Water_Temperature_Setpoint", 10, 55
    ),
    Quantity.LIQUID_RETURN_TEMPERATURE: QuantityFacts(
        _T, "degC", _S, "Entering_Water_Temperature_Sensor", 5, 90, 5
    ),
    Quantity.LIQUID_FLOW: QuantityFacts(Dimension.VOLUME_FLOW, "m3/s", _S, "Water_Flow_Sensor", 0, 5),
    Quantity.LIQUID_HEAT: QuantityFacts(_P, "kW", _S, "Thermal_Power_Sensor", 0, 50_000),
    Quantity.RECOVERED_HEAT: QuantityFacts(_P, "kW", _S, "Thermal_Power_Sensor", 0, 50_000),
}
