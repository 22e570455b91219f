"""A policy that knows nothing of trips, made to keep room for one where the site file demands it.

The supervisor lets nothing move to where there is no room, but load grows into it with nobody moving:
trim-and-respond by itself then stands where a quarter to a third of trips end above the allowable limit.
This asks the supervisor's own reckoning (`controller.contingency`) and takes the first of ever more
careful steps that leaves room: the policy's own; that without what warms; cooler supply air by ever
larger parts of what a step may be; that with faster fans; with colder water as well, which costs most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from controller.contingency import TripCheck
from controller.spare_room import warms
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.points import OwnerId
from plant.ports import Advice, Policy, PolicyAnswer
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

_AIR, _FAN = Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, Quantity.FAN_SPEED_SETPOINT
_WATER = Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT
_COOLER_SHARES = (0.2, 0.5, 1.0)
_TOGETHER = ((_AIR,), (_AIR, _FAN), (_AIR, _FAN, _WATER))
_SIGN = {_AIR: -1.0, _FAN: 1.0, _WATER: -1.0}


def with_room_kept(site: Site, policy: Policy, model: PlantModel | None) -> Policy:
    """The policy, made to keep room for a trip where the site names machines that may."""
    check = TripCheck(site, model)
    return RoomKeeper(site, policy, check) if check.asked else policy


@dataclass(frozen=True)
class RoomKeeper:
    """A policy whose steps are made more careful until any machine may trip."""

    site: Site
    inner: Policy
    check: TripCheck

    @property
    def name(self) -> str:
        """The inner policy's."""
        return self.inner.name

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """The inner policy's answer, as careful as need be."""
        answer = self.inner.decide(snapshot, forecast)
        if not isinstance(answer, Advice):
            return answer
        chosen: Mapping[LeverId, float] = answer.setpoints
        zones = self._lacking(snapshot, chosen)
        if zones:
            for chosen in self._ever_more_careful(answer.setpoints, snapshot, zones):
                if not self._lacking(snapshot, chosen):
                    break
        return Advice(Setpoints(dict(chosen)), answer.reason)

    def _lacking(self, snapshot: Snapshot, setpoints: Mapping[LeverId, float]) -> frozenset[OwnerId]:
        return frozenset(o.zone for o in self.check.now(snapshot, setpoints) if o.margin_k < 0)

    def _ever_more_careful(
        self, wanted: Setpoints, snapshot: Snapshot, zones: frozenset[OwnerId]
    ) -> Iterator[Mapping[LeverId, float]]:
        now, elsewhere = snapshot.setpoints(), frozenset(self.site.zone_by_id) - zones
        levers = [lv for lv in self.site.levers if lv.owner not in elsewhere]
        still = {lv.id: now[lv.id] for lv in levers if warms(self.site, lv.id, wanted[lv.id] - now[lv.id])}
        yield {**wanted, **still}
        for together, share in product(_TOGETHER, _COOLER_SHARES):
            cooler = {lv.id: _cooler(lv, now[lv.id], share) for lv in levers if lv.quantity in together}
            yield {**wanted, **still, **cooler}


def _cooler(lever: Lever, now: float, share: float) -> float:
    return lever.toward(now, now + share * lever.max_move * _SIGN[lever.quantity])
