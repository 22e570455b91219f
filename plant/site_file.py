"""Reading a site file: YAML in, a frozen `Site` out, or one clear line about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from plant.errors import ConfigError
from plant.gateways import Gateway, Login, Tls
from plant.points import (
    Address,
    GatewayId,
    ModbusAddress,
    OwnerId,
    Point,
    PointId,
    PrometheusAddress,
)
from plant.quantities import FACTS, Quantity, Role
from plant.register_map import load_register_map
from plant.setpoints import Lever, LeverId
from plant.site import (
    CarbonSource,
    Equipment,
    HumidityLimits,
    InletLimits,
    Nameplate,
    Planning,
    RunLimits,
    Safety,
    Site,
    Tariff,
    TariffPeriod,
    WeatherFeed,
    Zone,
)
from plant.site_checks import check_site
from plant.site_schema import GatewayIn, LeverIn, PointIn, SiteFile
from plant.units import unit
from plant.yaml_file import YamlFile

_EXAMPLE = "examples/demo.yaml"


def load_site(path: Path) -> Site:
    """Read and check a site file.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the mend.
    """
    described = YamlFile(
        path,
        "site file",
        "give the path of one, for example examples/demo.yaml",
        "start from examples/demo.yaml",
    ).described(SiteFile)
    site = _site(described, path)
    check_site(site, f"site file {path}")
    return site


def _site(d: SiteFile, path: Path) -> Site:
    carbon_path = path.parent / d.carbon.path if d.carbon.path else None
    mapped = _mapped_addresses(d, path)
    points = tuple(_point(p, path, mapped) for p in d.points)
    return Site(
        id=d.id,
        name=d.name,
        latitude=d.latitude,
        longitude=d.longitude,
        elevation_m=d.elevation_m,
        timezone=d.timezone,
        pue_category=d.pue_category,
        zones=tuple(
            Zone(
                OwnerId(z.id),
                z.racks,
                z.it_design_kw,
                InletLimits(**z.limits.model_dump()),
                HumidityLimits(**z.humidity.model_dump()),
                z.min_units_running,
            )
            for z in d.zones
        ),
        equipment=tuple(
            Equipment(
                OwnerId(e.id),
                e.kind,
                OwnerId(e.zone) if e.zone else None,
                Nameplate(**e.nameplate.model_dump()),
                RunLimits(**e.run.model_dump()),
            )
            for e in d.equipment
        ),
        gateways=tuple(_gateway(g, path) for g in d.gateways),
        points=points,
        levers=tuple(_lever(lv, d, points, path) for lv in d.levers),
        safety=Safety(**d.safety.model_dump()),
        tariff=Tariff(
            currency=d.tariff.currency,
            price_per_kwh=d.tariff.price_per_kwh,
            periods=tuple(
                TariffPeriod(p.name, p.price_per_kwh, tuple(p.hours), tuple(p.weekdays))
                for p in d.tariff.periods
            ),
            demand_charge_per_kw_month=d.tariff.demand_charge_per_kw_month,
            carbon_price_per_tonne=d.tariff.carbon_price_per_tonne,
            water_price_per_m3=d.tariff.water_price_per_m3,
        ),
        carbon=CarbonSource(d.carbon.provider, d.carbon.region, carbon_path),
        source_file=path,
        reporting_file=path.parent / d.reporting if d.reporting else None,
        planning=Planning(**d.planning.model_dump()),
        weather=WeatherFeed(**_beside(path, d.weather)) if d.weather else None,
    )


def _gateway(g: GatewayIn, path: Path) -> Gateway:
    plain = g.model_dump(exclude={"id", "register_map", "tls", "login"})
    tls = Tls(**_beside(path, g.tls)) if g.tls else None
    login = Login(**_beside(path, g.login)) if g.login else None
    return Gateway(id=GatewayId(g.id), tls=tls, login=login, **plain)


def _beside(path: Path, part: BaseModel) -> dict[str, Any]:
    """A part's values, with every path taken as relative to the site file."""
    return {k: path.parent / v if isinstance(v, Path) else v for k, v in part}


def _mapped_addresses(d: SiteFile, path: Path) -> Mapping[str, ModbusAddress]:
    """Addresses from the register maps that gateways name; each point has one at most."""
    known = {p.id for p in d.points}
    inline = {p.id for p in d.points if p.modbus or p.prometheus}
    mapped: dict[str, ModbusAddress] = {}
    for g in d.gateways:
        if g.register_map is None:
            continue
        file = path.parent / g.register_map
        for point, address in load_register_map(file, GatewayId(g.id)).items():
            where = f"register map {file}, point {point}"
            if point not in known:
                raise ConfigError(where, "is not in the site file", "correct its id or add the point there")
            if point in inline or point in mapped:
                raise ConfigError(where, "already has an address", "keep one of the two")
            mapped[point] = address
    return mapped


def _point(p: PointIn, path: Path, mapped: Mapping[str, ModbusAddress]) -> Point:
    facts = FACTS[p.quantity]
    where = f"site file {path}, point {p.id}"
    if p.role is not None and p.role is not facts.role:
        raise ConfigError(where, f"role {p.role} does not fit quantity {p.quantity}", f"it is a {facts.role}")
    if p.modbus and p.prometheus:
        raise ConfigError(where, "has two source addresses", "keep one of modbus and prometheus")
    try:
        found = unit(p.unit)
    except ConfigError as error:
        raise ConfigError(where, f"unit {p.unit!r} is not known", error.mend) from None
    if found.dimension is not facts.dimension:
        raise ConfigError(
            where, f"unit {p.unit} is a {found.dimension}", f"{p.quantity} needs a {facts.dimension}"
        )
    address: Address | None = mapped.get(p.id)
    if p.modbus:
        address = ModbusAddress(**{**p.modbus.model_dump(), "gateway": GatewayId(p.modbus.gateway)})
    elif p.prometheus:
        address = PrometheusAddress(
            GatewayId(p.prometheus.gateway),
            p.prometheus.metric,
            dict(p.prometheus.labels),
            p.prometheus.rate_s,
        )
    brick = p.brick or facts.brick_class
    return Point(PointId(p.id), OwnerId(p.of), p.quantity, p.unit, brick, address, p.group)


def _lever(lv: LeverIn, d: SiteFile, points: tuple[Point, ...], path: Path) -> Lever:
    where = f"site file {path}, lever {lv.id}"
    if FACTS[lv.sets].role is not Role.SETPOINT or lv.sets is Quantity.HEARTBEAT:
        raise ConfigError(where, f"sets {lv.sets}, which is not a setpoint", "name a setpoint quantity")
    owners = {lv.of, *(e.id for e in d.equipment if e.zone == lv.of)}
    moved = tuple(p.id for p in points if p.owner in owners and p.quantity is lv.sets)
    if not moved:
        raise ConfigError(
            where, f"no point of {lv.of} has quantity {lv.sets}", "add the point or remove the lever"
        )
    if lv.low >= lv.high:
        raise ConfigError(where, "low is not below high", "correct the absolute range")
    facts = FACTS[lv.sets]
    if lv.low < facts.low or lv.high > facts.high:
        raise ConfigError(
            where,
            f"range {lv.low:g} to {lv.high:g} is beyond what {lv.sets} can be",
            f"give it in {facts.inside_unit}, within {facts.low:g} to {facts.high:g}",
        )
    for name, value in (("as_found", lv.as_found), ("fallback", lv.fallback)):
        if not lv.low <= value <= lv.high:
            raise ConfigError(
                where, f"{name} {value:g} is outside {lv.low:g} to {lv.high:g}", "bring it inside the range"
            )
    return Lever(
        id=LeverId(lv.id),
        owner=OwnerId(lv.of),
        quantity=lv.sets,
        points=moved,
        low=lv.low,
        high=lv.high,
        max_move=lv.max_move,
        resolution=lv.resolution,
        as_found=lv.as_found,
        fallback=lv.fallback,
    )
