"""The envelope: what a setpoint change may be, whoever wants it. It only ever narrows.

Pure: the same question gets the same answer. A limit that is unknown is closed, so a lever whose
position, or whose zone, cannot be seen does not move in the direction that could hurt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.hot_zones import hot_zones
from controller.moisture import moisture_limits
from controller.process import borne_out
from controller.reach import reaches
from plant.points import OwnerId, PointId
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId, Setpoints
from plant.site import Site
from plant.snapshot import Snapshot

COOLER: Mapping[Quantity, int] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: -1,
    Quantity.FAN_SPEED_SETPOINT: +1,
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: -1,
    Quantity.CONDENSER_WATER_SUPPLY_TEMPERATURE_SETPOINT: -1,
    Quantity.CHILLERS_ENABLED_SETPOINT: +1,
    Quantity.STORAGE_RATE_SETPOINT: -1,
    Quantity.DEFERRED_IT_POWER_SETPOINT: +1,
    Quantity.LIQUID_SUPPLY_TEMPERATURE_SETPOINT: -1,
}
"""The sign of a move that cools more. A quantity that is not listed has no safe direction: an economizer
that is enabled may cool or, in warm weather, warm the water."""


class VerdictOutcome(StrEnum):
    """What the envelope said to the whole change."""

    ACCEPTED = "accepted"
    CLAMPED = "clamped"
    """Something was narrowed or left out; what remains may be done."""
    REJECTED = "rejected"
    """Nothing of it may be done."""


@dataclass(frozen=True, slots=True)
class Change:
    """A lever's move, from where the plant says it stands."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval of allowed values."""

    low: float
    high: float
    why: str = field(default="", compare=False)
    """In whose name, for a person; empty where the numbers say enough."""

    def meet(self, other: Range) -> Range:
        """What both allow; empty when `low > high`."""
        return Range(max(self.low, other.low), min(self.high, other.high))

    @property
    def empty(self) -> bool:
        """Whether nothing is allowed."""
        return not self.low <= self.high

    def nearest(self, value: float) -> float:
        """The allowed value nearest to ``value``."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Verdict:
    """The envelope's answer.

    `setpoints` has the allowed value of every lever named whose position is known (its present
    position where it may not move), `changes` only those that really move.
    """

    outcome: VerdictOutcome
    setpoints: Setpoints
    changes: Mapping[LeverId, Change] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def review(
    site: Site,
    wanted: Mapping[LeverId, float],
    snapshot: Snapshot,
    *,
    at: datetime | None = None,
    held: frozenset[LeverId] = frozenset(),
    narrowed: Sequence[Mapping[LeverId, Range]] = (),
) -> Verdict:
    """Judge a change of setpoints against range, slew, inlets, data age and holds.

    Parameters
    ----------
    wanted
        Target of each lever to judge; NaN is a refusal, not an error.
    at
        The instant of judging, for the snapshot's age; the snapshot's own when omitted.
    held
        Levers that may not be moved now (operator holds, shadow zones, frozen levers).
    narrowed
        Further ranges to intersect with, each in somebody's name (a frozen lever, doubts, a standing
        approval).
    """
    age_s = ((at or snapshot.time) - snapshot.time).total_seconds()
    if not -1.0 <= age_s <= site.safety.max_data_age_s:
        reason = f"the plant data is {age_s:.0f} s old (limit {site.safety.max_data_age_s:.0f} s)"
        return Verdict(VerdictOutcome.REJECTED, Setpoints({}), {}, (reason,))
    hot = hot_zones(site, snapshot)
    rulings = [
        _judge(site, snapshot, LeverId(name), target, hot, held, [n[name] for n in narrowed if name in n])
        for name, target in wanted.items()
    ]
    return _verdict(site, rulings)


@dataclass(frozen=True, slots=True)
class _Ruling:
    lever: LeverId
    present: float
    allowed: float
    reasons: tuple[str, ...] = ()


def _judge(
    site: Site,
    snapshot: Snapshot,
    name: LeverId,
    wanted: float,
    hot: Mapping[OwnerId, str],
    held: frozenset[LeverId],
    narrowed: Sequence[Range],
) -> _Ruling:
    lever = site.lever_by_id.get(name)
    if lever is None:
        return _refusal(name, math.nan, "the site has no such lever")
    positions = [_position(site, snapshot, p) for p in lever.points]
    if not positions or any(math.isnan(p) for p in positions):
        return _refusal(name, math.nan, "its present position is not known")
    present = sum(positions) / len(positions)
    if not math.isfinite(wanted):
        return _refusal(name, present, "no number was given")
    if name in held:
        return _refusal(name, present, "it is held")
    if abs(wanted - present) < lever.resolution / 2:
        return _Ruling(name, present, present)  # staying is always allowed
    further = [*narrowed, *(Range(*limit) for limit in moisture_limits(site, lever, snapshot))]
    believed = borne_out(site, lever, present, snapshot)
    near = {zone: concern for zone, concern in hot.items() if reaches(site, lever, (zone,))}
    room, reasons = _room(lever, positions, wanted, near, further, believed=believed)
    if room.empty:
        return _refusal(name, present, f"no move is allowed ({'; '.join(reasons) or 'limits conflict'})")
    allowed = _on_grid(lever, wanted, room)
    if abs(allowed - wanted) <= lever.resolution / 2 + 1e-9:
        return _Ruling(name, present, allowed)
    return _Ruling(name, present, allowed, tuple(f"{name}: {reason}" for reason in reasons))


def _position(site: Site, snapshot: Snapshot, point: PointId) -> float:
    """Where a unit's setpoint stands, NaN when nobody has said so lately."""
    fresh = abs(snapshot.age_s(point)) <= site.safety.max_data_age_s
    return snapshot.value(point) if fresh else math.nan


def _room(
    lever: Lever,
    positions: list[float],
    wanted: float,
    hot: Mapping[OwnerId, str],
    narrowed: Sequence[Range],
    *,
    believed: bool,
) -> tuple[Range, list[str]]:
    """The pure intersection of everything that limits this lever, and what of it binds."""
    # Every unit behind the lever must stay within one move, so the reach is the units' common part.
    reach = Range(max(positions) - lever.max_move, min(positions) + lever.max_move)
    limits = [
        (range_for(lever, positions if believed else []), f"range {lever.low:g} to {lever.high:g}"),
        (reach, f"one move is at most {lever.max_move:g}"),
    ]
    limits += [(n, n.why or f"authority is {n.low:g} to {n.high:g}") for n in narrowed]
    limits += [
        (_cooler_than(lever, positions), f"{zone}: {concern}; only more cooling is allowed")
        for zone, concern in hot.items()
    ]
    room = Range(-math.inf, math.inf)
    for limit, _ in limits:
        room = room.meet(limit)
    return room, [reason for limit, reason in limits if not limit.low <= wanted <= limit.high]


def range_for(lever: Lever, positions: Sequence[float]) -> Range:
    """A lever's range; for one that stands more than a move outside it, the way back in whole moves.

    ``positions`` are those that are believed: a register that says so alone would lead us out of range.
    """
    low, high = lever.low, lever.high
    if not positions:
        return Range(low, high)
    if max(positions) - lever.max_move > high:
        high = max(positions) - lever.max_move
    if min(positions) + lever.max_move < low:
        low = min(positions) + lever.max_move
    return Range(low, high)


def _cooler_than(lever: Lever, positions: list[float]) -> Range:
    sign = COOLER.get(lever.quantity, 0)
    if sign == 0:
        return Range(math.inf, -math.inf)
    return Range(max(positions), math.inf) if sign > 0 else Range(-math.inf, min(positions))


def _on_grid(lever: Lever, wanted: float, room: Range) -> float:
    """The nearest allowed multiple of the lever's resolution; the register holds nothing finer."""
    target = room.nearest(wanted)
    step = lever.resolution
    tolerance = 1e-9
    for count in sorted(
        {math.floor(target / step + tolerance), math.ceil(target / step - tolerance)},
        key=lambda n: abs(n * step - target),
    ):
        value = round(count * step, 9)
        if room.low - tolerance <= value <= room.high + tolerance:
            return room.nearest(value)
    return target


def _refusal(name: LeverId, present: float, reason: str) -> _Ruling:
    return _Ruling(name, present, present, (f"{name}: {reason}",))


def _verdict(site: Site, rulings: list[_Ruling]) -> Verdict:
    known = [r for r in rulings if not math.isnan(r.allowed)]
    changes = {
        r.lever: Change(r.present, r.allowed)
        for r in known
        if abs(r.allowed - r.present) >= site.lever_by_id[r.lever].resolution / 2
    }
    reasons = tuple(reason for r in rulings for reason in r.reasons)
    if not reasons:
        outcome = VerdictOutcome.ACCEPTED
    elif changes:
        outcome = VerdictOutcome.CLAMPED
    else:
        outcome = VerdictOutcome.REJECTED
    return Verdict(outcome, Setpoints({r.lever: r.allowed for r in known}), changes, reasons)
