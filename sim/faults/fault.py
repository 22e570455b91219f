"""One fault: what kind, from when to when, where and how much. Checked where a person wrote it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase

from plant.errors import ConfigError
from plant.points import OwnerId, Point, PointId
from plant.quantities import Role
from plant.site import Site
from sim.faults.kinds import KINDS, FaultKind, Place


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. It holds from `start` to before `end`."""

    kind: str
    start: datetime
    end: datetime
    target: str = "*"
    magnitude: float = math.nan
    other: str | None = None

    @property
    def facts(self) -> FaultKind:
        """Its row in the table."""
        return KINDS[self.kind]

    @property
    def place(self) -> Place:
        """Where it sits."""
        return self.facts.place

    def holds(self, at: datetime) -> bool:
        """Whether it holds at an instant."""
        return self.start <= at < self.end

    def hits(self, name: str) -> bool:
        """Whether its target names this."""
        return fnmatchcase(name, self.target)


def make_fault(
    kind: str,
    start: datetime,
    end: datetime,
    target: str = "*",
    magnitude: float | None = None,
    other: str | None = None,
    *,
    where: str = "fault",
) -> Fault:
    """A fault from what a person wrote; `where` names the file and key in complaints.

    Raises
    ------
    ConfigError
        For an unknown kind, times in the wrong order, or a magnitude the kind cannot have.
    """
    facts = KINDS.get(kind)
    if facts is None:
        near = get_close_matches(kind, KINDS, 1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(KINDS)}"
        raise ConfigError(f"{where}.kind", f"fault {kind!r} is not known", mend)
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise ConfigError(f"{where}.for", "the fault ends before it begins", "give a length above zero")
    if other is None and facts.needs_other:
        raise ConfigError(f"{where}.with", f"{kind} needs a second point", "name it with the key with")
    if magnitude is None and facts.needs_magnitude:
        raise ConfigError(f"{where}.magnitude", f"{kind} needs a magnitude", f"give it in {facts.unit}")
    value = facts.default if magnitude is None else magnitude
    if magnitude is not None and not facts.least <= magnitude <= facts.most:
        raise ConfigError(
            f"{where}.magnitude",
            f"{magnitude:g} is outside {facts.least:g} to {facts.most:g} for {kind}",
            f"it {facts.does} [{facts.unit}]" if facts.unit else "leave it out",
        )
    return Fault(kind, start, end, target, value, other)


def check_target(fault: Fault, site: Site, *, where: str = "fault") -> None:
    """See that the site has what the fault is aimed at.

    Raises
    ------
    ConfigError
        If nothing of the site matches the target.
    """
    names = sorted(set(_names(fault, site)))
    if fault.place not in _AIMLESS and not any(fault.hits(n) for n in names):
        near = get_close_matches(fault.target, names, 1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(names[:8])}"
        raise ConfigError(f"{where}.target", f"no {fault.place} of the site is {fault.target!r}", mend)
    if fault.other is not None and PointId(fault.other) not in site.point_by_id:
        raise ConfigError(f"{where}.with", f"there is no point {fault.other!r}", "name one of the site file")


_AIMLESS = frozenset({Place.WEATHER, Place.FEED})


def _names(fault: Fault, site: Site) -> Iterable[str]:
    match fault.place:
        case Place.SENSOR:
            return [p.id for p in site.points]
        case Place.GATEWAY | Place.WRITE:
            return [g.id for g in site.gateways]
        case Place.LEVER:
            return [*(lv.id for lv in site.levers), *(p for lv in site.levers for p in lv.points)]
        case Place.MACHINE:
            return [e.id for kind in fault.facts.machines for e in site.equipment_of(kind)]
        case Place.ROOM | Place.LOAD:
            return [z.id for z in site.zones]
        case _:
            return []


def points_hit(fault: Fault, site: Site) -> tuple[PointId, ...]:
    """The points a sensor, gateway, write or lever fault touches, in the site's order."""
    return tuple(point.id for point in site.points if _touches(fault, point, site))


def _touches(fault: Fault, point: Point, site: Site) -> bool:
    match fault.place:
        case Place.SENSOR:
            return fault.hits(point.id)
        case Place.GATEWAY | Place.WRITE:
            gateway = "*" if point.address is None else str(point.address.gateway)
            return fault.target == "*" or fault.hits(gateway)
        case Place.LEVER:
            if point.role is not Role.SETPOINT:
                return False
            mine = [lv.id for lv in site.levers if point.id in lv.points]
            return fault.hits(point.id) or any(fault.hits(lever) for lever in mine)
        case _:
            return False


def machines_hit(fault: Fault, site: Site) -> tuple[OwnerId, ...]:
    """The machines a machine fault touches."""
    kinds = fault.facts.machines
    return tuple(e.id for kind in kinds for e in site.equipment_of(kind) if fault.hits(e.id))
