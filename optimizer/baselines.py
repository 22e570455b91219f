"""The rivals: fixed setpoints, and a well-tuned trim-and-respond after ASHRAE Guideline 36.

Trim-and-respond is also the controller that takes over when there is no model: it needs none, keeps
no memory, and moves from wherever the setpoints now stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant.forecast import Forecast
from plant.plan import NoPlan, NoPlanCause
from plant.points import SITE
from plant.ports import Advice, PolicyAnswer
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site, Zone
from plant.snapshot import Snapshot


@dataclass(frozen=True)
class FixedPolicy:
    """The setpoints the site was run at before us, always."""

    site: Site

    @property
    def name(self) -> str:
        """``fixed``."""
        return "fixed"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """The as-found setpoints, whatever the plant does."""
        return Advice(self.site.as_found, "the site's own fixed setpoints")


@dataclass(frozen=True)
class Tuning:
    """Trim-and-respond's numbers.

    Trims and responses are per control period (300 s). Guideline 36 §5.20.5.2 trims the
    chilled-water reset by 0.02 and responds with 0.03 per request above 2, at most 0.07, of a
    0-to-1 range; here the range is the lever's. §5.16.2 trims supply air by 0.1 K and responds with
    0.2 K per request, at most 0.6 K.
    """

    inlet_target_below_limit_k: float = 1.0
    rise_target_k: float = 2.5
    deadband_k: float = 0.3
    supply_trim_k: float = 0.1
    supply_respond_k: float = 0.2
    supply_respond_most_k: float = 0.5
    speed_trim: float = 0.01
    speed_respond: float = 0.02
    chw_trim: float = 0.02
    chw_respond: float = 0.03
    chw_respond_most: float = 0.07
    chw_ignored: int = 0
    valve_request_above: float = 0.95
    valve_quiet_above: float = 0.85
    tower_approach_k: float = 4.0


@dataclass(frozen=True)
class TrimAndRespondPolicy:
    """ASHRAE Guideline 36 resets with the site's own sensors. Needs no model and no forecast.

    Supply air drifts up until the warmest rack asks for cooler; fans drift down until recirculation
    lifts the warmest rack too far above supply air; chilled water drifts up until valves ask for
    colder; condenser water follows the wet bulb at a fixed approach.
    """

    site: Site
    tuning: Tuning = Tuning()

    @property
    def name(self) -> str:
        """``trim-and-respond``."""
        return "trim-and-respond"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """One reset step from the present setpoints."""
        now = snapshot.setpoints()
        unknown = [str(lv.id) for lv in self.site.levers if lv.id not in now]
        if unknown:
            return NoPlan(
                snapshot.time,
                NoPlanCause.NO_DATA,
                f"the present position of {', '.join(unknown)} is not known",
            )
        wanted: dict[LeverId, float] = {}
        for lever in self.site.levers:
            value = self._reset(lever, now[lever.id], snapshot)
            wanted[lever.id] = lever.toward(now[lever.id], value)
        return Advice(Setpoints(wanted), "Guideline 36 trim and respond")

    def _reset(self, lever: Lever, at: float, snapshot: Snapshot) -> float:
        match lever.quantity:
            case Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT:
                return self._supply(self._zone(lever), at, snapshot)
            case Quantity.FAN_SPEED_SETPOINT:
                return self._speed(self._zone(lever), at, lever, snapshot)
            case Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT:
                return self._chilled_water(at, lever, snapshot)
            case Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT:
                return self._condenser_water(at, snapshot)
            case _:
                return at

    def _zone(self, lever: Lever) -> Zone:
        owner = next((e.zone for e in self.site.equipment if e.id == lever.owner), None) or lever.owner
        return self.site.zone_by_id[owner]

    def _supply(self, zone: Zone, at: float, snapshot: Snapshot) -> float:
        """Warmest rack above its target: respond; below it: trim upward."""
        t = self.tuning
        worst = snapshot.worst_inlet_c(zone.id)
        if worst != worst:
            return at - t.supply_respond_most_k
        over = worst - (zone.limits.planning_max_c - t.inlet_target_below_limit_k)
        if over > 0:
            requests = 1 + int(over / 0.5)
            return at - min(t.supply_respond_k * requests, t.supply_respond_most_k)
        return at + t.supply_trim_k if over < -t.deadband_k else at

    def _speed(self, zone: Zone, at: float, lever: Lever, snapshot: Snapshot) -> float:
        """Keep the warmest rack a set rise above supply air: less is wasted air, more recirculates."""
        t = self.tuning
        worst = snapshot.worst_inlet_c(zone.id)
        supply = snapshot.zone_mean(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE)
        if worst != worst:
            return at + lever.max_move
        over = (worst - supply) - t.rise_target_k if supply == supply else 0.0
        over = max(over, worst - zone.limits.planning_max_c)
        if over > 0:
            return at + t.speed_respond * (1 + int(over / 0.5))
        return at - t.speed_trim if over < -t.deadband_k else at

    def _chilled_water(self, at: float, lever: Lever, snapshot: Snapshot) -> float:
        """Guideline 36 §5.20.5.2 with requests of §5.16.16: valves, and supply air above setpoint."""
        t = self.tuning
        requests, quiet = 0, True
        for zone in self.site.zones:
            opened = snapshot.values(self.site.points_in(zone.id, Quantity.VALVE_POSITION))
            opened = opened[~np.isnan(opened)]
            above = snapshot.zone_mean(zone.id, Quantity.SUPPLY_AIR_TEMPERATURE) - snapshot.zone_mean(
                zone.id, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT
            )
            widest = float(opened.max()) if opened.size else 0.0
            requests += 3 if above > 3 else 2 if above > 2 else int(widest > t.valve_request_above)
            quiet &= widest < t.valve_quiet_above and not above > 1.0
        span = lever.high - lever.low
        if requests > t.chw_ignored:
            return at - span * min(t.chw_respond * (requests - t.chw_ignored), t.chw_respond_most)
        return at + span * t.chw_trim if quiet else at

    def _condenser_water(self, at: float, snapshot: Snapshot) -> float:
        """Wet bulb plus an approach, in place of §5.20.12.2's lift reset: it frees the economizer."""
        wet = snapshot.mean(SITE, Quantity.OUTDOOR_WET_BULB)
        return at if wet != wet else wet + self.tuning.tower_approach_k
