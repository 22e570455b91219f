"""Limits that people may narrow while the program runs, two at a time, inside what the site file allows.

The site file's own values are the hard range: nobody gets past them here. A stored limit that the
site file no longer knows, or no longer allows, is closed: nothing is proposed for what it guarded
until two people have settled it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import delete, insert, select

from controller.audit import AuditLog
from controller.canonical import instant, stamp
from controller.mode import NeedsSecond
from controller.store import Store
from controller.tables import LIMITS
from controller.two_person import Agreed, NotOpen, Requests, SamePerson
from plant.points import SITE
from plant.setpoints import Lever, LeverId
from plant.site import Site, Zone

LOWER, HIGHER = -1, +1
_ZONE: Mapping[str, int] = {
    "recommended_min_c": HIGHER,
    "recommended_max_c": LOWER,
    "allowable_max_c": LOWER,
    "margin_k": HIGHER,
}
_AIR: Mapping[str, int] = {
    "dew_point_min_c": HIGHER,
    "dew_point_max_c": LOWER,
    "relative_humidity_max": LOWER,
}
_LEVER: Mapping[str, int] = {"low": HIGHER, "high": LOWER, "max_move": LOWER}
_SAFETY: Mapping[str, int] = {"ride_through_s": HIGHER, "max_data_age_s": LOWER}
_LONGEST = 10.0
"""How many times its hard value a limit that narrows upwards may become: beyond that it is a slip."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: the site file's hard value, and where it stands now."""

    name: str
    scope: str
    """The zone, lever or `site` it guards."""
    hard: float
    value: float
    narrower: int
    """+1: a larger value is narrower; -1: a smaller one is."""
    by: str = ""
    at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """A stored limit that cannot be honored: what it guarded does not move."""

    name: str
    value: float
    why: str


@dataclass(frozen=True, slots=True)
class UnknownLimit:
    """The site has no limit of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class NotNarrower:
    """The value is outside what the site file allows, or contradicts another limit."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class LimitSet:
    """The limit is what two people agreed on, now."""

    name: str
    before: float | None
    after: float | None


AskAnswer: TypeAlias = NeedsSecond | UnknownLimit | NotNarrower
ConfirmLimitAnswer: TypeAlias = LimitSet | SamePerson | NotOpen | UnknownLimit | NotNarrower


class LimitBook:
    """The limits in force. `site` is the site file with everything that was narrowed."""

    def __init__(self, store: Store, audit: AuditLog, hard: Site) -> None:
        self._store = store
        self._audit = audit
        self._requests = Requests(store, audit)
        self._hard = hard
        self._known = {limit.name: limit for limit in _limits_of(hard)}
        self._listeners: list[Callable[[Site], None]] = []
        self._rows: dict[str, Mapping[str, Any]] = {r["name"]: r for r in store.rows(select(LIMITS))}
        self._settle()

    @property
    def site(self) -> Site:
        """The site as it is limited now."""
        return self._site

    @property
    def closed(self) -> tuple[Closed, ...]:
        """Stored limits that cannot be honored."""
        return self._closed

    def closed_levers(self) -> frozenset[LeverId]:
        """Levers that such a limit guarded; one that nobody can place guards all of them."""
        shut: set[LeverId] = set()
        for found in self._closed:
            limit = self._known.get(found.name)
            shut |= {
                lv.id for lv in self._hard.levers if limit is None or _guards(self._hard, limit.scope, lv)
            }
        return frozenset(shut)

    def all(self) -> list[Limit]:
        """Every limit of the site, in the site file's order."""
        return [self._shown(limit) for limit in self._known.values()]

    def get(self, name: str) -> Limit | None:
        """One limit as it stands."""
        limit = self._known.get(name)
        return None if limit is None else self._shown(limit)

    def listen(self, listener: Callable[[Site], None]) -> None:
        """Tell ``listener`` the limited site, now and whenever it changes."""
        self._listeners.append(listener)
        listener(self._site)

    def ask(self, name: str, value: float | None, *, by: str, at: datetime, reason: str) -> AskAnswer:
        """Ask for another value (None: the site file's own). It waits for a second person."""
        refused = self._objection(name, value)
        if refused is not None:
            return refused
        what = {"limit": name, "from": self._value(name), "to": value, "reason": reason}
        return NeedsSecond(self._requests.ask("limit", what, by=by, at=at))

    def confirm(self, request_id: str, *, by: str, at: datetime) -> ConfirmLimitAnswer:
        """Agree as the second person; checked once more against the limits as they are by now."""
        with self._store.transaction() as tx:
            answer = self._requests.agree(request_id, kind="limit", by=by, at=at)
            if not isinstance(answer, Agreed):
                return answer
            what = answer.request.what
            name, reason = str(what["limit"]), str(what["reason"])
            value = None if what["to"] is None else float(str(what["to"]))
            refused = self._objection(name, value)
            if refused is not None:
                return refused
            before = self._value(name)
            tx.execute(delete(LIMITS).where(LIMITS.c.name == name))
            people = f"{answer.request.by} and {by}"
            row = {"name": name, "value": value, "by": people, "reason": reason, "at": stamp(at)}
            if value is not None:
                tx.execute(insert(LIMITS).values(**row))
            told = {"limit": name, "before": before, "after": value, "reason": reason}
            self._audit.record("limits.set", people, told, at)
        self._rows.pop(name, None)
        if value is not None:
            self._rows[name] = row
        self._settle()
        return LimitSet(name, before, value)

    def _objection(self, name: str, value: float | None) -> UnknownLimit | NotNarrower | None:
        limit = self._known.get(name)
        if limit is None:
            return None if value is None and name in self._rows else UnknownLimit(name)
        if value is None:
            return None
        why = _outside(limit, value)
        if why:
            return NotNarrower(name, why)
        others = {n: float(r["value"]) for n, r in self._rows.items() if n in self._known}
        why = _incoherent(_narrowed(self._hard, {**others, name: value}))
        return NotNarrower(name, why) if why else None

    def _settle(self) -> None:
        """Work out the limited site; what does not fit the site file is closed."""
        good: dict[str, float] = {}
        closed: list[Closed] = []
        for name, row in self._rows.items():
            value, limit = float(row["value"]), self._known.get(name)
            why = "the site file has no such limit" if limit is None else _outside(limit, value)
            if why:
                closed.append(Closed(name, value, why))
            else:
                good[name] = value
        site = _narrowed(self._hard, good)
        incoherent = _incoherent(site)
        if incoherent:
            closed += [Closed(name, value, incoherent) for name, value in good.items()]
        self._site = self._hard if incoherent else site
        self._closed = tuple(closed)
        for listener in self._listeners:
            listener(self._site)

    def _value(self, name: str) -> float | None:
        row, limit = self._rows.get(name), self._known.get(name)
        return float(row["value"]) if row is not None else None if limit is None else limit.hard

    def _shown(self, limit: Limit) -> Limit:
        row = self._rows.get(limit.name)
        if row is None:
            return limit
        at = instant(row["at"])
        return replace(limit, value=float(row["value"]), by=row["by"], at=at, reason=row["reason"])


def _limits_of(site: Site) -> Iterator[Limit]:
    for zone in site.zones:
        yield from _fields(zone.id, zone.limits, _ZONE)
        yield from _fields(zone.id, zone.humidity, _AIR)
        hard = float(zone.min_units_running)
        yield Limit(f"{zone.id}.min_units_running", zone.id, hard, hard, HIGHER)
    for lever in site.levers:
        yield from _fields(lever.id, lever, _LEVER)
    yield from _fields(SITE, site.safety, _SAFETY)


def _fields(scope: str, record: object, names: Mapping[str, int]) -> Iterator[Limit]:
    for name, narrower in names.items():
        hard = float(getattr(record, name))
        yield Limit(f"{scope}.{name}", scope, hard, hard, narrower)


def _outside(limit: Limit, value: float) -> str:
    """Why the hard range does not allow this value, or nothing."""
    if not math.isfinite(value):
        return "it is not a number"
    if (value - limit.hard) * limit.narrower < 0:
        side = "at least" if limit.narrower == HIGHER else "at most"
        return f"the site file allows {side} {limit.hard:g}"
    if limit.name.endswith((".max_move", "_s")) and not 0 < value <= _LONGEST * max(limit.hard, 1.0):
        return f"{value:g} is no sensible value"
    if limit.name.endswith("min_units_running") and value != int(value):
        return "machines come in whole numbers"
    return ""


def _narrowed(site: Site, values: Mapping[str, float]) -> Site:
    """The site with these limits in place of its own."""
    if not values:
        return site

    def of(scope: str, names: Mapping[str, int]) -> dict[str, Any]:
        return {n: values[f"{scope}.{n}"] for n in names if f"{scope}.{n}" in values}

    def zone(z: Zone) -> Zone:
        units = int(values.get(f"{z.id}.min_units_running", z.min_units_running))
        limits, air = replace(z.limits, **of(z.id, _ZONE)), replace(z.humidity, **of(z.id, _AIR))
        return replace(z, limits=limits, humidity=air, min_units_running=units)

    return replace(
        site,
        zones=tuple(zone(z) for z in site.zones),
        levers=tuple(replace(lv, **of(lv.id, _LEVER)) for lv in site.levers),
        safety=replace(site.safety, **of(SITE, _SAFETY)),
    )


def _incoherent(site: Site) -> str:
    """What contradicts what, or nothing."""
    for zone in site.zones:
        limits, air = zone.limits, zone.humidity
        if not limits.recommended_min_c < limits.planning_max_c <= limits.recommended_max_c:
            return f"{zone.id}: nothing would be left between the recommended inlet limits"
        if not limits.recommended_max_c <= limits.allowable_max_c:
            return f"{zone.id}: recommended would be above allowable"
        if not (air.dew_point_min_c < air.dew_point_max_c and 0 < air.relative_humidity_max <= 1):
            return f"{zone.id}: no moisture would be allowed"
    for lever in site.levers:
        if not lever.low <= lever.high:
            return f"{lever.id}: low would be above high"
    return ""


def _guards(site: Site, scope: str, lever: Lever) -> bool:
    """Whether a limit of this scope has a say over a lever; every zone has one over the plant's levers."""
    if scope in (SITE, lever.id, lever.owner):
        return True
    return scope in site.zone_by_id and lever.owner not in site.zone_by_id
