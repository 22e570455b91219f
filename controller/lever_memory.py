"""What of a lever is under judgement: kept, so that no restart forgets a bad answer or a move, half or small.

A trial that is much older than it was to be is not taken up again: who moved what meanwhile nobody saw.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from controller.canonical import canonical, instant
from controller.lever_inlets import InletAnchor
from controller.lever_trial import Anchor, Answer, Strikes, Trial
from controller.lever_witness import Stand
from controller.store import Store, StoreUnavailable
from controller.tables import LEVER_TRIALS
from plant.points import PointId
from plant.setpoints import LeverId


@dataclass(frozen=True, slots=True)
class UnderJudgement:
    """A lever's open trial, where it began, and the bad answers before it. None: there is none.

    Without a trial ``start`` is where moves began that are too small for one, until they add up.
    """

    trial: Trial | None = None
    start: Stand | None = None
    strikes: Strikes | None = None


NOTHING = UnderJudgement()


class LeverMemory:
    """Keeps what is under judgement; without a database it is in memory alone, as before."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, lever: LeverId, found: UnderJudgement) -> None:
        """The last one kept stands. What cannot be written is not waited for."""
        try:
            with self._store.transaction() as tx:
                tx.execute(delete(LEVER_TRIALS).where(LEVER_TRIALS.c.lever == lever))
                if found != NOTHING:
                    tx.execute(insert(LEVER_TRIALS).values(lever=lever, payload=canonical(_record(found))))
        except StoreUnavailable:
            return

    def recall(self, at: datetime) -> Mapping[LeverId, UnderJudgement]:
        """What was kept, less the trials that nobody looked at in time."""
        rows = self._store.rows(select(LEVER_TRIALS))
        return {LeverId(row["lever"]): _fresh(_found(json.loads(row["payload"])), at) for row in rows}


def _fresh(found: UnderJudgement, at: datetime) -> UnderJudgement:
    if found.trial is None or at <= found.trial.due + timedelta(seconds=found.trial.settle_s):
        return found
    return UnderJudgement(strikes=found.strikes)


def _record(found: UnderJudgement) -> dict[str, object]:
    trial, start, strikes = found.trial, found.start, found.strikes
    record: dict[str, object] = {"trial": None, "start": None, "strikes": None}
    if trial is not None:
        record["trial"] = {name: getattr(trial, name) for name in ("stood", "told", "due", "settle_s")}
    if start is not None:
        record["start"] = _stand_record(start)
    if strikes is not None:
        record["strikes"] = {"answer": str(strikes.answer), "count": strikes.count, "stood": strikes.stood}
    return record


def _stand_record(start: Stand) -> dict[str, object]:
    if isinstance(start, Anchor):
        return {"register": start.register, "process": start.process, "valves_at_end": start.valves_at_end}
    names = ("register", "process", "supply_c", "speed", "load_kw")
    return {name: getattr(start, name) for name in names}


def _found(record: dict[str, Any]) -> UnderJudgement:
    trial, start, strikes = record["trial"], record["start"], record["strikes"]
    return UnderJudgement(
        None
        if trial is None
        else Trial(trial["stood"], trial["told"], instant(trial["due"]), trial["settle_s"]),
        None if start is None else _stand(start),
        None
        if strikes is None
        else Strikes(Answer(strikes["answer"]), strikes["count"], _number(strikes["stood"])),
    )


def _stand(record: dict[str, Any]) -> Stand:
    process = {PointId(point): float(value) for point, value in record["process"].items()}
    if "valves_at_end" in record:
        return Anchor(record["register"], process, record["valves_at_end"])
    return InletAnchor(record["register"], process, record["supply_c"], record["speed"], record["load_kw"])


def _number(value: float | None) -> float:
    return math.nan if value is None else value
