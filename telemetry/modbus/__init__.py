"""Modbus: one connection a gateway, behind our own words. Only `link` and `transport` know pymodbus."""

from telemetry.modbus.gateway import ModbusGateway

__all__ = ["ModbusGateway"]
