"""Judging readings: what is flagged, why, and nothing ever altered.

Rules in order; the first that applies names the quality (domain notes 6.4):

1. no answer, or the device's own "no value": as the gateway said;
2. `STALE`: the source's time is older than the site allows, or than three polls of its gateway;
3. `OUT_OF_RANGE`: outside what the quantity can be;
4. `RATE`: it moved faster than the quantity can; after three such readings in agreement the new
   level is believed, because a wrong *old* value must not condemn the sensor for ever;
5. `FLATLINE`: a measured temperature of air or water stood still to the last bit for half an hour
   while most of its peers moved;
6. `OUTVOTED`: of three or more thermometers the site file declares to be one `group` (they stand in
   one place), one is more than 1.5 K from the median; or an inlet sensor reads impossibly *cold*.
   Inlets that are not declared a group stand in different places, so a warm one may be a genuine
   hot spot and is always believed; but no air is colder than what every unit supplies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from plant.points import Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.units import Dimension

_WINDOW_MIN = 30
"""How long a sensor must stand still to be suspected. [min]"""
_BELIEVE_AFTER = 3
_MOVED_K = 0.2
"""A peer that spans more than this over the window has moved: twice a common sensor step. [K]"""
_VOTE_K = 1.5
"""The 2-of-3 vote's discard band of domain notes 6.4. [K]"""
_EXPECTED_TO_MOVE = frozenset(
    {Quantity.INLET_TEMPERATURE, Quantity.SUPPLY_AIR_TEMPERATURE, Quantity.RETURN_AIR_TEMPERATURE}
)


@dataclass(slots=True)
class _Minute:
    """The extremes of one minute."""

    at: int
    low: float
    high: float
    count: int = 1


@dataclass(slots=True)
class _Track:
    """What is remembered of one point."""

    accepted: Reading | None = None
    doubted: list[Reading] = field(default_factory=list)
    minutes: deque[_Minute] = field(default_factory=lambda: deque(maxlen=_WINDOW_MIN + 1))

    def remember(self, reading: Reading) -> None:
        at = int(reading.time.timestamp()) // 60
        last = self.minutes[-1] if self.minutes else None
        if last is None or at > last.at:
            self.minutes.append(_Minute(at, reading.value, reading.value))
        elif at == last.at:
            last.low, last.high = min(last.low, reading.value), max(last.high, reading.value)
            last.count += 1

    def covers_window(self) -> bool:
        """Whether it was seen all through the window, not only at its ends."""
        known = self.minutes
        return len(known) >= _WINDOW_MIN // 3 and known[-1].at - known[0].at >= _WINDOW_MIN

    def spread(self) -> float:
        return max(m.high for m in self.minutes) - min(m.low for m in self.minutes)

    def stood_still(self) -> bool:
        return self.spread() == 0 and sum(m.count for m in self.minutes) >= 10


class Judge:
    """Flags readings of one site, remembering what it needs of the past.

    Feed it every pass in time order. `judge` returns the readings in the same order, each as it
    came but for its quality.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._poll_s = {g.id: g.poll_s for g in site.gateways}
        self._tracks: dict[PointId, _Track] = {}
        self._latest: dict[PointId, Reading] = {}
        self._flat: set[PointId] = set()
        self._flat_at = -1
        self._groups = _same_air(site)
        self._redundant: dict[tuple[str, Quantity], list[Point]] = {}
        for point in site.points:
            if point.group is not None and point.facts.dimension is Dimension.TEMPERATURE:
                self._redundant.setdefault((point.group, point.quantity), []).append(point)

    def judge(self, readings: Sequence[Reading], now: datetime) -> list[Reading]:
        """The readings with their quality as we see it."""
        judged = [self._alone(reading, now) for reading in readings]
        for reading in judged:
            if reading.usable and self._expected_to_move(reading.point):
                self._track(reading.point).remember(reading)
        # Peers may live on another gateway, which is read in its own rhythm.
        self._latest.update((r.point, r) for r in judged)
        asked = {r.point for r in judged}
        self._look_for_flatlines(now)
        outvoted = self._too_cold(asked, now) | self._outvoted(asked, now)
        return [
            _flagged(_flagged(r, self._flat, Quality.FLATLINE), outvoted, Quality.OUTVOTED) for r in judged
        ]

    def max_age_s(self, point: Point) -> float:
        """The oldest a reading of this point may be. [s]"""
        if point.address is None:
            return self._site.safety.max_data_age_s
        return max(self._site.safety.max_data_age_s, 3 * self._poll_s.get(point.address.gateway, 0.0))

    def aged(self, reading: Reading, now: datetime) -> Reading:
        """The reading, `STALE` where it has become too old since it was judged."""
        point = self._site.point_by_id.get(reading.point)
        if point is None or not reading.usable:
            return reading
        # A time that far ahead of ours is no better than one that far behind.
        wrong_time = abs((now - reading.time).total_seconds()) > self.max_age_s(point)
        return replace(reading, quality=Quality.STALE) if wrong_time else reading

    def _alone(self, reading: Reading, now: datetime) -> Reading:
        """Rules that look at one point only."""
        point = self._site.point_by_id.get(reading.point)
        if point is None or not reading.usable:
            return reading
        aged = self.aged(reading, now)
        if not aged.usable:
            return aged
        if not point.facts.low <= reading.value <= point.facts.high:
            return replace(reading, quality=Quality.OUT_OF_RANGE)
        return self._rate(point, reading)

    def _rate(self, point: Point, reading: Reading) -> Reading:
        track = self._track(point.id)
        limit = point.facts.max_rate_per_min
        before = track.accepted
        # After a silence as long as the allowed age there is nothing to compare with.
        forgotten = before is None or (reading.time - before.time).total_seconds() > self.max_age_s(point)
        if limit is None or before is None or forgotten or _possible(before, reading, limit):
            track.accepted, track.doubted = reading, []
            return reading
        if track.doubted and not _possible(track.doubted[-1], reading, limit):
            track.doubted = []
        if not track.doubted or reading.time > track.doubted[-1].time:
            track.doubted.append(reading)
        if len(track.doubted) >= _BELIEVE_AFTER:
            track.accepted, track.doubted = reading, []
            return reading
        return replace(reading, quality=Quality.RATE)

    def _look_for_flatlines(self, now: datetime) -> None:
        """Once a minute is enough for what takes half an hour to show."""
        minute = int(now.timestamp()) // 60
        if minute == self._flat_at:
            return
        self._flat_at, self._flat = minute, set()
        for peers in self._groups:
            watched = {p: self._tracks[p] for p in peers if p in self._tracks}
            watched = {p: track for p, track in watched.items() if track.covers_window()}
            moving = sum(track.spread() > _MOVED_K for track in watched.values())
            if len(watched) >= 3 and moving * 2 > len(watched):
                self._flat |= {p for p, track in watched.items() if track.stood_still()}

    def _too_cold(self, asked: set[PointId], now: datetime) -> set[PointId]:
        supply = self._present(Quantity.SUPPLY_AIR_TEMPERATURE, now)
        if not supply:
            return set()
        floor_c = min(r.value for r in supply) - _VOTE_K
        inlets = self._present(Quantity.INLET_TEMPERATURE, now)
        return {r.point for r in inlets if r.point in asked and r.value < floor_c}

    def _outvoted(self, asked: set[PointId], now: datetime) -> set[PointId]:
        lost: set[PointId] = set()
        for points in self._redundant.values():
            latest = [self._latest[p.id] for p in points if p.id in self._latest]
            voting = [r for r in latest if self.aged(r, now).usable]
            if len(voting) >= 3:
                middle = median(r.value for r in voting)
                lost |= {r.point for r in voting if r.point in asked and abs(r.value - middle) > _VOTE_K}
        return lost

    def _present(self, quantity: Quantity, now: datetime) -> list[Reading]:
        """Usable and fresh readings of a quantity, from whatever gateway."""
        latest = (self._latest.get(p.id) for p in self._site.points_with(quantity))
        return [r for r in latest if r is not None and self.aged(r, now).usable]

    def _expected_to_move(self, point: PointId) -> bool:
        known = self._site.point_by_id.get(point)
        return known is not None and known.quantity in _EXPECTED_TO_MOVE

    def _track(self, point: PointId) -> _Track:
        return self._tracks.setdefault(point, _Track())


def _same_air(site: Site) -> list[list[PointId]]:
    """Points of one quantity within one zone, where there are enough to compare."""
    groups = [site.points_in(zone.id, quantity) for zone in site.zones for quantity in _EXPECTED_TO_MOVE]
    return [[p.id for p in points] for points in groups if len(points) >= 3]


def _possible(before: Reading, after: Reading, per_min: float) -> bool:
    seconds = abs((after.time - before.time).total_seconds())
    # Two readings within a few seconds differ by noise and by one step of the register.
    return abs(after.value - before.value) <= per_min * max(seconds, 15.0) / 60.0


def _flagged(reading: Reading, flagged: set[PointId], quality: Quality) -> Reading:
    return replace(reading, quality=quality) if reading.usable and reading.point in flagged else reading
