"""The table of contents of learning: which submodel is fitted to what, in order."""

from __future__ import annotations

from datetime import datetime

from optimizer.identify.air_economizer import free_heat_kw, learn_idle_load, learn_outdoor_air
from optimizer.identify.auxiliaries import (
    learn_chw_pump,
    learn_condenser_pump,
    learn_gains,
    learn_it_meter,
    learn_losses,
    learn_water,
)
from optimizer.identify.chillers import learn_chillers
from optimizer.identify.coils import learn_airflow, learn_coils
from optimizer.identify.crah_fans import learn_crah_fans
from optimizer.identify.dx import dx_units, learn_dx
from optimizer.identify.economizer import learn_economizer
from optimizer.identify.inlets import learn_inlets
from optimizer.identify.it_power import learn_it_power
from optimizer.identify.liquid import learn_liquid, shares
from optimizer.identify.signals import DYNAMIC_STEP_S, STATIC_STEP_S, Signals
from optimizer.identify.storage import learn_storage
from optimizer.identify.tower import learn_tower
from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.history import History

OF_CHILLED_WATER = frozenset(
    {
        "coils",
        "heat gains",
        "chillers",
        "economizer",
        "tower",
        "chilled-water pump",
        "condenser pump",
        "water",
    }
)
"""Laws of which a site without chilled water has no evidence, for or against."""


def assemble(history: History, *, at: datetime) -> PlantModel:
    """Learn a plant model from a site's history.

    Static laws are fitted to 15-minute means, inlet dynamics to 5-minute ones. A submodel the data
    cannot support keeps its nameplate prior and says so in `PlantModel.evidence`.

    Parameters
    ----------
    history : History
        Any regular step up to 300 s; some days of it, the more varied the better.
    at : datetime
        When it is learned (recorded, not used).
    """
    signals = Signals.of(history)
    still = signals.coarse(STATIC_STEP_S)
    moving = signals.coarse(DYNAMIC_STEP_S)
    liquid, liquid_evidence = learn_liquid(still)
    by_liquid = shares(liquid)
    still = still.with_liquid(by_liquid)
    air = {z.id: learn_airflow(still, z.id) for z in history.site.zones}
    outdoor, outdoor_evidence = learn_outdoor_air(still, air)
    still = still.with_free_heat(free_heat_kw(outdoor, still, air))
    idle_load_kw = learn_idle_load(still)
    coils, coil_evidence = learn_coils(still, air)
    zones, records = [], [coil_evidence, *outdoor_evidence, *liquid_evidence]
    for zone in history.site.zones:
        it, it_evidence = learn_it_power(still, zone.id)
        inlets, inlet_evidence = learn_inlets(
            # Air gain counts all IT power: as if the air were more where some heat leaves by liquid.
            moving,
            zone.id,
            air[zone.id] / (1.0 - by_liquid.get(zone.id, 0.0)),
        )
        records += [it_evidence, inlet_evidence]
        if dx_units(history.site, zone.id):
            dx, fans, evidence = learn_dx(still, zone.id, air[zone.id])
            records += evidence
        else:
            dx, (fans, fan_evidence) = None, learn_crah_fans(still, zone.id)
            records.append(fan_evidence)
        zones.append(ZoneModel(zone.id, it, inlets, coils[zone.id], fans, dx, outdoor.get(zone.id)))
    gains, gains_evidence = learn_gains(still)
    chillers, chiller_evidence = learn_chillers(still, moving)
    economizer, economizer_evidence = learn_economizer(still, moving)
    tower, tower_evidence = learn_tower(still)
    chw_pump, chw_evidence = learn_chw_pump(still)
    cw_pump, cw_evidence = learn_condenser_pump(still)
    it_meter, meter_evidence = learn_it_meter(still)
    losses, losses_evidence = learn_losses(still)
    water, water_evidence = learn_water(still)
    storage, storage_evidence = learn_storage(still)
    records += [gains_evidence, chiller_evidence, economizer_evidence, tower_evidence]
    records += [chw_evidence, cw_evidence, meter_evidence, losses_evidence, water_evidence]
    if storage_evidence is not None:
        records.append(storage_evidence)
    if all(zone.dx is not None for zone in zones):
        records = [record for record in records if record.name not in OF_CHILLED_WATER]
    return PlantModel(
        site_id=history.site.id,
        learned_at=at,
        data_from=history.start,
        data_until=history.end,
        zones=tuple(zones),
        gains=gains,
        chillers=chillers,
        economizer=economizer,
        tower=tower,
        chw_pump=chw_pump,
        cw_pump=cw_pump,
        it_meter=it_meter,
        losses=losses,
        water=water,
        evidence=tuple(records),
        storage=storage,
        idle_load_kw=idle_load_kw,
        liquid=liquid,
    )
