"""A point: one named quantity of one owner, and where in the outside world it lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, TypeAlias

from plant.quantities import FACTS, Quantity, QuantityFacts, Role

PointId = NewType("PointId", str)
GatewayId = NewType("GatewayId", str)
OwnerId = NewType("OwnerId", str)
"""A zone, a piece of equipment, or `SITE`."""

SITE = OwnerId("site")


class ModbusTable(StrEnum):
    """The four Modbus data tables."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"


class RegisterType(StrEnum):
    """How a value is laid out in registers."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class WordOrder(StrEnum):
    """Byte layout of a 32-bit value ABCD over two registers; vendors differ."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a point lives on a Modbus gateway: ``value = raw * scale + offset`` in the point's unit.

    `address` is the 0-based protocol address ("40001" is holding 0). With `values` the register is an
    enumeration: pairs of raw number and value; a raw number that is not among them is no value.
    """

    gateway: GatewayId
    table: ModbusTable
    address: int
    type: RegisterType = RegisterType.UINT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: WordOrder = WordOrder.ABCD
    bit: int | None = None
    device_id: int = 1
    values: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PrometheusAddress:
    """Where a point lives in Prometheus: one metric with labels, on a server or an exporter.

    With `rate_s` the metric is a counter, and the value is its increase per second over that window.
    """

    gateway: GatewayId
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    rate_s: float | None = None


Address: TypeAlias = ModbusAddress | PrometheusAddress


@dataclass(frozen=True, slots=True)
class Point:
    """One named quantity with a unit and a role, bound to at most one source address.

    Points with the same `group` measure the same thing in the same place, so they may be voted on.
    """

    id: PointId
    owner: OwnerId
    quantity: Quantity
    unit: str
    brick_class: str
    address: Address | None = None
    group: str | None = None

    @property
    def facts(self) -> QuantityFacts:
        """What the quantity implies: inside unit, role, possible range."""
        return FACTS[self.quantity]

    @property
    def role(self) -> Role:
        """Sensor, setpoint or status."""
        return self.facts.role
