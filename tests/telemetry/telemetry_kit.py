"""What telemetry's tests share: a clock that stands still, a small site, short names for points."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from plant.gateways import Gateway, GatewayKind
from plant.points import (
    SITE,
    Address,
    GatewayId,
    ModbusAddress,
    ModbusTable,
    OwnerId,
    Point,
    PointId,
    PrometheusAddress,
    RegisterType,
    WordOrder,
)
from plant.quantities import FACTS, Quantity
from plant.site import CarbonSource, InletLimits, Safety, Site, Tariff, Zone

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BMS, SERVERS = GatewayId("bms"), GatewayId("servers")
ZONE = OwnerId("zone-a")


class HandClock:
    """Time that passes when a test says so; sleeping moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def pass_s(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def sleep_until(self, instant: datetime) -> None:
        await asyncio.sleep(0)
        self._now = max(self._now, instant)


def modbus_point(
    name: str,
    address: int,
    quantity: Quantity = Quantity.SUPPLY_AIR_TEMPERATURE,
    *,
    unit: str | None = None,
    table: ModbusTable = ModbusTable.HOLDING,
    kind: RegisterType = RegisterType.UINT16,
    scale: float = 1.0,
    offset: float = 0.0,
    order: WordOrder = WordOrder.ABCD,
    bit: int | None = None,
    device: int = 1,
    owner: OwnerId = ZONE,
) -> Point:
    where = ModbusAddress(BMS, table, address, kind, scale, offset, order, bit, device)
    return point(name, quantity, where, unit, owner)


def series_point(
    name: str,
    metric: str,
    quantity: Quantity = Quantity.INLET_TEMPERATURE,
    *,
    unit: str | None = None,
    **labels: str,
) -> Point:
    return point(name, quantity, PrometheusAddress(SERVERS, metric, labels), unit)


def point(
    name: str,
    quantity: Quantity,
    address: Address | None = None,
    unit: str | None = None,
    owner: OwnerId = ZONE,
) -> Point:
    facts = FACTS[quantity]
    return Point(PointId(name), owner, quantity, unit or facts.inside_unit, facts.brick_class, address)


def small_site(points: Sequence[Point], gateways: Sequence[Gateway] = ()) -> Site:
    return Site(
        id="small",
        name="a small site",
        latitude=0.0,
        longitude=0.0,
        elevation_m=0.0,
        timezone="Europe/Berlin",
        pue_category=1,
        zones=(Zone(ZONE, 10, 100.0, InletLimits()),),
        equipment=(),
        gateways=tuple(gateways),
        points=tuple(points),
        levers=(),
        safety=Safety(),
        tariff=Tariff("EUR", 0.2),
        carbon=CarbonSource("synthetic", "CAISO"),
    )


def bms(port: int, *, timeout_s: float = 0.3, retries: int = 1, **more: float) -> Gateway:
    return Gateway(
        BMS,
        GatewayKind.MODBUS,
        f"127.0.0.1:{port}",
        timeout_s=timeout_s,
        retries=retries,
        **more,  # type: ignore[arg-type]
    )


__all__ = ["BMS", "NOON", "SERVERS", "SITE", "ZONE", "HandClock"]
