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

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from plant.points import Point, PointId
from plant.quantities import Quantity
from plant.readings import Quality, Reading
from plant.site import Site
from plant.units import Dimension

FLATLINE_S = 1800.0
"""How long a sensor must stand still to be suspected. [s]"""
_BELIEVE_AFTER = 3
_MOVED_K = 0.2
"""A peer that spans more than this over the window has moved: twice a common sensor step. [K]"""
_VOTE_K = 1.5
"""The 2-of-3 vote's discard band of domain notes 6.4. [K]"""
_EXPECTED_TO_MOVE = frozenset(
    {Quantity.INLET_TEMPERATURE, Quantity.SUPPLY_AIR_TEMPERATURE, Quantity.RETURN_AIR_TEMPERATURE}
)


@dataclass(slots=True)
class _Track:
    """What is remembered of one point."""

    accepted: Reading | None = None
    doubted: list[Reading] = field(default_factory=list)
    seen: deque[tuple[float, float]] = field(default_factory=deque)

    def remember(self, reading: Reading, window_s: float) -> None:
        at = reading.time.timestamp()
        if self.seen and at <= self.seen[-1][0]:
            return
        self.seen.append((at, reading.value))
        while len(self.seen) > 2 and self.seen[1][0] <= at - window_s:
            self.seen.popleft()

    def span_s(self) -> float:
        return self.seen[-1][0] - self.seen[0][0] if self.seen else 0.0

    def spread(self) -> float:
        values = [value for _, value in self.seen]
        return max(values) - min(values) if values else 0.0


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
        self._redundant: dict[tuple[str, Quantity], list[Point]] = {}
        for point in site.points:
            if point.group is not None and point.facts.dimension is Dimension.TEMPERATURE:
                self._redundant.setdefault((point.group, point.quantity), []).append(point)

    def judge(self, readings: Sequence[Reading], now: datetime) -> list[Reading]:
        """The readings with their quality as we see it."""
        judged = [self._alone(reading, now) for reading in readings]
        for reading in judged:
            if reading.usable and self._expected_to_move(reading.point):
                self._track(reading.point).remember(reading, FLATLINE_S)
        # Peers may live on another gateway, which is read in its own rhythm.
        self._latest.update((r.point, r) for r in judged)
        asked = {r.point for r in judged}
        flat = self._flatlined(asked)
        outvoted = self._too_cold(asked, now) | self._outvoted(asked, now)
        return [_flagged(_flagged(r, flat, Quality.FLATLINE), outvoted, Quality.OUTVOTED) for r in judged]

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
        too_old = (now - reading.time).total_seconds() > self.max_age_s(point)
        return replace(reading, quality=Quality.STALE) if too_old else reading

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

    def _flatlined(self, asked: set[PointId]) -> set[PointId]:
        flat: set[PointId] = set()
        for peers in self._groups():
            watched = {p: self._tracks[p] for p in peers if p in self._tracks}
            watched = {p: track for p, track in watched.items() if track.span_s() >= FLATLINE_S}
            moving = sum(track.spread() > _MOVED_K for track in watched.values())
            if len(watched) >= 3 and moving * 2 > len(watched):
                flat |= {p for p, track in watched.items() if p in asked and _stood_still(track)}
        return flat

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

    def _groups(self) -> Iterable[list[PointId]]:
        """Points that see the same air: a quantity within a zone."""
        for zone in self._site.zones:
            for quantity in _EXPECTED_TO_MOVE:
                points = self._site.points_in(zone.id, quantity)
                if len(points) >= 3:
                    yield [p.id for p in points]

    def _expected_to_move(self, point: PointId) -> bool:
        known = self._site.point_by_id.get(point)
        return known is not None and known.quantity in _EXPECTED_TO_MOVE

    def _track(self, point: PointId) -> _Track:
        return self._tracks.setdefault(point, _Track())


def _possible(before: Reading, after: Reading, per_min: float) -> bool:
    seconds = abs((after.time - before.time).total_seconds())
    # Two readings within a few seconds differ by noise and by one step of the register.
    return abs(after.value - before.value) <= per_min * max(seconds, 15.0) / 60.0


def _stood_still(track: _Track) -> bool:
    return track.span_s() >= FLATLINE_S and len(track.seen) >= 10 and math.isclose(track.spread(), 0.0)


def _flagged(reading: Reading, flagged: set[PointId], quality: Quality) -> Reading:
    return replace(reading, quality=quality) if reading.usable and reading.point in flagged else reading
