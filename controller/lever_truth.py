"""Lever truth: does the plant do what a setpoint change says it should?

After a step the process value behind the setpoint (supply air for its setpoint, fan speed, water
temperature) must move the right way, and most of the way, within a few time constants. A lever
that does not answer, or answers backwards, is frozen until a person says it was mended: nothing is
proposed for one that answers backwards, and one that does not answer may only cool.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controller.alarms import AlarmBook, AlarmKind
from controller.audit import AuditLog
from controller.envelope import COOLER, Range
from controller.modes import SYSTEM
from controller.process import process_points, process_value
from controller.proposals import Proposal
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Process:
    """What answers to a setpoint, and how fast (three time constants). [s]"""

    quantity: Quantity
    settle_s: float


ANSWERS: Mapping[Quantity, Process] = {
    Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT: Process(Quantity.SUPPLY_AIR_TEMPERATURE, 600),
    Quantity.FAN_SPEED_SETPOINT: Process(Quantity.FAN_SPEED, 180),
    Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE_SETPOINT: Process(
        Quantity.CHILLED_WATER_SUPPLY_TEMPERATURE, 1200
    ),
    # Tower water follows the weather as much as its setpoint: no judgement from it.
}

LEAST_STEP = 3.0
"""Steps smaller than this many resolutions drown in noise and are not judged. [resolutions]"""

ENOUGH = 0.3
"""Share of the step that counts as an answer. [-]"""

STRIKES = 3
"""Judgements in a row against a lever before it is frozen."""


class Answer(StrEnum):
    """How a lever answered."""

    FOLLOWED = "followed"
    SILENT = "silent"
    BACKWARDS = "backwards"
    UNKNOWN = "unknown"


_KIND: Mapping[Answer, AlarmKind] = {
    Answer.SILENT: AlarmKind.LEVER_SILENT,
    Answer.BACKWARDS: AlarmKind.LEVER_BACKWARDS,
}


@dataclass(frozen=True, slots=True)
class _Trial:
    lever: LeverId
    step: float
    was: float
    due: datetime


class LeverTruth:
    """Follows each applied step until it can be judged, and freezes levers that lie."""

    def __init__(self, site: Site, alarms: AlarmBook, audit: AuditLog) -> None:
        self._site = site
        self._alarms = alarms
        self._audit = audit
        self._trials: dict[LeverId, _Trial] = {}
        self._strikes: dict[LeverId, int] = {}
        # What was frozen before a restart is still frozen: its alarm remembers.
        self._frozen = {
            LeverId(alarm.source): answer
            for answer, kind in _KIND.items()
            for alarm in alarms.uncleared(kind)
        }

    @property
    def frozen(self) -> frozenset[LeverId]:
        """Every lever that lies."""
        return frozenset(self._frozen)

    @property
    def backwards(self) -> frozenset[LeverId]:
        """Levers nothing is to be proposed for; add them to what is held."""
        return frozenset(name for name, answer in self._frozen.items() if answer is Answer.BACKWARDS)

    def only_cooler(self, snapshot: Snapshot) -> Mapping[LeverId, Range]:
        """What a lever that did not answer may still do: cool, in case it does. Never warm."""
        return {
            name: _cooler_side(self._site.lever_by_id[name], snapshot)
            for name, answer in self._frozen.items()
            if answer is not Answer.BACKWARDS and name in self._site.lever_by_id
        }

    def applied(self, proposal: Proposal, snapshot: Snapshot, at: datetime) -> None:
        """Begin to follow the steps of a proposal; ``snapshot`` is from just before the writes."""
        for name, change in proposal.changes.items():
            lever = self._site.lever_by_id[name]
            process = ANSWERS.get(lever.quantity)
            step = change.after - change.before
            was = (
                math.nan if process is None else process_value(self._site, lever, process.quantity, snapshot)
            )
            open_trial = self._trials.get(name)
            if step * COOLER.get(lever.quantity, 0) > 0:
                # A machine at its end (a valve wide open, a chiller off, one fan of two dead) cannot follow a
                # cooling step, and is needed more than ever: that is no evidence against its lever.
                self._trials.pop(name, None)
                continue
            if open_trial is not None:
                # A planner moves a little every few minutes; were each move to end the trial before it,
                # none would ever be judged. The trial goes on, toward where the lever now stands.
                self._trials[name] = replace(open_trial, step=change.after - open_trial.was)
                continue
            if process is None or math.isnan(was) or abs(step) < LEAST_STEP * lever.resolution:
                continue
            # A process that was not at its setpoint has its own way to go; judge the distance left.
            due = at + timedelta(seconds=process.settle_s)
            self._trials[name] = _Trial(name, change.after - was, was, due)

    def judge(self, snapshot: Snapshot, at: datetime) -> Mapping[LeverId, Answer]:
        """The answers that can be given now. Freezes a lever at the third bad one in a row."""
        due = [t for t in self._trials.values() if t.due <= at and self._seen_since(t, snapshot)]
        answers = {trial.lever: self._answer(trial, snapshot) for trial in due}
        for name, answer in answers.items():
            del self._trials[name]
            self._count(name, answer, at)
        return answers

    def mended(self, lever: LeverId, *, by: str, at: datetime) -> bool:
        """A person says the lever works again; False if it was not frozen."""
        answer = self._frozen.pop(lever, None)
        if answer is None:
            return False
        self._strikes.pop(lever, None)
        self._audit.record("lever.unfrozen", by, {"lever": lever, "was": answer}, at)
        self._alarms.clear(_KIND[answer], lever, at)
        return True

    def _seen_since(self, trial: _Trial, snapshot: Snapshot) -> bool:
        """Whether the plant has been read since the answer fell due; an older reading says nothing."""
        lever = self._site.lever_by_id[trial.lever]
        read = [
            snapshot.reading(p) for p in process_points(self._site, lever, ANSWERS[lever.quantity].quantity)
        ]
        return all(r.time >= trial.due for r in read if r.usable)

    def _answer(self, trial: _Trial, snapshot: Snapshot) -> Answer:
        lever = self._site.lever_by_id[trial.lever]
        process = ANSWERS[lever.quantity]
        value = process_value(self._site, lever, process.quantity, snapshot)
        if math.isnan(value) or abs(trial.step) < LEAST_STEP * lever.resolution:
            return Answer.UNKNOWN
        share = (value - trial.was) / trial.step
        if share >= ENOUGH:
            return Answer.FOLLOWED
        return Answer.BACKWARDS if share <= -ENOUGH else Answer.SILENT

    def _count(self, name: LeverId, answer: Answer, at: datetime) -> None:
        if answer is Answer.UNKNOWN:
            return
        if answer is Answer.FOLLOWED:
            self._strikes.pop(name, None)
            return
        self._strikes[name] = self._strikes.get(name, 0) + 1
        if self._strikes[name] < STRIKES or name in self._frozen:
            return
        self._frozen[name] = answer
        self._audit.record("lever.frozen", SYSTEM, {"lever": name, "why": answer}, at)
        self._alarms.raise_(_KIND[answer], name, f"{STRIKES} steps in a row: {answer}", at)


def _cooler_side(lever: Lever, snapshot: Snapshot) -> Range:
    present = snapshot.lever_value(lever)
    sign = COOLER.get(lever.quantity, 0)
    return Range(lever.low if sign < 0 else present, lever.high if sign > 0 else present)
