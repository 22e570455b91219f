"""The plant as learned from telemetry: submodels, their evidence, and the nonlinear rollout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from pydantic import TypeAdapter

from optimizer.course import Course, Rollout, WaterSide, World, no_room
from optimizer.duty import PLAIN, Duty
from optimizer.identify.auxiliaries import CondenserPumpLaw, PolynomialLaw, WaterLaw
from optimizer.identify.chillers import ChillerLaw
from optimizer.identify.economizer import EconomizerLaw
from optimizer.identify.evidence import Evidence
from optimizer.identify.liquid import REFERENCE_C, LiquidLaw, shares
from optimizer.identify.storage import NO_STORAGE, StorageLaw
from optimizer.identify.tower import TowerLaw
from optimizer.loop_sums import loop_sums
from optimizer.machines import followed
from optimizer.march import Marched, marched
from optimizer.room_side import Outside
from optimizer.zones import ZoneBank, ZoneModel
from plant.errors import ConfigError
from plant.forecast import Array

__all__ = ["Course", "PlantModel", "Rollout", "WaterSide", "World"]

_ALL_BUT = 0.96


def _unlike(ours: object, theirs: object, place: str = "") -> set[str]:
    """Where two trees of JSON have different parts, by their dotted names."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        here = {f"{place}{key}" for key in ours.keys() ^ theirs.keys()}
        return here.union(*(_unlike(ours[k], theirs[k], f"{place}{k}.") for k in ours.keys() & theirs.keys()))
    if isinstance(ours, list) and isinstance(theirs, list):
        return set().union(*(_unlike(a, b, place) for a, b in zip(ours, theirs, strict=False)))
    return set()


@dataclass(frozen=True)
class PlantModel:
    """Everything that was learned, from which window, and how far to trust it.

    Frozen, picklable and JSON-serializable; `version` names its content.
    """

    site_id: str
    learned_at: datetime
    data_from: datetime
    data_until: datetime
    zones: tuple[ZoneModel, ...]
    gains: PolynomialLaw
    chillers: ChillerLaw
    economizer: EconomizerLaw
    tower: TowerLaw
    chw_pump: PolynomialLaw
    cw_pump: CondenserPumpLaw
    it_meter: PolynomialLaw
    losses: PolynomialLaw
    water: WaterLaw
    evidence: tuple[Evidence, ...]
    storage: StorageLaw = NO_STORAGE
    liquid: tuple[LiquidLaw, ...] = ()
    idle_load_kw: float = 0.0
    """Load that valves let through while nothing asks for cooling: it is cooled, but not missed. [kW]"""

    def to_json(self) -> str:
        """The whole model as JSON."""
        return json.dumps(asdict(self), default=datetime.isoformat, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> PlantModel:
        """Read what `to_json` wrote. Raises ``pydantic.ValidationError`` on what is no such model.

        Raises
        ------
        ConfigError
            On one whose laws have other parts than these: a number that nobody reads any more, or one that
            would be made up, would plan with a plant that nobody learned.
        """
        written = json.loads(text)
        model: PlantModel = TypeAdapter(cls).validate_python(written)
        if model.to_json() != json.dumps(written, sort_keys=True):
            told = ", ".join(sorted(_unlike(json.loads(model.to_json()), written))[:3]) or "its numbers"
            raise ConfigError("this stored model", f"is of another version ({told})", "learn the plant again")
        return model

    @cached_property
    def version(self) -> str:
        """A hash of the content, short enough to read out."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def disqualified(self) -> tuple[str, ...]:
        """Every reason against a submodel, each with the submodel's name."""
        return tuple(f"{e.name}: {reason}" for e in self.evidence for reason in e.disqualified)

    def trusts(self, name: str) -> bool:
        """Whether a submodel is learned and not disqualified."""
        return any(e.name == name and e.trusted for e in self.evidence)

    @cached_property
    def bank(self) -> ZoneBank:
        """The zones' numbers stacked into arrays."""
        return ZoneBank.of(self.zones, shares(self.liquid))

    def water_side(
        self,
        load_kw: Array,
        flow_kw_k: Array,
        chw_c: Array,
        cw_setpoint_c: Array,
        wet_bulb_c: Array,
        duty: Duty = PLAIN,
    ) -> WaterSide:
        """Plant-room power at a cooling load, a chilled-water flow, two setpoints and a duty.

        The tower must reject what the chillers add, and they need what the tower makes: three
        passes settle it, for each kelvin moves chiller power by some 2 %.
        """
        if not self.bank.wet.any():
            return no_room(load_kw, chw_c, cw_setpoint_c, wet_bulb_c)
        flow = np.maximum(flow_kw_k, 1.0)
        return_c = chw_c + load_kw / flow
        if duty.free is None:
            share = self.chillers.running(load_kw, duty.chillers, duty.before) / max(self.chillers.number, 1)
            enabled = self.economizer.enabled(return_c, wet_bulb_c, share)
        else:
            enabled = np.broadcast_to(duty.free > 0.5, np.broadcast(return_c, wet_bulb_c).shape)
        if duty.economizer is not None:
            enabled = np.where(duty.economizer > 0.5, enabled, np.zeros_like(enabled))
        # Some PLCs run the tower for the economizer by the chilled-water setpoint, fans capped.
        held = enabled if self.economizer.holds_cw else np.zeros_like(enabled)
        target = np.where(held, chw_c - self.economizer.cw_below_chw_k, cw_setpoint_c)
        most_kw = self.tower.full_kw * np.where(held, self.economizer.fan_share, 1.0)
        asked, before = duty.chillers, duty.before
        liquid = 0.0 if duty.liquid_kw is None else duty.liquid_kw
        rejected, running = load_kw * 1.1 + liquid, self.chillers.running(load_kw, asked, before)
        for _ in range(3):
            pump = self.cw_pump.power_kw(running, enabled)
            share = pump / max(self.cw_pump.full_kw, 1e-6)
            cw = np.maximum(target, self.tower.coldest_c(rejected, wet_bulb_c, share, most_kw))
            free = np.where(enabled, self.economizer.heat_kw(load_kw, flow, return_c, cw), 0.0)
            # The water drifts a little before a PLC starts a machine for the last few percent.
            free = np.where(free > _ALL_BUT * load_kw, load_kw, free)
            # The exchanger stands in the coils' return: a tank is filled by chillers, and spares them.
            left = duty.left_kw(load_kw, free)
            running = self.chillers.running(left, asked, before)
            chiller = self.chillers.power_kw(left, chw_c, cw, asked, before)
            rejected = free + left + chiller + liquid
        pumps = self.chw_pump.at(flow) + self.cw_pump.power_kw(running, enabled)
        tower = self.tower.power_kw(cw, rejected, wet_bulb_c, share)
        plain = asked is None and duty.storage_kw is None
        short = np.zeros_like(left) if plain else self.chillers.short_kw(left - self.idle_load_kw, running)
        return WaterSide(chiller, tower, pumps, free, rejected, cw, running, short)

    def flow_kw_k(self, heat_kw: Array, supply_c: Array, speed: Array, chw_c: Array) -> Array:
        """Chilled-water flow the coils ask for, as heat capacity rate. Zones are the last axis."""
        total = np.zeros(heat_kw.shape[:-1])
        for z, zone in enumerate(self.zones):
            if zone.dx is not None:
                continue
            span = heat_kw[..., z] / (zone.coil.air_kw_k * speed[..., z])
            approach = np.maximum(supply_c[..., z] + span - chw_c, 0.1)
            share = zone.coil.water_share(speed[..., z], np.minimum(span / approach, 1.0))
            total = total + share * zone.coil.water_kw_k
        return total

    @cached_property
    def liquid_zones(self) -> tuple[int, ...]:
        """The place of each loop's zone."""
        places = {zone.id: z for z, zone in enumerate(self.zones)}
        return tuple(places[law.zone] for law in self.liquid)

    def liquid_at(self, world: World) -> Array:
        """Where liquid loops stand, as one row. Shape (1, loops)."""
        known = REFERENCE_C if world.liquid_c is None else world.liquid_c
        return np.broadcast_to(np.asarray(known, float), (1, len(self.liquid)))

    def outside(self, world: World, leave: Array | None = None) -> Outside | None:
        """The air outside at each step, with what dampers may open; None where no law asks for it.

        ``leave`` (…, steps, zones) is a schedule's; the PLC's own limits come on top.
        """
        if self.bank.plain:
            return None
        zones = len(self.zones)
        allowed = np.ones((*world.wet_bulb_c.shape, zones)) if leave is None else leave
        if self.bank.dampers is not None:
            allowed = allowed * self.bank.dampers.leave(world.dew_c)
        return Outside(world.outdoor_c[..., None], allowed)

    def load_kw(self, heat_kw: Array) -> Array:
        """Cooling load of the plant from the heat of the zones' IT and fans. [kW]"""
        load = self.gains.at(heat_kw)
        return np.maximum(load, self.idle_load_kw) if self.idle_load_kw > 0 else load

    def rollout(self, course: Course, world: World) -> Rollout:
        """Predict what candidate courses lead to; vectorised over candidates."""
        zones = marched(self.bank, course, world, self.outside(world, course.outdoor_air))
        return self._account(course, world, zones)

    def _account(self, course: Course, world: World, zones: Marched) -> Rollout:
        bank, it, supply = self.bank, zones.it_kw, zones.supply_c
        fans = bank.fan_kw(course.speed)
        heat = it + fans
        outside = self.outside(world, course.outdoor_air)
        side = None if outside is None else bank.room(heat, it, supply, course.speed, outside)
        left = heat if side is None else side.left_kw
        load = self.load_kw(bank.water_heat_kw(left))
        wet = np.broadcast_to(world.wet_bulb_c, load.shape)
        flow = self.flow_kw_k(left, supply, course.speed, course.chw_c)
        duty, stored = self._tank(course.duty, world, load)
        at = (load, flow, course.chw_c, course.cw_c, wet)
        each_s = np.full(load.shape[-1], float(world.step_s))
        duty = followed(self, at, duty, world.machines, each_s)
        room = self.water_side(*at, duty)
        cooling, short = fans.sum(axis=-1) + room.power_kw, room.short_kw
        if side is not None:
            cooling, short = cooling + side.own_kw.sum(axis=-1), short + side.short_kw.sum(axis=-1)
        it_total = self.it_meter.at(it.sum(axis=-1))
        if self.liquid:
            liquid_c = course.liquid_c if course.liquid_c is not None else self.liquid_at(world)
            loops = loop_sums(self.liquid, self.liquid_zones, it, liquid_c, room.cw_c)
            cooling, short = cooling + loops.pump_kw, short + loops.short_kw
            it_total = it_total + loops.leak_kw
        hours = world.step_s / 3600
        gain = it / (bank.air_kw_k * course.speed)
        load_share = world.it_std_kw / np.maximum(world.it_reference_kw, 1.0)
        std = bank.inlet_std_k(gain, supply, load_share)
        return Rollout(
            worst_inlet_c=zones.worst_inlet_c,
            worst_inlet_std_k=std,
            it_kw=it_total,
            cooling_kw=cooling,
            facility_kw=it_total + self.losses.at(it_total) + cooling,
            water_l=room.rejected_kw * hours * self.water.liters_per_kwh(wet),
            supply_c=supply,
            chillers_on=room.chillers_on,
            economizer_kw=room.economizer_kw,
            short_kw=short,
            storage_kw=duty.storage_kw,
            stored_kwh=stored,
            economizer_on=duty.free,
        )

    def _tank(self, duty: Duty, world: World, load: Array) -> tuple[Duty, Array | None]:
        """The duty with what the tank can really do, and what it holds after each step."""
        if duty.storage_kw is None or not self.storage.present:
            return replace(duty, storage_kw=None), None
        hours = world.step_s / 3600
        now = np.full(load.shape[:-1], world.stored_kwh)
        taken, stored = np.empty_like(load), np.empty_like(load)
        for k in range(load.shape[-1]):
            taken[..., k] = self.storage.taken_kw(duty.storage_kw[..., k], now, load[..., k], hours)
            now = now * self.storage.keep(hours) + taken[..., k] * hours
            stored[..., k] = now
        return replace(duty, storage_kw=taken), stored
