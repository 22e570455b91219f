"""Commissioning: small, safe steps of every lever that the history taught too little about.

A site stands at one setpoint for months, and a model of it knows one point. Half a day of bounded
steps teaches the rest. The steps are a policy like any other: each is a proposal, checked by the
envelope, approved by a person (or a standing approval), and given up where racks grow warm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from optimizer.identify.evidence import Evidence
from optimizer.model import PlantModel
from plant.forecast import Forecast
from plant.plan import NoPlan, NoPlanCause
from plant.points import SITE, OwnerId
from plant.ports import Advice, PolicyAnswer
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

HOURS = 12.0
"""Half a day: 48 quarter hours, which is the least a law is fitted to."""
BACK_OFF_K = 1.0
"""A zone this near its planning limit goes back to where it was found, and stays there for the step."""


@dataclass(frozen=True)
class Excursion:
    """How far one kind of lever is taken, in its inside unit, and how long each level is held."""

    reach: float
    dwell_s: float
    enough: float
    """Range of the data above which nothing is left to learn from moving it."""


EXCURSIONS: Mapping[Quantity, Excursion] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: Excursion(3.0, 3600.0, 2.0),
    Quantity.FAN_SPEED_SETPOINT: Excursion(-0.3, 2700.0, 0.15),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: Excursion(4.0, 5400.0, 2.5),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: Excursion(-4.0, 4500.0, 2.5),
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: Excursion(6.0, 3600.0, 4.0),
}
"""Each goes from as-found toward less cooling (the condenser toward more tower), never past its range.

Different dwells, so that no two levers always move together: their effects could not be told apart."""
WARM_H = 3.0
"""Where the economizer was never seen to start: hours at the end in which the return water is as warm as
may be. A tower needs half an hour to come down, a PLC keeps what it began for twenty minutes."""
WARM_END: Mapping[Quantity, float] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: 5.0,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: 8.0,
}
"""How far above as-found these are taken in those hours, never past their range; all air stays."""
_WARMS_K = 6.0
"""Least that warm chilled water gains in the coils before it comes back. [K]"""
LEVELS = 4
_SOFT: Mapping[Quantity, tuple[str, str]] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: ("{owner}.inlets", "supply_c"),
    Quantity.FAN_SPEED_SETPOINT: ("{owner}.fans", "speed"),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: ("chillers", "chw_c"),
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: ("chillers", "cw_c"),
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: ("{unit}.liquid", "liquid_c"),
}
"""Which law, and which input of it, a lever's steps teach."""


@dataclass(frozen=True)
class CommissioningPlan:
    """What is to be learned, and each lever's levels, one after another. Times from the beginning."""

    hours: float
    lessons: Mapping[LeverId, str]
    levels: Mapping[LeverId, tuple[float, ...]]
    warm_end: Mapping[LeverId, float] = field(default_factory=dict)
    """Where levers stand in the last `WARM_H` hours to see the economizer start; best in a cool night."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing left to learn this way."""
        return not self.levels and not self.warm_end

    def target(self, lever: Lever, elapsed_s: float) -> float:
        """Where a lever should be: its level of the time, as found before and after."""
        levels = self.levels.get(lever.id)
        if not 0 <= elapsed_s < self.hours * 3600:
            return lever.as_found
        if self.warm_end and elapsed_s >= (self.hours - WARM_H) * 3600:
            return self.warm_end.get(lever.id, lever.as_found)
        if levels is None:
            return lever.as_found
        return levels[int(elapsed_s // EXCURSIONS[lever.quantity].dwell_s) % len(levels)]


def commissioning_plan(
    site: Site, model: PlantModel | None, *, hours: float = HOURS, seed: int = 1
) -> CommissioningPlan:
    """Steps for the levers whose effect the model does not know from data.

    Warm supply air is never paired with little air: what a zone's supply air takes of its excursion
    is not left for its fans.
    """
    rng = np.random.default_rng(seed)
    lessons = {lever.id: why for lever in site.levers if (why := _lesson(site, lever, model))}
    shares = {
        lever.id: _shares(rng, EXCURSIONS[lever.quantity].dwell_s, hours)
        for lever in site.levers
        if lever.id in lessons
    }
    levels = {lever.id: tuple(_levels(site, lever, shares)) for lever in site.levers if lever.id in lessons}
    warm, why = _warm_end(site, model)
    return CommissioningPlan(hours, {**dict.fromkeys(warm, why), **lessons}, levels, warm)


def _warm_end(site: Site, model: PlantModel | None) -> tuple[dict[LeverId, float], str]:
    """Where levers go so that the economizer starts, if it was never seen to, and why.

    One that ran throughout has nothing to show: no step of ours would make the night warmer.
    """
    if model is None or not model.economizer.present or model.economizer.switching.starts_seen:
        return {}, ""
    record = next((e for e in model.evidence if e.name == "economizer"), None)
    if record is None or any("always ran" in reason for reason in record.disqualified):
        return {}, ""
    if not _cool_enough(site, model):
        return {}, ""
    found = {
        lever.id: round(lever.clamp(lever.as_found + WARM_END[lever.quantity]), 6)
        for lever in site.levers
        if lever.quantity in WARM_END
    }
    return found, f"the economizer was never seen to start: warm return water for {WARM_H:g} h, best at night"


def _cool_enough(site: Site, model: PlantModel) -> bool:
    """Whether water as warm as the levers make could start it in the coolest air the tower was seen in."""
    tower = next((e for e in model.evidence if e.name == "tower"), None)
    air = next((c for c in tower.coverage if c.name == "wet_bulb_c"), None) if tower else None
    water = [
        lever.clamp(lever.as_found + WARM_END[lever.quantity])
        for lever in site.levers
        if lever.quantity is Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT
    ]
    if air is None or not water:
        return False
    return max(water) + _WARMS_K - air.low > float(model.economizer.switching.start_span_k(air.low))


def _lesson(site: Site, lever: Lever, model: PlantModel | None) -> str:
    """Why a lever should be stepped; nothing where it need not or cannot be."""
    excursion = EXCURSIONS.get(lever.quantity)
    if excursion is None:
        return ""
    if model is None:
        return "nothing is known of its effect yet"
    law, given = _SOFT[lever.quantity]
    name = law.format(owner=_zone_of(site, lever), unit=lever.owner)
    record = next((e for e in model.evidence if e.name == name), None)
    if record is None:
        return ""
    seen = _range_of(record, given)
    if seen >= excursion.enough:
        return ""
    return f"it moved over {seen:.2g} in the data, {excursion.enough:.2g} teaches its effect"


def _range_of(record: Evidence, name: str) -> float:
    return next((c.high - c.low for c in record.coverage if c.name == name), 0.0)


def _zone_of(site: Site, lever: Lever) -> OwnerId:
    return next((e.zone for e in site.equipment if e.id == lever.owner and e.zone), lever.owner)


def _shares(rng: np.random.Generator, dwell_s: float, hours: float) -> list[float]:
    """Shares of the excursion by dwell: every level as often, in shuffled order."""
    slots = int(np.ceil(hours * 3600 / dwell_s))
    rounds = -(-slots // LEVELS)
    order = [rng.permutation(LEVELS) / (LEVELS - 1) for _ in range(rounds)]
    return [float(share) for share in np.concatenate(order)[:slots]]


def _levels(site: Site, lever: Lever, shares: Mapping[LeverId, list[float]]) -> list[float]:
    excursion = EXCURSIONS[lever.quantity]
    mine = shares[lever.id]
    air = site.lever(lever.owner, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT)
    if lever.quantity is Quantity.FAN_SPEED_SETPOINT and air is not None and air.id in shares:
        mine = [
            min(share, 1.0 - _at(shares[air.id], air, k * excursion.dwell_s, excursion.dwell_s))
            for k, share in enumerate(mine)
        ]
    return [round(lever.clamp(lever.as_found + share * excursion.reach), 6) for share in mine]


def _at(shares: list[float], lever: Lever, begin_s: float, length_s: float) -> float:
    """The largest share of a lever's excursion in a span of time."""
    dwell = EXCURSIONS[lever.quantity].dwell_s
    first, last = int(begin_s // dwell), int((begin_s + length_s - 1) // dwell)
    return max(shares[min(k, len(shares) - 1)] for k in range(first, last + 1))


@dataclass
class CommissioningPolicy:
    """Runs a commissioning plan from its first decision on. Satisfies `plant.ports.Policy`.

    A lever that was refused or held simply has not moved: what is then still unknown is in the next
    model's evidence, and in the next plan.
    """

    site: Site
    plan: CommissioningPlan
    begun: datetime | None = None
    _eased: dict[OwnerId, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``commissioning``."""
        return "commissioning"

    def decide(self, snapshot: Snapshot, forecast: Forecast) -> PolicyAnswer:
        """Every lever one move toward its level of the time; a warm zone back to as found."""
        self.begun = self.begun or snapshot.time
        now = snapshot.setpoints()
        unknown = [str(lever.id) for lever in self.site.levers if lever.id not in now]
        if unknown:
            reason = f"the present position of {', '.join(unknown)} is not known"
            return NoPlan(snapshot.time, NoPlanCause.NO_DATA, reason)
        self._watch(snapshot)
        elapsed_s = (snapshot.time - self.begun).total_seconds()
        wanted = {}
        for lever in self.site.levers:
            eased = _zone_of(self.site, lever) in self._eased or (lever.owner == SITE and self._eased)
            target = lever.as_found if eased else self.plan.target(lever, elapsed_s)
            wanted[lever.id] = lever.toward(now[lever.id], target)
        return Advice(Setpoints(wanted), self._sentence(elapsed_s))

    def _watch(self, snapshot: Snapshot) -> None:
        """Ease a warm or blind zone for an hour."""
        for zone in self.site.zones:
            worst = snapshot.worst_inlet_c(zone.id)
            if not worst < zone.limits.planning_max_c - BACK_OFF_K:
                self._eased[zone.id] = snapshot.time + timedelta(hours=1)
            elif self._eased.get(zone.id, snapshot.time) < snapshot.time:
                del self._eased[zone.id]

    def _sentence(self, elapsed_s: float) -> str:
        if self.plan.empty:
            return "commissioning: nothing is left to learn by stepping levers; run with --policy mpc"
        hours = elapsed_s / 3600
        if hours >= self.plan.hours:
            return "commissioning is over: back to as found; run with --policy mpc once it is learned"
        warm = f"; {', '.join(self._eased)} back to as found, racks are warm" if self._eased else ""
        of = f"hour {hours:.1f} of {self.plan.hours:g}"
        return f"commissioning, {of}: steps that teach the plant's answer{warm}"
