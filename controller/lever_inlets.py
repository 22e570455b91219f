"""Levers whose own machine is not measured: the racks' inlets bear witness in its place.

What the inlets did is compared with what they should have done. Their law tells how load, airflow and supply
air move them; what is left after everything but the lever is taken away must have the lever's sign and size.
Without a law one thing is still known: air that is a kelvin warmer makes inlets a kelvin warmer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from controller.lever_trial import ENOUGH, Answer
from controller.reach import home_of
from optimizer.identify.inlets import InletLaw
from optimizer.model import PlantModel
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever
from plant.site import Site
from plant.snapshot import Snapshot

AIR, FAN = Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, Quantity.FAN_SPEED_SETPOINT
WITNESSED = frozenset({AIR, FAN})
"""What moves a zone's inlets. Water reaches them through valves that make up for it: no judgement."""
LEAST_K = 0.6
"""Expected answers smaller than this drown in the sensors' noise and the room's drafts. [K]"""
MACHINE_S, ROOM_TAU_S, TAUS = 600.0, 600.0, 2.0
"""How long the machine settles, the room's time constant without a law, and how many are waited. [s, s, -]"""
AGAINST = 0.5
"""Share of the expected answer by which inlets must go the wrong way: more is at work than the law knows."""
STILL_RATIO, STILL_SPEED = 0.05, 0.02
"""Without a law nothing else may have moved by more than this. [-]"""


@dataclass(frozen=True, slots=True)
class InletAnchor:
    """Where a lever, its zone's inlets and what else moves them stood."""

    register: float
    process: Mapping[PointId, float]
    """The inlets. [°C]"""
    supply_c: float
    speed: float
    load_kw: float

    @classmethod
    def of(cls, site: Site, lever: Lever, snapshot: Snapshot) -> InletAnchor | None:
        """As a snapshot has it; None where the lever's position or an inlet's cause is not known."""
        zone = home_of(site, lever.owner)
        inlets = {p: v for p in inlet_points(site, lever) if not math.isnan(v := snapshot.value(p))}
        register = snapshot.lever_value(lever)
        supply = _measured_or_told(site, zone, Quantity.SUPPLY_AIR_TEMPERATURE, AIR, snapshot)
        speed = _measured_or_told(site, zone, Quantity.FAN_SPEED, FAN, snapshot)
        found = cls(register, inlets, supply, speed, snapshot.mean(zone, Quantity.IT_POWER))
        known = all(map(math.isfinite, (register, supply, speed, found.load_kw)))
        return found if known and inlets else None


def inlet_points(site: Site, lever: Lever) -> list[PointId]:
    """The inlets of the zone a lever serves; none for a lever that does not move them by itself."""
    if lever.quantity not in WITNESSED:
        return []
    return [p.id for p in site.points_of(home_of(site, lever.owner), Quantity.INLET_TEMPERATURE)]


def trusted_law(site: Site, lever: Lever, model: PlantModel | None) -> InletLaw | None:
    """The law of the lever's zone, if it may be trusted."""
    zone = home_of(site, lever.owner)
    if model is None or not model.trusts(f"{zone}.inlets"):
        return None
    return next((z.inlets for z in model.zones if z.id == zone), None)


def settle_s(law: InletLaw | None) -> float:
    """How long inlets take to show a move. [s]"""
    return MACHINE_S + TAUS * (ROOM_TAU_S if law is None else law.tau_s)


def least_step(lever: Lever) -> float:
    """The smallest move worth a trial, in the lever's unit: whether it shows is asked at its end."""
    return LEAST_K if lever.quantity is AIR else 2 * lever.max_move


def answer_by_inlets(start: InletAnchor, now: InletAnchor, lever: Lever, law: InletLaw | None) -> Answer:
    """What the inlets say of a lever's move from ``start`` to ``now``.

    A cooling move of the air is not judged: a coil at its end cannot follow.
    """
    seen = [p for p in start.process if p in now.process]
    if not seen:
        return Answer.UNKNOWN
    whole, mine = _expected(start, now, lever, law, seen)
    if not abs(mine) >= LEAST_K:
        return Answer.UNKNOWN
    measured = sum(now.process[p] - start.process[p] for p in seen) / len(seen)
    share = (measured - (whole - mine)) / mine
    if mine < 0 and lever.quantity is AIR:
        return Answer.UNKNOWN
    if share <= -AGAINST:
        return Answer.BACKWARDS
    if share >= ENOUGH:
        return Answer.FOLLOWED
    return Answer.UNKNOWN if mine < 0 else Answer.SILENT


def _expected(
    start: InletAnchor, now: InletAnchor, lever: Lever, law: InletLaw | None, seen: list[PointId]
) -> tuple[float, float]:
    """Mean change of these inlets: of everything together, and of the lever alone. NaN: not known. [K]"""
    air = lever.quantity is AIR
    if law is None:
        still = abs(now.load_kw - start.load_kw) <= STILL_RATIO * abs(start.load_kw)
        still = still and abs(now.speed - start.speed) <= STILL_SPEED
        moved = now.supply_c - start.supply_c if air and still else math.nan
        return moved, moved
    without = (start.supply_c, now.speed) if air else (now.supply_c, start.speed)
    columns = [law.sensors.index(p) for p in seen if p in law.sensors]
    places = ((start.supply_c, start.load_kw, start.speed), (now.supply_c, now.load_kw, now.speed))
    first, last = (float(np.mean(law.settled_c(*place)[columns])) for place in places)
    alone = float(np.mean(law.settled_c(without[0], now.load_kw, without[1])[columns]))
    return last - first, last - alone


def _measured_or_told(
    site: Site, zone: OwnerId, measured: Quantity, sets: Quantity, snapshot: Snapshot
) -> float:
    """What a zone's machines really do where it is measured; what they were told where it is not."""
    seen = snapshot.zone_mean(zone, measured)
    if not math.isnan(seen):
        return seen
    levers = [lv for lv in site.levers if lv.quantity is sets and home_of(site, lv.owner) == zone]
    told = [snapshot.lever_value(lv) for lv in levers]
    return sum(told) / len(told) if told else math.nan
