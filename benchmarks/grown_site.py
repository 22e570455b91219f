"""Made-up sites of any size: the demo site's zone many times over, each with laws and loads of its own.

Submodels are nameplate values, changed a little from zone to zone: what is measured on them is work,
not wisdom.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from optimizer.identify import identify
from optimizer.identify.evidence import Origin
from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.forecast import Band, CarbonKind, CarbonSeries, Forecast, PriceSeries
from plant.history import History
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.setpoints import LeverId
from plant.site import Equipment, EquipmentKind, Site
from plant.snapshot import Snapshot
from plant.timegrid import TimeGrid

START = datetime(2025, 7, 8, 12, tzinfo=UTC)


def grown(site: Site, zones: int, chillers: int) -> Site:
    """A site with copies of the demo's zones, and machines in proportion."""
    pattern = site.zones[0]
    names = [OwnerId(f"zone-{k}") for k in range(zones)]
    crahs = [e for e in site.equipment if e.zone == pattern.id]
    own = {pattern.id, *(e.id for e in crahs)}

    def renamed(name: str, k: int) -> str:
        for old in own:
            if name == old or name.startswith(f"{old}."):
                return f"z{k}-{name}"
        return name

    def rename(name: str, k: int) -> OwnerId:
        return names[k] if name == pattern.id else OwnerId(renamed(name, k))

    kept = [p for p in site.points if not _in_a_zone(site, p.owner) and not p.owner.startswith("chiller")]
    machines = [e for e in site.equipment if e.zone is None and e.kind is not EquipmentKind.CHILLER]
    scale = zones / len(site.zones)
    machines = [_scaled(e, scale) for e in machines]
    unit = next(e for e in site.equipment if e.kind is EquipmentKind.CHILLER)
    machines += [
        replace(_scaled(unit, 2 * scale / chillers), id=OwnerId(f"chiller-{k}")) for k in range(chillers)
    ]
    zone_points = [
        replace(p, id=PointId(f"z{k}-{p.id}"), owner=rename(p.owner, k), address=None)
        for k in range(zones)
        for p in site.points
        if p.owner in own
    ]
    levers = [
        replace(
            lv,
            id=LeverId(f"z{k}-{lv.id}"),
            owner=names[k],
            points=tuple(PointId(f"z{k}-{p}") for p in lv.points),
        )
        for k in range(zones)
        for lv in site.levers
        if lv.owner == pattern.id
    ]
    return replace(
        site,
        zones=tuple(replace(pattern, id=n) for n in names),
        equipment=(
            *machines,
            *(replace(e, id=rename(e.id, k), zone=names[k]) for k in range(zones) for e in crahs),
        ),
        points=(*kept, *zone_points),
        levers=(*levers, *(lv for lv in site.levers if lv.owner == "site")),
    )


def _in_a_zone(site: Site, owner: OwnerId) -> bool:
    return any(owner == z.id for z in site.zones) or any(e.id == owner and e.zone for e in site.equipment)


def _scaled(e: Equipment, scale: float) -> Equipment:
    plate = e.nameplate
    grow = {
        name: value * scale
        for name in ("capacity_kw", "power_kw", "water_flow_m3_s")
        if (value := getattr(plate, name)) is not None
    }
    return replace(e, nameplate=replace(plate, **grow))


def nameplate_model(site: Site) -> PlantModel:
    """Submodels from nameplates, taken as if they had been learned."""
    index = pd.date_range(START, periods=200, freq="300s")
    empty = History(site, 300, pd.DataFrame(index=index), pd.DataFrame(index=index))
    found = identify(empty, at=START)
    trusted = tuple(replace(e, origin=Origin.LEARNED, disqualified=()) for e in found.evidence)
    return replace(found, evidence=trusted, zones=tuple(_unlike(z, k) for k, z in enumerate(found.zones)))


def _unlike(zone: ZoneModel, number: int) -> ZoneModel:
    """A zone with laws of its own: no two are alike, so nothing can be solved once for many."""
    draw = np.random.default_rng(number).uniform(-1.0, 1.0, 5)
    air, mixing, coil, fans, lag = 1 + np.array([0.1, 0.3, 0.15, 0.2, 0.3]) * draw
    inlets, coils = zone.inlets, zone.coil
    return replace(
        zone,
        inlets=replace(
            inlets,
            coefficients=tuple(
                tuple(c * mixing * (1 + 0.05 * s) for c in row) for s, row in enumerate(inlets.coefficients)
            ),
            tau_s=inlets.tau_s * lag,
            air_kw_k=inlets.air_kw_k * air,
        ),
        coil=replace(coils, air_kw_k=coils.air_kw_k * air, ua_kw_k=coils.ua_kw_k * coil),
        fans=replace(zone.fans, coefficients=tuple(c * fans for c in zone.fans.coefficients)),
    )


def snapshot(site: Site) -> Snapshot:
    """Everything as found, racks at 19 °C and seven tenths of design load."""
    typical = {
        Quantity.INLET_TEMPERATURE: 19.0,
        Quantity.SUPPLY_AIR_TEMPERATURE: 18.0,
        Quantity.FAN_SPEED: 0.9,
        Quantity.OUTDOOR_WET_BULB: 20.0,
        Quantity.OUTDOOR_DRY_BULB: 26.0,
    }
    values = {p.id: typical[p.quantity] for p in site.points if p.quantity in typical}
    values |= {
        p.id: 0.7 * site.zone_by_id[p.owner].it_design_kw
        for p in site.points
        if p.quantity is Quantity.IT_POWER and p.owner in site.zone_by_id
    }
    values |= {point: lv.as_found for lv in site.levers for point in lv.points}
    return Snapshot(site, START, {k: Reading(k, START, v, Quality.GOOD) for k, v in values.items()})


def outlook(site: Site, hour: int) -> Forecast:
    """A daily wave of load and weather, begun at an hour of the day."""
    grid = TimeGrid(START, 900, 96)
    day = 2 * np.pi * (np.arange(96) / 96 + hour / 24)
    wave = np.sin(day)
    own = [np.random.default_rng(1000 + k).uniform(-1.0, 1.0, 2) for k in range(len(site.zones))]
    return Forecast(
        issued_at=START,
        grid=grid,
        it_reference_kw={
            z.id: Band(
                z.it_design_kw * (0.65 + 0.1 * level + 0.12 * np.sin(day + late)),
                np.full(96, 0.02 * z.it_design_kw),
            )
            for z, (level, late) in zip(site.zones, own, strict=True)
        },
        dry_bulb_c=Band(26 + 5 * wave, np.ones(96)),
        wet_bulb_c=Band(20 + 3 * wave, np.ones(96)),
        carbon=CarbonSeries(grid, 350 + 100 * wave, CarbonKind.AVERAGE, "made up", True),
        price=PriceSeries(grid, np.full(96, 0.1), site.tariff.currency, "made up"),
    )
