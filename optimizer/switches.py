"""The levers that make a schedule: machines asked for, leave for the economizer, work put off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from optimizer.board import HELD, Axis
from optimizer.duty import Duty
from optimizer.model import PlantModel
from optimizer.waiting import net_put_off_kw
from plant.forecast import Array
from plant.points import OwnerId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import EquipmentKind, Site
from plant.snapshot import Snapshot


class SwitchKind(StrEnum):
    """What a schedule can decide."""

    CHILLERS = "chillers"
    ECONOMIZER = "economizer"
    DEFERRAL = "deferral"
    OUTDOOR_AIR = "outdoor air"
    """Leave for a zone's dampers."""
    LIQUID = "liquid"
    """Supply temperature of a liquid loop."""
    OTHER = "other"
    """A lever nobody has a law for: it stays, and the plan says so."""


_BOARD = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT,
    Quantity.FAN_SPEED_SETPOINT,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT,
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT,
    Quantity.STORAGE_RATE_SETPOINT,
}
"""What the board moves; see `optimizer.board`."""
_KINDS: Mapping[Quantity, SwitchKind] = {
    Quantity.CHILLERS_ENABLED_SETPOINT: SwitchKind.CHILLERS,
    Quantity.ECONOMIZER_ENABLE_SETPOINT: SwitchKind.ECONOMIZER,
    Quantity.DEFERRED_IT_POWER_SETPOINT: SwitchKind.DEFERRAL,
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: SwitchKind.LIQUID,
}
_MOVES_PER_STEP_S = 300
DEW_MARGIN_K = 2.0
"""Liquid is kept this much warmer than its room's dew point: nothing may drip on racks. [K]"""
BUSIEST = 0.95
"""Share of a zone's design power up to which waiting work is run."""
Waits: TypeAlias = Mapping[LeverId, float]
"""Work that waits now, by the lever that put it off. [kWh]"""


@dataclass(frozen=True)
class Switch:
    """One lever of a schedule; `zone` is the place of the zone it is about, None for all."""

    kind: SwitchKind
    axis: Axis
    zone: int | None = None


@dataclass(frozen=True)
class Switches:
    """All of a site's; none on most sites. Schedules are arrays (…, steps, switches) in this order."""

    each: tuple[Switch, ...] = ()
    missing: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()

    def column(self, kind: SwitchKind) -> int | None:
        """Where a kind is; the first, for there is one of each but for deferral."""
        return next((i for i, s in enumerate(self.each) if s.kind is kind), None)

    def axis(self, kind: SwitchKind) -> Axis | None:
        """The axis of a kind."""
        i = self.column(kind)
        return None if i is None else self.each[i].axis

    @property
    def free(self) -> bool:
        """Whether a plan may move any of them."""
        return any(s.axis.free for s in self.each)

    def held(self, steps: int) -> Array:
        """All where they stand. Shape (steps, switches), as of all here."""
        return np.tile(np.array([s.axis.present for s in self.each]), (steps, 1))

    def as_found(self, steps: int, step_s: int) -> Array:
        """All where the site kept them before us, as fast as they may go there."""
        return self.walked(np.tile(np.array([s.axis.as_found for s in self.each]), (steps, 1)), step_s)

    def safest(self, steps: int, step_s: int) -> Array:
        """Every machine there is, the economizer free to help, no more work put off than now."""
        stay = (SwitchKind.DEFERRAL, SwitchKind.OUTDOOR_AIR, SwitchKind.LIQUID)
        wanted = [s.axis.present if s.kind in stay else s.axis.high for s in self.each]
        return self.walked(np.tile(np.array(wanted), (steps, 1)), step_s)

    def walked(self, target: Array, step_s: int) -> Array:
        """Toward a schedule as fast as the levers may: one move first, then as many as periods fit."""
        out = np.empty_like(target)
        for i, switch in enumerate(self.each):
            axis, at = switch.axis, switch.axis.present
            for k in range(len(target)):
                reach = axis.max_move * (max(1.0, step_s / _MOVES_PER_STEP_S) if k else 1.0)
                wanted = float(np.clip(target[k, i], axis.low, axis.high)) if axis.free else axis.present
                at = min(max(wanted, at - reach), at + reach)
                out[k, i] = at
            out[:1, i] = [axis.round_safely(float(v)) for v in out[:1, i]]
        return out

    def duty(self, schedule: Array, storage_kw: Array | None = None) -> Duty:
        """What a schedule (…, steps, switches) and a tank ask of the plant room: arrays (…, steps)."""

        def of(kind: SwitchKind) -> Array | None:
            i = self.column(kind)
            return None if i is None else schedule[..., i]

        return Duty(of(SwitchKind.CHILLERS), of(SwitchKind.ECONOMIZER), storage_kw)

    def outdoor_air(self, schedule: Array, zones: int) -> Array | None:
        """Leave for each zone's dampers, 1 where no lever withholds it: (…, steps, zones)."""
        if self.column(SwitchKind.OUTDOOR_AIR) is None:
            return None
        leave = np.ones((*schedule.shape[:-1], zones))
        for i, switch in enumerate(self.each):
            if switch.kind is SwitchKind.OUTDOOR_AIR and switch.zone is not None:
                leave[..., switch.zone] = schedule[..., i] > 0.5
        return leave

    def liquid_c(self, schedule: Array, stands: Array, units: tuple[OwnerId, ...]) -> Array:
        """Supply temperatures of liquid loops: ``stands`` (…, steps, loops) where no lever moves them."""
        found = np.array(stands)
        for i, switch in enumerate(self.each):
            owner = switch.axis.levers[0].owner
            if switch.kind is SwitchKind.LIQUID and owner in units:
                found[..., units.index(owner)] = schedule[..., i]
        return found

    def put_off_kw(
        self, schedule: Array, reference_kw: Array, design_kw: Array, hours: float, waits: Waits
    ) -> Array | None:
        """Power put off less power caught up, by zone: (…, steps, zones); None where no work may wait.

        What is for all zones is shared by their load.
        """
        if self.column(SwitchKind.DEFERRAL) is None:
            return None
        share = reference_kw / np.maximum(reference_kw.sum(axis=-1, keepdims=True), 1e-9)
        total = np.zeros((*schedule.shape[:-1], reference_kw.shape[-1]))
        for i, switch in enumerate(self.each):
            if switch.kind is not SwitchKind.DEFERRAL:
                continue
            spare = self.spare_kw(switch, reference_kw, design_kw)
            start = waits.get(switch.axis.levers[0].id, 0.0)
            net = net_put_off_kw(schedule[..., i], start, spare, hours)
            if switch.zone is None:
                total += net[..., None] * share
            else:
                total[..., switch.zone] += net
        return total

    def spare_kw(self, switch: Switch, reference_kw: Array, design_kw: Array) -> Array:
        """Power that a deferral's machines have free to catch up with. Shape (steps,)."""
        zones = slice(None) if switch.zone is None else slice(switch.zone, switch.zone + 1)
        free = BUSIEST * design_kw[zones].sum() - reference_kw[:, zones].sum(axis=-1)
        return np.asarray(np.maximum(free, 0.0))

    def trajectory(self, schedule: Array) -> dict[LeverId, Array]:
        """A schedule (steps, switches) by lever."""
        return {lv.id: schedule[:, i].copy() for i, s in enumerate(self.each) for lv in s.axis.levers}


NO_SWITCHES = Switches()


def read_switches(site: Site, model: PlantModel, snapshot: Snapshot) -> Switches:
    """Find them, leaving alone what the model is not fit to move."""
    found: list[Switch] = []
    missing: list[str] = []
    alone: list[str] = []
    zones = [z.id for z in site.zones]
    for lever in site.levers:
        if lever.quantity in _BOARD:
            continue
        kind = _kind(site, lever)
        zone = zone_of(site, lever.owner, zones, within=kind is SwitchKind.OUTDOOR_AIR)
        why = _refused(kind, model, lever.owner, None if zone is None else zones[zone]) or _twice(kind, found)
        why = why or (HELD if lever.id in snapshot.held else None)
        present = snapshot.lever_value(lever)
        if present != present:
            lawless = kind in (SwitchKind.OUTDOOR_AIR, SwitchKind.LIQUID) and why is not None
            if kind is not SwitchKind.OTHER and not lawless:
                missing.append(str(lever.id))
            present = lever.as_found
        if why is not None:
            alone.append(f"{lever.id} stays where it is: {why}")
        axis = _axis(lever, present, fixed=why is not None)
        if kind is SwitchKind.LIQUID and axis.free:
            axis = _above_dew_point(site, snapshot, axis)
        found.append(Switch(kind, axis, zone))
    return Switches(tuple(found), tuple(missing), tuple(alone))


def _kind(site: Site, lever: Lever) -> SwitchKind:
    """What a lever switches; outdoor-air dampers are no water-side economizer."""
    kind = _KINDS.get(lever.quantity, SwitchKind.OTHER)
    owner = next((e.kind for e in site.equipment if e.id == lever.owner), None)
    if kind is SwitchKind.ECONOMIZER:
        if owner is EquipmentKind.AIR_ECONOMIZER:
            return SwitchKind.OUTDOOR_AIR
        if not site.equipment_of(EquipmentKind.ECONOMIZER):
            return SwitchKind.OTHER
    return kind


def _axis(lever: Lever, present: float, *, fixed: bool) -> Axis:
    return Axis(
        name=f"{lever.owner} {lever.quantity.value}",
        levers=(lever,),
        present=present,
        low=present if fixed else lever.low,
        high=present if fixed else lever.high,
        max_move=lever.max_move,
        resolution=lever.resolution,
        as_found=lever.as_found,
        safe_is_down=False,
    )


def _above_dew_point(site: Site, snapshot: Snapshot, axis: Axis) -> Axis:
    """Liquid stays above the dew point of the room its pipes run through, and above what that may be."""
    owner = axis.levers[0].owner
    zone = next((e.zone for e in site.equipment if e.id == owner), None)
    rooms = [z for z in site.zones if zone is None or z.id == zone]
    seen = snapshot.values(tuple(p for z in rooms for p in site.points_of(z.id, Quantity.ZONE_DEW_POINT)))
    dew = max([*seen[~np.isnan(seen)], *(z.humidity.dew_point_max_c for z in rooms)])
    return replace(axis, low=min(max(axis.low, dew + DEW_MARGIN_K), axis.high), safe_is_down=True)


def zone_of(site: Site, owner: OwnerId, zones: list[OwnerId], *, within: bool = False) -> int | None:
    """The zone that owns a lever, None for all; ``within``: or in which its machine stands."""
    if within:
        owner = next((e.zone for e in site.equipment if e.id == owner and e.zone), owner)
    return zones.index(owner) if owner in zones else None


def _refused(kind: SwitchKind, model: PlantModel, owner: OwnerId, zone: OwnerId | None) -> str | None:
    """Why the model may not move a kind of switch."""
    if kind in (SwitchKind.OUTDOOR_AIR, SwitchKind.LIQUID):
        name = f"{zone}.outdoor-air" if kind is SwitchKind.OUTDOOR_AIR else f"{owner}.liquid"
        record = next((e for e in model.evidence if e.name == name), None)
        if record is None:
            return "the planner has no law for it"
        return None if record.trusted else "; ".join(record.disqualified)
    if kind is SwitchKind.OTHER:
        return "the planner has no law for it"
    by_name = {e.name: e for e in model.evidence}
    if kind is SwitchKind.CHILLERS and not model.trusts("chillers"):
        return "; ".join(by_name["chillers"].disqualified) if "chillers" in by_name else "no law"
    if kind is SwitchKind.ECONOMIZER and not model.trusts("economizer"):
        return "; ".join(by_name["economizer"].disqualified) if "economizer" in by_name else "no law"
    return None


def _twice(kind: SwitchKind, found: list[Switch]) -> str | None:
    """Several plants are one to the scheduler: only the first is moved."""
    many = (SwitchKind.DEFERRAL, SwitchKind.OUTDOOR_AIR, SwitchKind.LIQUID, SwitchKind.OTHER)
    if kind not in many and any(s.kind is kind for s in found):
        return "the planner moves one of a kind, and this is the second"
    return None
