"""Demotion: a breach takes authority away by itself; only people give it back.

One step at a time. From `supervised` to `advisory` at once. From `advisory` to `shadow` only when
the zone is calm again: in shadow nothing is written, and a hot zone must first be cooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.alarms import Alarm, AlarmBook, AlarmKind
from controller.mode import Mode
from controller.modes import ModeKeeper
from controller.reach import home_of
from controller.rollout import Rollout
from controller.store import StoreUnavailable
from plant.points import SITE, OwnerId
from plant.setpoints import LeverId
from plant.site import Site

BREACHES: Mapping[AlarmKind, Mode] = {
    AlarmKind.INLET_RECOMMENDED: Mode.ADVISORY,
    AlarmKind.INLET_ALLOWABLE: Mode.SHADOW,
    AlarmKind.LEVER_BACKWARDS: Mode.ADVISORY,
    AlarmKind.ROLLBACK_FAILED: Mode.ADVISORY,
    AlarmKind.HEARTBEAT_LOST: Mode.ADVISORY,
    AlarmKind.AUDIT_BROKEN: Mode.ADVISORY,
}
"""What each breach leaves at most. A breach of the whole site is one of each zone."""


@dataclass(frozen=True, slots=True)
class Demoted:
    """Authority that was taken away, and why."""

    scope: OwnerId
    to: Mode
    why: str


class Demotion:
    """Looks for breaches. Call `look` often; it does nothing while nothing is wrong."""

    def __init__(self, modes: ModeKeeper, rollout: Rollout, alarms: AlarmBook, site: Site) -> None:
        self._modes = modes
        self._rollout = rollout
        self._alarms = alarms
        self._site = site
        self._waiting: dict[OwnerId, str] = {}
        """Zones that go to shadow as soon as they are calm, and why."""

    def look(self, at: datetime) -> list[Demoted]:
        """Take away what a breach, an overdue drill or a calmed emergency asks for."""
        done: list[Demoted] = []
        try:
            for kind, most in BREACHES.items():
                for alarm in self._alarms.uncleared(kind):
                    done += self._breach(alarm, most, at)
            done += self._calmed(at)
            done += self._drill(at)
        except StoreUnavailable:
            # Memory has the lesser mode already; the record is made up for when the store is back.
            return done
        for demoted in done:
            detail = f"{demoted.to}: {demoted.why}"
            # It happened and is over; it stands until somebody has seen it.
            self._alarms.raise_(AlarmKind.DEMOTED, demoted.scope, detail, at)
            self._alarms.clear(AlarmKind.DEMOTED, demoted.scope, at)
        return done

    def _breach(self, alarm: Alarm, most: Mode, at: datetime) -> list[Demoted]:
        why = f"{alarm.kind}: {alarm.detail}"
        scopes = self._scopes(alarm.source)
        if most is Mode.SHADOW:
            self._waiting.update({zone: why for zone in scopes if zone != SITE})
        return self._demote(scopes, Mode.ADVISORY, why, at)

    def _calmed(self, at: datetime) -> list[Demoted]:
        hot = {OwnerId(a.source) for a in self._alarms.uncleared(AlarmKind.INLET_ALLOWABLE)}
        hot |= {scope for scope, _ in self._modes.fallback_causes}
        calm = [zone for zone in self._waiting if zone not in hot and SITE not in hot]
        return [d for zone in calm for d in self._demote([zone], Mode.SHADOW, self._waiting.pop(zone), at)]

    def _drill(self, at: datetime) -> list[Demoted]:
        scopes = [SITE, *(zone.id for zone in self._site.zones)]
        given = [scope for scope in scopes if self._modes.chosen(scope) is Mode.SUPERVISED]
        why = self._rollout.drill_objection(at) if given else ""
        return self._demote(given, Mode.ADVISORY, why, at) if why else []

    def _demote(self, scopes: list[OwnerId], to: Mode, why: str, at: datetime) -> list[Demoted]:
        return [Demoted(s, to, why) for s in scopes if self._modes.demote(s, to, why, at)]

    def _scopes(self, source: str) -> list[OwnerId]:
        """A zone's own breach is its own; whatever else is wrong is wrong for the whole site."""
        lever = self._site.lever_by_id.get(LeverId(source))
        owner = OwnerId(source) if lever is None else home_of(self._site, lever.owner)
        if owner in self._site.zone_by_id:
            return [owner]
        return [*(zone.id for zone in self._site.zones), SITE]
