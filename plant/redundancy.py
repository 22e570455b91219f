"""What a site declares of its redundancy: which machines may trip, and what its own controllers do then.

Read by whoever asks what would become of the racks: the facts are shared, the physics is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from plant.points import OwnerId
from plant.psychrometrics import CP_WATER, RHO_WATER
from plant.site import Equipment, EquipmentKind, Site

LEAST_LOOP_M3_PER_KW = 0.0032
"""Water in a chilled loop of which nothing is declared: 3 US gal a ton (3.517 kW) of one chiller, the
least that makers of chillers ask for in comfort cooling."""

UNEVEN = 0.95
"""A nameplate's share of a zone's air, less what machines of one type differ by: 5 %. [-]"""

_AIR = (EquipmentKind.CRAH, EquipmentKind.DX_UNIT)
_CHILLER_KW = 1000.0


@dataclass(frozen=True)
class AirTrip:
    """One air unit of a zone that may trip.

    `left` is the share of the zone's air that the others still move at the same speed, by nameplate.
    """

    unit: OwnerId
    zone: OwnerId
    left: float

    @property
    def least(self) -> float:
        """The share that is left at least, were the tripped unit the stronger one. [-]"""
        return self.left * UNEVEN


@dataclass(frozen=True)
class Redundancy:
    """Everything declared. Times in seconds, NaN or infinite where nothing helps."""

    air: tuple[AirTrip, ...]
    chillers: tuple[OwnerId, ...]
    """Chillers that may trip."""
    chiller_kw: tuple[float, ...]
    """Capacity of every chiller of the site. [kW]"""
    survivor_fan: float
    survivor_ramp_s: float
    standby_s: float
    ride_through_s: float
    loop_kj_k: float
    """Heat the chilled loop takes up per kelvin. [kJ/K]"""
    idle: Mapping[OwnerId, float] = field(default_factory=dict)
    """Share of each zone's rated air whose units stand still; none where nothing is said. [-]"""

    def runs_of(self, zone: OwnerId) -> float:
        """Share of a zone's rated air whose units do not stand still. [-]"""
        return 1.0 - self.idle.get(zone, 0.0)

    def left_of(self, zone: OwnerId) -> float:
        """Share of a zone's air left when its largest unit trips, by nameplate; what runs where none may."""
        return min((trip.left for trip in self.air if trip.zone == zone), default=self.runs_of(zone))

    def speed_after(self, speed: float) -> float:
        """Speed of a zone's surviving units once they have been ramped. [-]"""
        return speed if math.isnan(self.survivor_fan) else max(speed, self.survivor_fan)


def declared_redundancy(site: Site) -> Redundancy:
    """What the site file says, with the least where it says nothing."""
    safety = site.safety
    chillers = site.equipment_of(EquipmentKind.CHILLER)
    capacity = tuple(e.nameplate.capacity_kw or _CHILLER_KW for e in chillers)
    volume_m3 = safety.chilled_loop_m3 or LEAST_LOOP_M3_PER_KW * max(capacity, default=_CHILLER_KW)
    return Redundancy(
        air=tuple(trip for zone in site.zones for trip in _air_trips(site, zone.id)),
        chillers=tuple(e.id for e in chillers) if EquipmentKind.CHILLER in safety.n_minus_one else (),
        chiller_kw=capacity,
        survivor_fan=math.nan if safety.survivor_fan is None else safety.survivor_fan,
        survivor_ramp_s=safety.survivor_ramp_s,
        standby_s=math.inf if safety.chiller_start_s is None else safety.chiller_start_s,
        ride_through_s=safety.ride_through_s,
        loop_kj_k=volume_m3 * RHO_WATER * CP_WATER,
    )


def air_shares(site: Site, zone: OwnerId) -> dict[OwnerId, float]:
    """Each air unit's share of its zone's rated air. [-]"""
    units = [e for kind in _AIR for e in site.equipment_of(kind, zone)]
    flows = _flows(units)
    return {e.id: flow / sum(flows) for e, flow in zip(units, flows, strict=True)}


def _air_trips(site: Site, zone: OwnerId) -> list[AirTrip]:
    may_trip = {e.id for kind in site.safety.n_minus_one for e in site.equipment_of(kind, zone)}
    shares = air_shares(site, zone)
    return [AirTrip(unit, zone, max(0.0, 1.0 - share)) for unit, share in shares.items() if unit in may_trip]


def _flows(units: list[Equipment]) -> list[float]:
    """Rated airflow of each unit; equal parts where a nameplate is missing."""
    rated = [e.nameplate.airflow_m3_s for e in units]
    return [f for f in rated if f] if rated and all(rated) else [1.0] * len(units)
