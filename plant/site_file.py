"""Reading a site file: YAML in, a frozen `Site` out, or one clear line about what is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plant.errors import ConfigError
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
from plant.quantities import FACTS, Quantity, Role
from plant.setpoints import Lever, LeverId
from plant.site import (
    CarbonSource,
    Equipment,
    EquipmentKind,
    Gateway,
    GatewayKind,
    InletLimits,
    Nameplate,
    Safety,
    Site,
    Tariff,
    TariffPeriod,
    Zone,
)
from plant.units import unit

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Inlets(_Part):
    recommended_min_c: float = 18.0
    recommended_max_c: float = 27.0
    allowable_max_c: float = 32.0
    margin_k: float = Field(0.5, ge=0)


class _Zone(_Part):
    id: Identifier
    racks: int = Field(gt=0)
    it_design_kw: Positive
    limits: _Inlets = Field(default_factory=lambda: _Inlets(margin_k=0.5))


class _Nameplate(_Part):
    capacity_kw: Positive | None = None
    power_kw: Positive | None = None
    airflow_m3_s: Positive | None = None
    water_flow_m3_s: Positive | None = None
    cop: Positive | None = None


class _Equipment(_Part):
    id: Identifier
    kind: EquipmentKind
    zone: Identifier | None = None
    nameplate: _Nameplate = _Nameplate()


class _Gateway(_Part):
    id: Identifier
    kind: GatewayKind
    target: str
    poll_s: Positive = 10.0
    timeout_s: Positive = 2.0
    retries: int = Field(2, ge=0)
    gap_limit: int = Field(8, ge=0, le=100)


class _Modbus(_Part):
    gateway: Identifier
    table: ModbusTable
    address: int = Field(ge=0, le=65535)
    type: RegisterType = RegisterType.UINT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: WordOrder = WordOrder.ABCD
    bit: int | None = Field(None, ge=0, le=15)
    device_id: int = Field(1, ge=0, le=255)


class _Prometheus(_Part):
    gateway: Identifier
    metric: str
    labels: dict[str, str] = {}


class _Point(_Part):
    id: Identifier
    of: Identifier
    quantity: Quantity
    unit: str
    role: Role | None = None
    brick: str | None = None
    modbus: _Modbus | None = None
    prometheus: _Prometheus | None = None


class _Lever(_Part):
    id: Identifier
    of: Identifier
    sets: Quantity
    low: float
    high: float
    max_move: Positive
    resolution: Positive
    as_found: float
    fallback: float


class _Safety(_Part):
    max_data_age_s: Positive = 180.0
    hold_s: Positive = 600.0
    lease_s: Positive = 1800.0
    heartbeat_s: Positive = 30.0
    proposal_expiry_s: Positive = 900.0


class _Period(_Part):
    name: str
    price_per_kwh: float
    hours: list[Annotated[int, Field(ge=0, le=23)]]
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = [0, 1, 2, 3, 4, 5, 6]


class _Tariff(_Part):
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    price_per_kwh: float
    periods: list[_Period] = []
    demand_charge_per_kw_month: float = Field(0.0, ge=0)
    carbon_price_per_tonne: float = Field(0.0, ge=0)
    water_price_per_m3: float = Field(0.0, ge=0)


class _Carbon(_Part):
    provider: str
    region: str
    path: Path | None = None


class _SiteFile(_Part):
    schema_version: Literal[1]
    id: Identifier
    name: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    elevation_m: float = Field(0.0, ge=-500, le=6000)
    timezone: str
    pue_category: int = Field(1, ge=1, le=3)
    zones: list[_Zone] = Field(min_length=1)
    equipment: list[_Equipment]
    gateways: list[_Gateway]
    points: list[_Point]
    levers: list[_Lever] = Field(min_length=1)
    safety: _Safety = _Safety()
    tariff: _Tariff
    carbon: _Carbon


def load_site(path: Path) -> Site:
    """Read and check a site file.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the mend.
    """
    described = _parse(path)
    site = _site(described, path)
    _check(site, path)
    return site


def _parse(path: Path) -> _SiteFile:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"site file {path}", "does not exist", "give the path of one, for example examples/demo.yaml"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"site file {path}", f"cannot be read ({error})", "make it a readable UTF-8 file"
        ) from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(
            f"site file {path}{line}", f"is not valid YAML ({problem})", "mend the syntax there"
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(f"site file {path}", "is not a mapping of keys", "start from examples/demo.yaml")
    try:
        return _SiteFile.model_validate(data)
    except ValidationError as error:
        raise _first_error(path, data, error) from None


def _first_error(path: Path, data: object, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) + _named(data, first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    match first["type"]:
        case "extra_forbidden":
            mend = "remove it or correct its spelling"
        case "missing":
            mend = "add it"
        case _:
            mend = f"correct the value {first.get('input')!r}"[:120]
    problem = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(f"site file {path}, key {key}", problem + more, mend)


def _named(data: object, loc: tuple[int | str, ...]) -> str:
    """The id of the list item an error is in, so that a person need not count."""
    found = ""
    for part in loc:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            found = f" ({data['id']})"
    return found


def _site(d: _SiteFile, path: Path) -> Site:
    carbon_path = path.parent / d.carbon.path if d.carbon.path else None
    points = tuple(_point(p, path) for p in d.points)
    return Site(
        id=d.id,
        name=d.name,
        latitude=d.latitude,
        longitude=d.longitude,
        elevation_m=d.elevation_m,
        timezone=d.timezone,
        pue_category=d.pue_category,
        zones=tuple(
            Zone(OwnerId(z.id), z.racks, z.it_design_kw, InletLimits(**z.limits.model_dump()))
            for z in d.zones
        ),
        equipment=tuple(
            Equipment(
                OwnerId(e.id),
                e.kind,
                OwnerId(e.zone) if e.zone else None,
                Nameplate(**e.nameplate.model_dump()),
            )
            for e in d.equipment
        ),
        gateways=tuple(Gateway(**{**g.model_dump(), "id": GatewayId(g.id)}) for g in d.gateways),
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
    )


def _point(p: _Point, path: Path) -> Point:
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
    address: Address | None = None
    if p.modbus:
        address = ModbusAddress(**{**p.modbus.model_dump(), "gateway": GatewayId(p.modbus.gateway)})
    elif p.prometheus:
        address = PrometheusAddress(
            GatewayId(p.prometheus.gateway), p.prometheus.metric, dict(p.prometheus.labels)
        )
    brick = p.brick or facts.brick_class
    return Point(PointId(p.id), OwnerId(p.of), p.quantity, p.unit, brick, address)


def _lever(lv: _Lever, d: _SiteFile, points: tuple[Point, ...], path: Path) -> Lever:
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


def _check(site: Site, path: Path) -> None:
    """References that a schema cannot express."""
    file = f"site file {path}"
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
