"""Lever truth: does the plant do what a setpoint change says it should?

After a move the process value behind the setpoint (supply air for its setpoint, fan speed, water
temperature; where none is measured, the zone's inlets) must go the right way, and most of the way, within a
few time constants. A lever that
does not answer, or answers backwards, is frozen until a person says it was mended: nothing is written
to one that answers backwards but the way back to where it stood (`put_back`), and one that does not
answer may only cool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from controller.alarms import AlarmBook, AlarmKind
from controller.audit import AuditLog
from controller.envelope import COOLER, Range
from controller.lever_inlets import trusted_law
from controller.lever_memory import NOTHING, LeverMemory, UnderJudgement
from controller.lever_trial import Answer, Strikes, Trial, is_strong
from controller.lever_witness import Stand, Witness
from controller.modes import SYSTEM
from optimizer.model import PlantModel
from plant.quantities import Quantity
from plant.setpoints import Lever, LeverId
from plant.site import Site
from plant.snapshot import Snapshot

__all__ = ["Answer", "LeverTruth"]

STRIKES = 3
"""Judgements in a row against a lever before it is frozen."""
FAN_STRIKES = 2
"""Of a fan that answers backwards: its speed is measured, follows in seconds and nothing else moves it."""

_KIND: Mapping[Answer, AlarmKind] = {
    Answer.SILENT: AlarmKind.LEVER_SILENT,
    Answer.BACKWARDS: AlarmKind.LEVER_BACKWARDS,
}


class LeverTruth:
    """Follows each lever until its moves can be judged, and freezes levers that lie."""

    def __init__(
        self, site: Site, alarms: AlarmBook, audit: AuditLog, memory: LeverMemory, at: datetime
    ) -> None:
        """``at``: now, by which it is told what of what was under judgement is too old to go on with."""
        self._site = site
        self._memory = memory
        self._alarms = alarms
        self._audit = audit
        self.model: Callable[[], PlantModel | None] = lambda: None
        """What was learned of the plant, for levers that only the inlets tell of."""
        kept = memory.recall(at)
        starts = {n: k.start for n, k in kept.items() if k.start is not None}
        self._anchors: dict[LeverId, Stand] = {n: s for n, s in starts.items() if kept[n].trial is None}
        self._left: set[LeverId] = set(self._anchors)
        """Levers that stand elsewhere than at their anchor, but not far enough for a trial."""
        self._starts: dict[LeverId, Stand] = {n: s for n, s in starts.items() if kept[n].trial is not None}
        self._trials: dict[LeverId, Trial] = {n: k.trial for n, k in kept.items() if k.trial is not None}
        self._strikes: dict[LeverId, Strikes] = {
            n: k.strikes for n, k in kept.items() if k.strikes is not None
        }
        self._stood: dict[LeverId, float] = {}
        # What was frozen before a restart is still frozen: its alarm remembers.
        self._frozen = {
            LeverId(alarm.source): answer
            for answer, kind in _KIND.items()
            for alarm in alarms.uncleared(kind)
        }
        self._stood |= _where_stood(audit, self._frozen)

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

    def put_back(self, snapshot: Snapshot) -> Mapping[LeverId, float]:
        """Where levers that answer backwards are to return: what they held before they were found out.

        Only of those that were told to cool: what they heated is undone. One that was told to warm cools
        more than it was asked to, and taking that away would warm the racks.
        """
        wanted: dict[LeverId, float] = {}
        for name in self.backwards & set(self._stood):
            lever = self._site.lever_by_id[name]
            beyond = snapshot.lever_value(lever) - self._stood[name]
            if beyond * COOLER.get(lever.quantity, 0) >= lever.resolution / 2:
                wanted[name] = self._stood[name]
        return wanted

    def judge(self, snapshot: Snapshot, at: datetime) -> Mapping[LeverId, Answer]:
        """Follow every lever and give the answers that can be given now; freezes levers that lie.

        Call it with each new snapshot, before anything is written.
        """
        if self._local(snapshot):
            # The plant takes its own setpoints: our registers say nothing of what it does.
            self._anchors.clear()
            for name in self._left | set(self._trials):
                self._left.discard(name)
                self._trials.pop(name, None)
                self._memory.keep(name, self._under_judgement(name))
            return {}
        answers: dict[LeverId, Answer] = {}
        for lever in self._site.levers:
            doubt = self._strikes.get(lever.id)
            suspect = doubt is not None and doubt.answer is Answer.BACKWARDS
            law = trusted_law(self._site, lever, self.model())
            witness = Witness.of(self._site, lever, law, suspect=suspect)
            now = None if witness is None else witness.stand(snapshot)
            before = self._under_judgement(lever.id)
            answer = None if witness is None or now is None else self._follow(witness, now, snapshot, at)
            if answer is not None:
                answers[lever.id] = answer
            if (after := self._under_judgement(lever.id)) != before:
                self._memory.keep(lever.id, after)
        return answers

    def mended(self, lever: LeverId, *, by: str, at: datetime, reason: str = "") -> bool:
        """A person says the lever works again; False if it was not frozen."""
        answer = self._frozen.pop(lever, None)
        if answer is None:
            return False
        for book in (self._strikes, self._stood, self._trials, self._anchors):
            book.pop(lever, None)
        self._left.discard(lever)
        told = {"lever": lever, "before": answer, "after": None, "reason": reason}
        with self._audit.together():
            self._memory.keep(lever, NOTHING)
            self._audit.record("lever.unfrozen", by, told, at)
            self._alarms.clear(_KIND[answer], lever, at)
        return True

    def _follow(self, witness: Witness, now: Stand, snapshot: Snapshot, at: datetime) -> Answer | None:
        """The next look at a lever: wait for a move, let it settle, judge it."""
        lever = witness.lever
        trial = self._trials.get(lever.id)
        if trial is None:
            self._begin(witness, now, at)
            return None
        if at <= trial.counts_until:
            # A planner moves a little every few minutes; were each move to end the trial before it,
            # none would ever be judged. The trial goes on, toward where the lever now stands.
            trial = self._trials[lever.id] = replace(trial, told=now.register)
        if at < trial.due or not witness.read_since(trial.due, snapshot):
            return None
        answer = witness.answer(self._starts[lever.id], trial.told, now)
        self._count(witness, trial, answer, at)
        del self._trials[lever.id]
        self._anchors[lever.id] = now
        return answer

    def _begin(self, witness: Witness, now: Stand, at: datetime) -> None:
        """Open a trial once the lever's moves add up to one that can be judged."""
        lever = witness.lever
        anchor = self._anchors.setdefault(lever.id, now)
        moved = abs(now.register - anchor.register)
        self._left.discard(lever.id)
        if moved < lever.resolution / 2:
            self._anchors[lever.id] = replace(now, register=anchor.register)
        elif moved < witness.least - 1e-9:
            self._left.add(lever.id)
        else:
            due = at + timedelta(seconds=witness.settle_s)
            self._starts[lever.id] = anchor
            self._trials[lever.id] = Trial(anchor.register, now.register, due, witness.settle_s)

    def _under_judgement(self, name: LeverId) -> UnderJudgement:
        trial = self._trials.get(name)
        left = self._anchors.get(name) if name in self._left else None
        start = left if trial is None else self._starts.get(name)
        return UnderJudgement(trial, start, self._strikes.get(name))

    def _local(self, snapshot: Snapshot) -> bool:
        points = self._site.points_with(Quantity.LOCAL_CONTROL)
        return any(snapshot.value(p.id) >= 0.5 for p in points)

    def _count(self, witness: Witness, trial: Trial, answer: Answer, at: datetime) -> None:
        lever = witness.lever
        if answer is Answer.UNKNOWN:
            return
        if answer is Answer.FOLLOWED:
            self._strikes.pop(lever.id, None)
            return
        before = self._strikes.get(lever.id)
        if before is None or before.answer is not answer:
            before = Strikes(answer, 0, trial.stood)
        needed, weight = STRIKES, 1
        if answer is Answer.BACKWARDS and witness.own and lever.quantity is Quantity.FAN_SPEED_SETPOINT:
            needed, weight = FAN_STRIKES, FAN_STRIKES if is_strong(trial, lever) else 1
        strikes = self._strikes[lever.id] = replace(before, count=before.count + weight)
        if strikes.count >= needed and self._frozen.get(lever.id) not in (answer, Answer.BACKWARDS):
            self._freeze(lever, strikes, at)

    def _freeze(self, lever: Lever, strikes: Strikes, at: datetime) -> None:
        known = self._frozen.get(lever.id)
        self._frozen[lever.id] = strikes.answer
        if not math.isnan(strikes.stood):
            self._stood[lever.id] = strikes.stood
        told = {"lever": lever.id, "before": known, "after": strikes.answer, "stood": strikes.stood}
        detail = f"its moves from {strikes.stood:g} on, each judged by itself: {strikes.answer}"
        # Together: after a crash a lever is frozen and we know where it stood, or it is not frozen.
        with self._audit.together():
            self._audit.record("lever.frozen", SYSTEM, told, at)
            if known is not None:
                self._alarms.clear(_KIND[known], lever.id, at)
            self._alarms.raise_(_KIND[strikes.answer], lever.id, detail, at)


def _where_stood(audit: AuditLog, frozen: Mapping[LeverId, Answer]) -> dict[LeverId, float]:
    """Where each frozen lever stood before it was found out, as the record has it."""
    stood: dict[LeverId, float] = {}
    for record in audit.of_kind("lever.frozen") if frozen else ():
        lever, at = LeverId(str(record.what["lever"])), record.what["stood"]
        if lever in frozen and isinstance(at, int | float):
            stood.setdefault(lever, float(at))
    return stood


def _cooler_side(lever: Lever, snapshot: Snapshot) -> Range:
    present = snapshot.lever_value(lever)
    sign = COOLER.get(lever.quantity, 0)
    return Range(lever.low if sign < 0 else present, lever.high if sign > 0 else present)
