"""What the site looks like right now, in the shape the API, the console and the command line show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.contingency import TripOutcome
from controller.modes import Mode, ModeKeeper
from controller.watchdog import data_age_s
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.setpoints import LeverId
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ZoneStatus:
    """One zone against its limits. NaN where nothing usable is known."""

    zone: OwnerId
    mode: Mode
    worst_inlet_c: float
    recommended_max_c: float
    allowable_max_c: float
    sensors_usable: int
    sensors: int
    supply_air_c: float
    it_kw: float


@dataclass(frozen=True, slots=True)
class Saving:
    """What was saved against a named baseline since a time. Negative is a loss."""

    since: datetime
    baseline: str
    facility_kwh: float
    carbon_kg: float
    cost: float
    water_l: float
    currency: str
    carbon_synthetic: bool


@dataclass(frozen=True)
class SiteStatus:
    """The site at one instant."""

    at: datetime
    site: str
    mode: Mode
    stopped: str | None
    data_age_s: float
    """Age of the oldest inlet reading that a zone is seen by; of one not seen, since it was."""

    facility_kw: float
    it_kw: float
    cooling_kw: float
    zones: tuple[ZoneStatus, ...]
    setpoints: Mapping[LeverId, float]
    saving: Saving | None = None
    plan: str = ""
    """One line about the present plan, or why there is none."""
    notes: tuple[str, ...] = field(default=())
    redundancy: tuple[TripOutcome, ...] = ()
    """Each zone's worst trip of a machine as of the last minute."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the program does its work: fresh data, a recent plan."""

    ready: bool
    reasons: tuple[str, ...] = ()


def status_of(
    snapshot: Snapshot, modes: ModeKeeper, *, at: datetime, saving: Saving | None = None, plan: str = ""
) -> SiteStatus:
    """The status a snapshot and the modes amount to."""
    site = snapshot.site
    stop = modes.stopped
    return SiteStatus(
        at=snapshot.time,
        site=site.id,
        mode=modes.site_mode,
        stopped=None if stop is None else f"{stop.by}: {stop.reason}",
        data_age_s=data_age_s(snapshot, at),
        facility_kw=_of_site(snapshot, Quantity.FACILITY_POWER),
        it_kw=_of_site(snapshot, Quantity.IT_POWER),
        cooling_kw=_of_site(snapshot, Quantity.COOLING_POWER),
        zones=tuple(_zone(site, snapshot, modes, i) for i in range(len(site.zones))),
        setpoints=dict(snapshot.setpoints()),
        saving=saving,
        plan=plan,
        notes=tuple(f"{s}: {c}: {detail}" for (s, c), detail in modes.fallback_causes.items()),
    )


def _of_site(snapshot: Snapshot, quantity: Quantity) -> float:
    """The site meter's value, whichever owner carries it; NaN where there is none."""
    points = snapshot.site.points_with(quantity)
    values = [snapshot.value(p.id) for p in points if p.owner not in snapshot.site.zone_by_id]
    known = [v for v in values if not math.isnan(v)]
    return sum(known) if known and len(known) == len(values) else math.nan


def _zone(site: Site, snapshot: Snapshot, modes: ModeKeeper, index: int) -> ZoneStatus:
    zone = site.zones[index]
    sensors = site.points_of(zone.id, Quantity.INLET_TEMPERATURE)
    return ZoneStatus(
        zone=zone.id,
        mode=modes.effective(zone.id),
        worst_inlet_c=snapshot.worst_inlet_c(zone.id),
        recommended_max_c=zone.limits.recommended_max_c,
        allowable_max_c=zone.limits.allowable_max_c,
        sensors_usable=int(snapshot.inlets_c(zone.id).size),
        sensors=len(sensors),
        supply_air_c=snapshot.zone_mean(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE),
        it_kw=snapshot.mean(zone.id, Quantity.IT_POWER),
    )
