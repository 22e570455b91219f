"""Fallback: a controller, not a constant. It ramps, it looks at each zone, and it never jumps.

Where a zone's own sensors are usable the injected policy (trim-and-respond) leads; where they are
not, the zone goes to the site's fallback setpoints. A zone that is too warm gets whichever of the
two cools more.
"""

from __future__ import annotations

import math

from controller.envelope import COOLER, range_for
from controller.guard import RESCUE_MOVES
from controller.hot_zones import hot_zones, seen_inlets_c
from controller.planner import asked
from controller.process import borne_out
from controller.reach import home_of, reaches
from plant.commands import Command
from plant.forecast import Forecast
from plant.points import OwnerId
from plant.ports import Advice, Policy
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

_REACHES_RACKS = frozenset(COOLER) - {
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT,
    Quantity.DEFERRED_IT_POWER_SETPOINT,
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT,
    Quantity.STORAGE_RATE_SETPOINT,
}
"""What cools a rack's inlet within minutes: colder condenser water only loads the tower fans, colder liquid
does not reach the air (and may drip), a tank's cold is the plant room's to use, and whose work is put off is
not for a rescue to say."""


class FallbackController:
    """Gives the next small step towards safety; ask it once a control period."""

    def __init__(self, site: Site, policy: Policy | None) -> None:
        self._site = site
        self._policy = policy

    def commands(
        self,
        snapshot: Snapshot,
        forecast: Forecast | None,
        *,
        owners: frozenset[OwnerId] | None = None,
        held: frozenset[LeverId] = frozenset(),
    ) -> list[Command]:
        """The next writes for these zones (and `SITE` for the plant's own levers); None is everything."""
        targets = self.targets(snapshot, forecast)
        # A zone seen to be hot is never warmed, not even towards a value that is safe in general.
        seen_hot = frozenset(hot_zones(self._site, snapshot)) - self._blind(snapshot)
        return [
            command
            for lever in self._site.levers
            if (owners is None or home_of(self._site, lever.owner) in owners) and lever.id not in held
            for command in steps_to(lever, targets[lever.id], snapshot)
            if not (reaches(self._site, lever, seen_hot) and _warms(lever, command, snapshot))
        ]

    def rescue(
        self, snapshot: Snapshot, zones: frozenset[OwnerId], *, held: frozenset[LeverId] = frozenset()
    ) -> list[Command]:
        """The next writes that cool these zones as far as their levers go, several moves at a time."""
        return [
            command
            for lever in self._site.levers
            if home_of(self._site, lever.owner) in zones
            and lever.id not in held
            and lever.quantity in _REACHES_RACKS
            for command in steps_to(lever, _coolest(lever), snapshot, RESCUE_MOVES)
        ]

    def targets(self, snapshot: Snapshot, forecast: Forecast | None) -> Setpoints:
        """Where every lever should end up, were nothing to change."""
        advised = self._advice(snapshot, forecast)
        blind = self._blind(snapshot)
        hot = frozenset(hot_zones(self._site, snapshot))
        return Setpoints(
            {
                lever.id: _target(
                    lever,
                    advised.get(lever.id),
                    blind=reaches(self._site, lever, blind),
                    hot=reaches(self._site, lever, hot),
                )
                for lever in self._site.levers
            }
        )

    def arrived(self, snapshot: Snapshot, forecast: Forecast | None) -> bool:
        """Whether no write is left to do."""
        return not self.commands(snapshot, forecast)

    def _blind(self, snapshot: Snapshot) -> frozenset[OwnerId]:
        return frozenset(z.id for z in self._site.zones if not seen_inlets_c(self._site, z, snapshot))

    def _advice(self, snapshot: Snapshot, forecast: Forecast | None) -> Setpoints:
        if self._policy is None or forecast is None:
            return Setpoints({})
        # A policy that stumbles over a reading gives no advice; safety does not end with it.
        answer = asked(self._policy, snapshot, forecast)
        return answer.setpoints if isinstance(answer, Advice) else Setpoints({})


def _target(lever: Lever, advised: float | None, *, blind: bool, hot: bool) -> float:
    if advised is None or not math.isfinite(advised) or blind:
        return lever.fallback
    value = lever.clamp(advised)
    if not hot:
        return value
    sign = COOLER.get(lever.quantity, 0)
    if sign == 0:
        return lever.fallback
    return max(value, lever.fallback) if sign > 0 else min(value, lever.fallback)


def _warms(lever: Lever, command: Command, snapshot: Snapshot) -> bool:
    move = command.value - snapshot.value(command.point)
    return move * COOLER.get(lever.quantity, 0) <= 0


def _coolest(lever: Lever) -> float:
    return lever.high if COOLER[lever.quantity] > 0 else lever.low


def steps_to(lever: Lever, target: float, snapshot: Snapshot, moves: float = 1.0) -> list[Command]:
    """One step toward a value for each register by itself, so that units that stand apart come together."""
    most = moves * lever.max_move
    steps: list[Command] = []
    for point in lever.points:
        present = snapshot.value(point)
        if math.isnan(present) or abs(target - present) < lever.resolution / 2:
            continue
        move = max(-most, min(most, target - present))
        back = range_for(lever, [present] if borne_out(snapshot.site, lever, present, snapshot) else [])
        steps.append(Command(point, back.nearest(present + move)))
    return steps
