"""The table of contents of learning: which submodel is fitted to what, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

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
from optimizer.identify.coils import CoilLaw, learn_airflow, learn_coils
from optimizer.identify.crah_fans import learn_crah_fans
from optimizer.identify.dx import dx_units, learn_dx
from optimizer.identify.economizer import learn_economizer
from optimizer.identify.evidence import Evidence
from optimizer.identify.inlets import learn_inlets
from optimizer.identify.it_power import learn_it_power
from optimizer.identify.liquid import LiquidLaw, learn_liquid, shares
from optimizer.identify.load_growth import learn_load_growth
from optimizer.identify.outdoor_air import OutdoorAirLaw
from optimizer.identify.signals import DYNAMIC_STEP_S, STATIC_STEP_S, Signals
from optimizer.identify.storage import learn_storage
from optimizer.identify.tower import learn_tower
from optimizer.model import PlantModel
from optimizer.zones import ZoneModel
from plant.history import History
from plant.points import OwnerId

_Law = TypeVar("_Law")

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
    heard = _Heard.of(history)
    still, moving, book = heard.still, heard.moving, _Book()
    coils = book.keep(learn_coils(still, heard.air_kw_k))
    book.records += heard.records
    zones = tuple(_zone(zone.id, heard, coils, book) for zone in history.site.zones)
    return PlantModel(
        site_id=history.site.id,
        learned_at=at,
        data_from=history.start,
        data_until=history.end,
        zones=zones,
        gains=book.keep(learn_gains(still)),
        chillers=book.keep(learn_chillers(still, moving)),
        economizer=book.keep(learn_economizer(still, moving)),
        tower=book.keep(learn_tower(still)),
        chw_pump=book.keep(learn_chw_pump(still)),
        cw_pump=book.keep(learn_condenser_pump(still)),
        it_meter=book.keep(learn_it_meter(still)),
        losses=book.keep(learn_losses(still)),
        water=book.keep(learn_water(still)),
        storage=book.keep(learn_storage(still)),
        idle_load_kw=learn_idle_load(still),
        liquid=heard.liquid,
        evidence=book.told(with_water=any(zone.dx is None for zone in zones)),
    )


@dataclass(frozen=True)
class _Heard:
    """A site's signals, with the heat marked that leaves a zone by liquid or with outdoor air.

    Both must be known before any law of the coils is learned. `air_kw_k` is the heat capacity rate of a
    zone's air at full speed.
    """

    still: Signals
    moving: Signals
    air_kw_k: dict[OwnerId, float]
    liquid: tuple[LiquidLaw, ...]
    outdoor: Mapping[OwnerId, OutdoorAirLaw]
    records: tuple[Evidence, ...]

    @classmethod
    def of(cls, history: History) -> _Heard:
        signals = Signals.of(history)
        still = signals.coarse(STATIC_STEP_S)
        liquid, liquid_records = learn_liquid(still)
        still = still.with_liquid(shares(liquid))
        air = {z.id: learn_airflow(still, z.id) for z in history.site.zones}
        outdoor, outdoor_records = learn_outdoor_air(still, air)
        still = still.with_free_heat(free_heat_kw(outdoor, still, air))
        records = (*outdoor_records, *liquid_records)
        return cls(still, signals.coarse(DYNAMIC_STEP_S), air, liquid, outdoor, records)

    def gain_kw_k(self, zone: OwnerId) -> float:
        """Air that air gain is told by: it counts all IT power, as if air were more where liquid helps."""
        return self.air_kw_k[zone] / (1.0 - shares(self.liquid).get(zone, 0.0))


def _zone(zone: OwnerId, heard: _Heard, coils: Mapping[OwnerId, CoilLaw], book: _Book) -> ZoneModel:
    """The air side of one zone, cooled by water or by compressors of its own."""
    it = book.keep(learn_it_power(heard.still, zone))
    inlets = book.keep(learn_inlets(heard.moving, zone, heard.gain_kw_k(zone)))
    if dx_units(heard.still.site, zone):
        dx, fans, records = learn_dx(heard.still, zone, heard.air_kw_k[zone])
        book.records += records
    else:
        dx, fans = None, book.keep(learn_crah_fans(heard.still, zone))
    growth = learn_load_growth(heard.moving, zone)
    return ZoneModel(zone, it, inlets, coils[zone], fans, dx, heard.outdoor.get(zone), growth)


@dataclass
class _Book:
    """Every law's evidence, in the order they were learned."""

    records: list[Evidence] = field(default_factory=list)

    def keep(self, learned: tuple[_Law, Evidence | None]) -> _Law:
        """The law; what speaks for and against it is written down."""
        law, record = learned
        if record is not None:
            self.records.append(record)
        return law

    def told(self, *, with_water: bool) -> tuple[Evidence, ...]:
        """All of it, or without the laws of chilled water for a site that has none."""
        return tuple(r for r in self.records if with_water or r.name not in OF_CHILLED_WATER)
