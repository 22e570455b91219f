"""Engineers step the levers: first each kind in turn, then all together, within limits.

What a site does before it trusts a supervisor, and what identification needs: excitation of
every lever over its range. Moves are slewed by the lever's own `max_move` each five minutes.
The engineers watch every rack: a zone whose warmest inlet nears the limit is backed off.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from sim.arrays import Array
from sim.plant import SimulatedPlant

ALONE_SHARE = 1 / 2
"""Share of the window in which one kind of lever moves while the rest stay as found."""
LEVELS = 6
DWELL_S = 5400.0
BACK_OFF_K, RESCUE_K, RESUME_K = 1.1, 0.6, 1.6
"""Distances below the recommended maximum at which a zone is eased, rescued, and let go again."""
RESCUE_SPEED = 3.0
"""How much faster than a lever's own move a rescue goes."""
AHEAD_PERIODS = 2.0
_COOLER = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: -1.0,
    Quantity.FAN_SPEED_SETPOINT: 1.0,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: -1.0,
    Quantity.CHILLERS_ENABLED_SETPOINT: 1.0,
}
"""Which way a lever cools the room; the rest do not matter to it."""
_PLANT_WIDE = {Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT, Quantity.CHILLERS_ENABLED_SETPOINT}


@dataclass
class Commissioning:
    """One window of excitation on one plant."""

    plant: SimulatedPlant
    length_s: float
    rng: np.random.Generator
    _before: Array | None = None
    _held: set[int] = field(default_factory=set)
    _now: dict[LeverId, float] = field(default_factory=dict)
    _targets: dict[LeverId, float] = field(default_factory=dict)
    _slot: int = -1

    def decide(self, elapsed_s: float) -> None:
        """One decision of five minutes: read the racks, move every lever one step."""
        site = self.plant.site
        if not self._now:
            self._now = dict(site.as_found)
        slot = int(elapsed_s // DWELL_S)
        if slot != self._slot:
            self._slot = slot
            self._targets = self._aim(elapsed_s)
        warmest = self.plant.true_inlets_c().max(axis=-1)
        rate = warmest - (warmest if self._before is None else self._before)
        self._before = warmest
        room_k = (
            self.plant.parameters.zones.recommended_max_c - warmest - AHEAD_PERIODS * np.maximum(rate, 0.0)
        )
        for zone, distance in enumerate(room_k):
            if distance < BACK_OFF_K:
                self._held.add(zone)
            elif distance > RESUME_K:
                self._held.discard(zone)
        for lever in site.levers:
            self._now[lever.id] = self._move(lever, room_k)
            for point in lever.points:
                self.plant.write(point, self._now[lever.id])

    def _move(self, lever: Lever, room_k: Array) -> float:
        now, target, speed = self._now[lever.id], self._targets[lever.id], 1.0
        mine = [z for z in zones_of(self.plant.site, lever) if self._helps(lever, z)]
        if any(z in self._held for z in mine):
            target = lever.high if _COOLER[lever.quantity] > 0 else lever.low
            if min(float(room_k[z]) for z in mine) < RESCUE_K:
                speed = RESCUE_SPEED
        most = speed * lever.max_move
        return lever.clamp(now + float(np.clip(target - now, -most, most)))

    def _helps(self, lever: Lever, zone: int) -> bool:
        """Whether moving the lever cools the zone: colder water only where a valve is fully open."""
        if lever.quantity not in _COOLER:
            return False
        if lever.quantity not in _PLANT_WIDE:
            return True
        valves = self.plant.image.loops.valve
        return any(valves[i] > 0.97 for i, z in enumerate(self.plant.parameters.crahs.zone_of) if z == zone)

    def _aim(self, elapsed_s: float) -> dict[LeverId, float]:
        """Where each lever should go in this hour."""
        site = self.plant.site
        kinds = list(dict.fromkeys(lever.quantity for lever in site.levers))
        alone_s = self.length_s * ALONE_SHARE
        if elapsed_s >= alone_s:
            return self._together()
        each_s = alone_s / len(kinds)
        turn = min(int(elapsed_s // each_s), len(kinds) - 1)
        step = int((elapsed_s - turn * each_s) // DWELL_S)
        aims = dict(site.as_found)
        for number, lever in enumerate(v for v in site.levers if v.quantity is kinds[turn]):
            # Neighbors climb different stairs, so that zones can be told apart.
            level = (step + number * 2) % LEVELS / (LEVELS - 1)
            aims[lever.id] = least(lever) + level * (lever.high - least(lever))
        return aims

    def _together(self) -> dict[LeverId, float]:
        """Independent draws, but warm supply air is never paired with little air."""
        site = self.plant.site
        draw = {lever.id: float(self.rng.uniform()) for lever in site.levers}
        for lever in site.levers:
            air = site.lever(lever.owner, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
            if lever.quantity is Quantity.FAN_SPEED_SETPOINT and air is not None:
                floor = 0.35 * draw[air.id]
                draw[lever.id] = floor + (1 - floor) * draw[lever.id]
        return {v.id: least(v) + draw[v.id] * (v.high - least(v)) for v in site.levers}


def least(lever: Lever) -> float:
    """How low engineers take a lever: nobody forbids every chiller to try something out."""
    if lever.quantity is Quantity.CHILLERS_ENABLED_SETPOINT:
        return max(lever.low, min(1.0, lever.high))
    return lever.low


def zones_of(site: Site, lever: Lever) -> tuple[int, ...]:
    """Indices of the zones a lever cools: its own, its machine's, or all."""
    machine = next((e.zone for e in site.equipment if e.id == lever.owner), None)
    mine = tuple(i for i, z in enumerate(site.zones) if z.id in (lever.owner, machine))
    return mine or tuple(range(len(site.zones)))
