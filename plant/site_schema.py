"""The shape of a site file, as pydantic checks it. Only `site_file` uses these records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from plant.gateways import GatewayKind
from plant.points import ModbusTable, RegisterType, WordOrder
from plant.quantities import Quantity, Role
from plant.site import EquipmentKind

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
Positive = Annotated[float, Field(gt=0)]


class PartIn(BaseModel):
    """Refuses unknown keys, and NaN: `.nan` is legal YAML and passes checks that should stop it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InletsIn(PartIn):
    """Rack inlet limits. [°C]"""

    recommended_min_c: float = 18.0
    recommended_max_c: float = 27.0
    allowable_max_c: float = 32.0
    margin_k: float = Field(0.5, ge=0)


class HumidityIn(PartIn):
    """Room air moisture limits. [°C dew point, ratio]"""

    dew_point_min_c: float = -9.0
    dew_point_max_c: float = 15.0
    relative_humidity_max: float = Field(0.7, gt=0, le=1)


class ZoneIn(PartIn):
    """One zone."""

    id: Identifier
    racks: int = Field(gt=0)
    it_design_kw: Positive
    limits: InletsIn = Field(default_factory=lambda: InletsIn(margin_k=0.5))
    humidity: HumidityIn = HumidityIn()
    min_units_running: int = Field(1, ge=0)


class NameplateIn(PartIn):
    """What is printed on a machine."""

    capacity_kw: Positive | None = None
    power_kw: Positive | None = None
    airflow_m3_s: Positive | None = None
    water_flow_m3_s: Positive | None = None
    cop: Positive | None = None
    storage_kwh: Positive | None = None


class RunIn(PartIn):
    """How a machine may be started and stopped."""

    min_on_s: float = Field(0.0, ge=0)
    min_off_s: float = Field(0.0, ge=0)
    starts_per_hour: Positive | None = None
    start_cost: float = Field(0.0, ge=0)


class EquipmentIn(PartIn):
    """One machine."""

    id: Identifier
    kind: EquipmentKind
    zone: Identifier | None = None
    nameplate: NameplateIn = NameplateIn()
    run: RunIn = RunIn()


class TlsIn(PartIn):
    """Certificates, as PEM files beside the site file."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None


class LoginIn(PartIn):
    """Secrets, as files beside the site file."""

    username: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None


class GatewayIn(PartIn):
    """One source of points."""

    id: Identifier
    kind: GatewayKind
    target: str
    poll_s: Positive = 10.0
    timeout_s: Positive = 2.0
    retries: int = Field(2, ge=0)
    gap_limit: int = Field(8, ge=0, le=100)
    min_write_interval_s: float = Field(0.0, ge=0)
    register_map: Path | None = None
    tls: TlsIn | None = None
    login: LoginIn | None = None


def pairs(given: object) -> object:
    """An enumeration as people write it: a mapping in YAML, ``0=0 3=1`` in a register map."""
    if isinstance(given, str):
        return tuple(tuple(part.split("=", 1)) for part in given.split())
    return tuple(given.items()) if isinstance(given, dict) else given


class ModbusIn(PartIn):
    """A Modbus address."""

    gateway: Identifier
    table: ModbusTable
    address: int = Field(ge=0, le=65535)
    type: RegisterType = RegisterType.UINT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: WordOrder = WordOrder.ABCD
    bit: int | None = Field(None, ge=0, le=15)
    device_id: int = Field(1, ge=0, le=255)
    values: Annotated[tuple[tuple[int, float], ...], BeforeValidator(pairs)] = ()


class PrometheusIn(PartIn):
    """A Prometheus address."""

    gateway: Identifier
    metric: str
    labels: dict[str, str] = {}
    rate_s: Positive | None = None


class PointIn(PartIn):
    """One point."""

    id: Identifier
    of: Identifier
    quantity: Quantity
    unit: str
    role: Role | None = None
    brick: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    group: Identifier | None = None
    modbus: ModbusIn | None = None
    prometheus: PrometheusIn | None = None


class LeverIn(PartIn):
    """One lever."""

    id: Identifier
    of: Identifier
    sets: Quantity
    low: float
    high: float
    max_move: Positive
    resolution: Positive
    as_found: float
    fallback: float


class SafetyIn(PartIn):
    """Times of the direction of failure. [s]"""

    max_data_age_s: Positive = 180.0
    hold_s: Positive = 600.0
    lease_s: Positive = 1800.0
    heartbeat_s: Positive = 30.0
    proposal_expiry_s: Positive = 900.0
    substitute_s: float = Field(0.0, ge=0, le=3600)
    ride_through_s: Positive = 900.0
    n_minus_one: tuple[EquipmentKind, ...] = (
        EquipmentKind.CRAH,
        EquipmentKind.DX_UNIT,
        EquipmentKind.CHILLER,
    )
    survivor_fan: float | None = Field(None, gt=0, le=1)
    survivor_ramp_s: float = Field(60.0, ge=0, le=3600)
    chiller_start_s: float | None = Field(None, ge=0, le=7200)
    chilled_loop_m3: Positive | None = None


class PlanningIn(PartIn):
    """How the site wants to be planned for."""

    carbon_cap_kg_per_day: Positive | None = None
    move_cost: float = Field(0.0, ge=0)
    confidence_sigmas: float = Field(2.0, ge=0, le=4)


class PeriodIn(PartIn):
    """A tariff period, local hours."""

    name: str
    price_per_kwh: float
    hours: list[Annotated[int, Field(ge=0, le=23)]]
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = [0, 1, 2, 3, 4, 5, 6]


class TariffIn(PartIn):
    """What energy, carbon and water cost."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    price_per_kwh: float
    periods: list[PeriodIn] = []
    demand_charge_per_kw_month: float = Field(0.0, ge=0)
    carbon_price_per_tonne: float = Field(0.0, ge=0)
    water_price_per_m3: float = Field(0.0, ge=0)


class CarbonIn(PartIn):
    """Where carbon intensity comes from."""

    provider: str
    region: str
    path: Path | None = None


class WeatherIn(PartIn):
    """Where weather forecasts come from."""

    provider: str
    path: Path | None = None


class SiteFile(PartIn):
    """The whole file."""

    schema_version: Literal[1]
    id: Identifier
    name: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    elevation_m: float = Field(0.0, ge=-500, le=6000)
    timezone: str
    pue_category: int = Field(1, ge=1, le=3)
    zones: list[ZoneIn] = Field(min_length=1)
    equipment: list[EquipmentIn]
    gateways: list[GatewayIn]
    points: list[PointIn]
    levers: list[LeverIn] = Field(min_length=1)
    safety: SafetyIn = SafetyIn()
    tariff: TariffIn
    carbon: CarbonIn
    reporting: Path | None = None
    planning: PlanningIn = PlanningIn()
    weather: WeatherIn | None = None
