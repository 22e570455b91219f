"""What must hold between the parts of a site file, and no schema can express."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

from plant.errors import ConfigError
from plant.gateways import GatewayKind
from plant.points import SITE, ModbusAddress, ModbusTable, Point, PointId
from plant.quantities import Quantity, Role
from plant.setpoints import LeverId
from plant.site import Site


def check_site(site: Site, file: str) -> None:
    """References and orders; `file` names the file in the message.

    Raises
    ------
    ConfigError
        For the first thing that does not fit.
    """
    _check_timezone(site, file)
    _check_unique(site, file)
    _check_owners(site, file)
    _check_addresses(site, file)
    _check_levers(site, file)
    _check_zones(site, file)


def _check_timezone(site: Site, file: str) -> None:
    try:
        ZoneInfo(site.timezone)
    except (KeyError, ValueError):
        raise ConfigError(
            f"{file}, key timezone",
            f"{site.timezone!r} is not a time zone",
            "use an IANA name such as Europe/Berlin",
        ) from None


def _check_unique(site: Site, file: str) -> None:
    for kind, ids in (
        ("zone", [z.id for z in site.zones]),
        ("equipment", [e.id for e in site.equipment]),
        # What a point can be `of` is one namespace: a shared id would mix two owners up.
        ("owner", [SITE, *(z.id for z in site.zones), *(e.id for e in site.equipment)]),
        ("gateway", [g.id for g in site.gateways]),
        ("point", [p.id for p in site.points]),
        ("lever", [lv.id for lv in site.levers]),
    ):
        twice = next((name for name, n in Counter(map(str, ids)).items() if n > 1), None)
        if twice is not None:
            raise ConfigError(f"{file}, {kind} {twice}", "is described twice", "give each its own id")


def _check_owners(site: Site, file: str) -> None:
    zones = {z.id for z in site.zones}
    owners = {SITE, *zones, *(e.id for e in site.equipment)}
    for equipment in site.equipment:
        if equipment.zone is not None and equipment.zone not in zones:
            raise ConfigError(
                f"{file}, equipment {equipment.id}",
                f"zone {equipment.zone} is not described",
                f"use one of {', '.join(sorted(zones))}",
            )
    for point in site.points:
        if point.owner not in owners:
            raise ConfigError(
                f"{file}, point {point.id}",
                f"owner {point.owner} is neither a zone, equipment nor 'site'",
                "correct its key 'of'",
            )


def _check_addresses(site: Site, file: str) -> None:
    gateways = {g.id: g for g in site.gateways}
    for point in site.points:
        if point.address is None:
            continue
        gateway = gateways.get(point.address.gateway)
        if gateway is None:
            raise ConfigError(
                f"{file}, point {point.id}",
                f"gateway {point.address.gateway} is not described",
                "add it under gateways",
            )
        speaks_modbus = gateway.kind is GatewayKind.MODBUS
        if speaks_modbus is not isinstance(point.address, ModbusAddress):
            raise ConfigError(
                f"{file}, point {point.id}",
                f"its address does not fit gateway {gateway.id} ({gateway.kind})",
                "use the address form of that kind",
            )
        if isinstance(point.address, ModbusAddress):
            _check_register(point, point.address, f"{file}, point {point.id}")


def _check_register(point: Point, register: ModbusAddress, where: str) -> None:
    if register.scale == 0:
        raise ConfigError(where, "modbus scale is 0", "give what one raw count is worth")
    if point.role is Role.SETPOINT and register.table not in (ModbusTable.COIL, ModbusTable.HOLDING):
        raise ConfigError(
            where,
            f"is a setpoint in the {register.table} table, which nobody can write",
            "use the holding (or coil) table",
        )


def _check_levers(site: Site, file: str) -> None:
    claimed: dict[PointId, LeverId] = {}
    for lever in site.levers:
        for moved in lever.points:
            if moved in claimed:
                raise ConfigError(
                    f"{file}, lever {lever.id}",
                    f"point {moved} is already moved by {claimed[moved]}",
                    "let one lever move a point",
                )
            claimed[moved] = lever.id


def _check_zones(site: Site, file: str) -> None:
    for zone in site.zones:
        lim = zone.limits
        in_order = lim.recommended_min_c < lim.planning_max_c <= lim.recommended_max_c < lim.allowable_max_c
        if not in_order:
            raise ConfigError(
                f"{file}, zone {zone.id}, key limits",
                "are not in order",
                "keep recommended_min < recommended_max - margin and recommended_max < allowable_max",
            )
        if not site.points_of(zone.id, Quantity.INLET_TEMPERATURE):
            raise ConfigError(
                f"{file}, zone {zone.id}",
                "has no inlet_temperature point",
                "add at least one: no zone is controlled blind",
            )
