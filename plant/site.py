"""A site: one facility, as its people describe it. Frozen records; `site_file` reads them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from plant.gateways import Gateway
from plant.points import OwnerId, Point, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints


class EquipmentKind(StrEnum):
    """What a piece of equipment is."""

    CRAH = "crah"
    CHILLER = "chiller"
    CHILLED_WATER_PUMP = "chilled_water_pump"
    CONDENSER_WATER_PUMP = "condenser_water_pump"
    TOWER_CELL = "tower_cell"
    ECONOMIZER = "economizer"
    UPS = "ups"
    METER = "meter"
    DX_UNIT = "dx_unit"
    """A room unit with its own compressor and condenser (CRAC)."""
    AIR_ECONOMIZER = "air_economizer"
    STORAGE_TANK = "storage_tank"
    CDU = "cdu"
    """Coolant distribution unit of a direct-to-chip loop."""
    HEAT_RECOVERY = "heat_recovery"
    BATTERY = "battery"
    GENERATOR = "generator"


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What is printed on the equipment; None where it is not known.

    capacity_kw is heat moved at design, power_kw electrical input at design.
    """

    capacity_kw: float | None = None
    power_kw: float | None = None
    airflow_m3_s: float | None = None
    water_flow_m3_s: float | None = None
    cop: float | None = None
    storage_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How a machine may be started and stopped, and what a start costs in wear (site currency)."""

    min_on_s: float = 0.0
    min_off_s: float = 0.0
    starts_per_hour: float | None = None
    start_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class InletLimits:
    """Rack inlet limits of a zone. [°C] Planning stays `margin_k` below `recommended_max_c`."""

    recommended_min_c: float = 18.0
    recommended_max_c: float = 27.0
    allowable_max_c: float = 32.0
    margin_k: float = 0.5

    @property
    def planning_max_c(self) -> float:
        """The warmest inlet a plan may predict."""
        return self.recommended_max_c - self.margin_k


@dataclass(frozen=True, slots=True)
class HumidityLimits:
    """Room air moisture, ASHRAE TC 9.9 (2021) recommended envelope by default. [°C dew point, ratio]"""

    dew_point_min_c: float = -9.0
    dew_point_max_c: float = 15.0
    relative_humidity_max: float = 0.7


@dataclass(frozen=True, slots=True)
class Zone:
    """One air-side control volume: its racks and the CRAH units that cool it."""

    id: OwnerId
    racks: int
    it_design_kw: float
    limits: InletLimits
    humidity: HumidityLimits = HumidityLimits()
    min_units_running: int = 1
    """Fewest CRAHs (or DX units) that must run for a plan to be allowed at all."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """One machine. `zone` is set for what serves a single zone."""

    id: OwnerId
    kind: EquipmentKind
    zone: OwnerId | None
    nameplate: Nameplate
    run: RunLimits = RunLimits()


@dataclass(frozen=True, slots=True)
class Safety:
    """Times and counts of the direction of failure: hold, then fallback setpoints. [s]"""

    max_data_age_s: float = 180.0
    hold_s: float = 600.0
    """How long the last accepted setpoints are held on stale data before fallback."""
    lease_s: float = 1800.0
    """How long a written setpoint stays ours without being renewed."""
    heartbeat_s: float = 30.0
    proposal_expiry_s: float = 900.0
    substitute_s: float = 0.0
    """How old a last good reading of weather, load or a meter may be and still stand in; 0: never."""
    ride_through_s: float = 900.0
    """How long, after any one CRAH or chiller trips, every inlet must stay under its allowable limit
    with nobody acting but the plant's own controllers."""
    n_minus_one: tuple[EquipmentKind, ...] = (
        EquipmentKind.CRAH,
        EquipmentKind.DX_UNIT,
        EquipmentKind.CHILLER,
    )
    """Kinds of machines any one of which may trip at any time: plans keep the room for it."""
    survivor_fan: float | None = None
    """Fan speed to which the local controllers take a zone's other units when one of them trips.
    None: they stay where we set them."""
    survivor_ramp_s: float = 60.0
    """Within which they are there. [s]"""
    chiller_start_s: float | None = None
    """Within which a standby chiller has taken over from one that tripped. None: nothing takes over. [s]"""
    chilled_loop_m3: float | None = None
    """Water in the chilled loop with its buffers. None: no more than chiller makers ask for. [m³]"""


@dataclass(frozen=True, slots=True)
class Planning:
    """How the site wants to be planned for. Weights are money in the site's currency."""

    carbon_cap_kg_per_day: float | None = None
    move_cost: float = 0.0
    """Wear of one whole `max_move` of one lever."""
    confidence_sigmas: float = 2.0
    """Standard deviations a predicted inlet stays below its planning limit (2: 97.7 % one-sided)."""


@dataclass(frozen=True, slots=True)
class TariffPeriod:
    """A price that holds in some hours (local) of some weekdays (0 = Monday)."""

    name: str
    price_per_kwh: float
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """What energy, carbon and water cost. `periods` are tried in order; `price_per_kwh` is the rest."""

    currency: str
    price_per_kwh: float
    periods: tuple[TariffPeriod, ...] = ()
    demand_charge_per_kw_month: float = 0.0
    carbon_price_per_tonne: float = 0.0
    water_price_per_m3: float = 0.0


@dataclass(frozen=True, slots=True)
class CarbonSource:
    """Where carbon intensity comes from: `provider` names a feed, `region` what it is asked for."""

    provider: str
    region: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class WeatherFeed:
    """Where weather forecasts come from: `provider` names a feed, `path` a file of it."""

    provider: str
    path: Path | None = None


@dataclass(frozen=True)
class Site:
    """One facility. Look things up with the methods; the tuples keep the file's order."""

    id: str
    name: str
    latitude: float
    longitude: float
    elevation_m: float
    timezone: str
    pue_category: int
    zones: tuple[Zone, ...]
    equipment: tuple[Equipment, ...]
    gateways: tuple[Gateway, ...]
    points: tuple[Point, ...]
    levers: tuple[Lever, ...]
    safety: Safety
    tariff: Tariff
    carbon: CarbonSource
    source_file: Path | None = field(default=None, compare=False)
    reporting_file: Path | None = field(default=None, compare=False)
    """What the operator supplies for reports: contracts, fuels, evidence."""
    planning: Planning = Planning()
    weather: WeatherFeed | None = None
    """None: persistence of the site's own weather sensors."""

    @cached_property
    def point_by_id(self) -> Mapping[PointId, Point]:
        """Every point by its id."""
        return {p.id: p for p in self.points}

    @cached_property
    def lever_by_id(self) -> Mapping[LeverId, Lever]:
        """Every lever by its id."""
        return {lever.id: lever for lever in self.levers}

    @cached_property
    def zone_by_id(self) -> Mapping[OwnerId, Zone]:
        """Every zone by its id."""
        return {z.id: z for z in self.zones}

    @cached_property
    def _by_owner(self) -> Mapping[tuple[OwnerId, Quantity], tuple[Point, ...]]:
        found: dict[tuple[OwnerId, Quantity], tuple[Point, ...]] = {}
        for point in self.points:
            key = (point.owner, point.quantity)
            found[key] = (*found.get(key, ()), point)
        return found

    def points_of(self, owner: OwnerId, quantity: Quantity) -> tuple[Point, ...]:
        """The points of this very owner with this quantity (a zone's inlets are several)."""
        return self._by_owner.get((owner, quantity), ())

    def points_with(self, quantity: Quantity) -> tuple[Point, ...]:
        """All points with this quantity, whoever owns them."""
        return tuple(p for p in self.points if p.quantity is quantity)

    def points_in(self, zone: OwnerId, quantity: Quantity) -> tuple[Point, ...]:
        """Points of the zone itself and of the equipment that serves only it."""
        owners = (zone, *(e.id for e in self.equipment if e.zone == zone))
        return tuple(p for owner in owners for p in self.points_of(owner, quantity))

    def equipment_of(self, kind: EquipmentKind, zone: OwnerId | None = None) -> tuple[Equipment, ...]:
        """Equipment of a kind, optionally only what serves a zone."""
        return tuple(e for e in self.equipment if e.kind is kind and (zone is None or e.zone == zone))

    def lever(self, owner: OwnerId, quantity: Quantity) -> Lever | None:
        """The lever of this owner for this quantity, if the site has it."""
        return next((lv for lv in self.levers if lv.owner == owner and lv.quantity is quantity), None)

    @property
    def fallback(self) -> Setpoints:
        """Every lever at its fallback value."""
        return Setpoints({lever.id: lever.fallback for lever in self.levers})

    @property
    def as_found(self) -> Setpoints:
        """Every lever where the site kept it before us."""
        return Setpoints({lever.id: lever.as_found for lever in self.levers})


__all__ = [
    "CarbonSource",
    "Equipment",
    "EquipmentKind",
    "HumidityLimits",
    "InletLimits",
    "Nameplate",
    "Planning",
    "RunLimits",
    "Safety",
    "Site",
    "Tariff",
    "TariffPeriod",
    "WeatherFeed",
    "Zone",
]
