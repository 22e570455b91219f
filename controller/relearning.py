"""Learning again: once a day the plant is identified anew from what has been seen since.

A plan runs where it is best, and there the first model has often seen least. A new model is adopted
only if it is not worse: nothing that the old one trusted may have become untrusted. The baseline is
kept as it was first fitted; the site as found does not change by our running it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controller.child_work import in_child
from controller.knowledge import Knowledge, learn
from controller.settings import Settings
from controller.wiring import Controller
from plant.site import Site
from telemetry.historian import Historian

_log = logging.getLogger(__name__)

EVERY = timedelta(days=1)


def merged(old: Knowledge, new: Knowledge) -> Knowledge:
    """What to go on with: the new model if it is not worse, the old baseline if there was one."""
    if new.model is None:
        return old
    baseline = old.baseline if old.baseline is not None and old.baseline.qualified else new.baseline
    if old.model is None:
        return replace(new, baseline=baseline)
    before = {e.name for e in old.model.evidence if not e.trusted}
    doubted = sorted(e.name for e in new.model.evidence if not e.trusted and e.name not in before)
    if doubted:
        return replace(old, sentence=f"{old.sentence}; a newer model was not adopted: {', '.join(doubted)}")
    return Knowledge(new.model, baseline, new.sentence)


@dataclass
class Relearner:
    """Learns once a day, in a process of its own, and hands the result to the controller."""

    controller: Controller
    last: datetime

    async def learn_now(self, now: datetime) -> None:
        """Learn and adopt. A failure to learn leaves everything as it is.

        Raises
        ------
        WorkFailed
            If nothing could be learned.
        """
        self.last = now
        controller = self.controller
        new = await in_child(learn_from_file, controller.parts.site, controller.settings, now)
        await controller.adopt(merged(controller.knowledge, new))
        _log.info("%s", controller.knowledge.sentence)


def learn_from_file(site: Site, settings: Settings, at: datetime) -> Knowledge:
    """Learn in another process, over its own connection to the historian."""
    historian = Historian(settings.historian)
    try:
        return learn(site, historian, settings, at)
    finally:
        historian.close()
