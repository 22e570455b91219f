"""What a feed's last answer lacked: for a log line when it changes, a metric, and an alarm if it lasts."""

from __future__ import annotations

import logging
from collections.abc import Sequence

_log = logging.getLogger(__name__)


class Gaps:
    """What the last question to a provider did not bring. `feed` is what it is asked for."""

    def __init__(self, provider: str, feed: str = "carbon") -> None:
        self.provider = provider
        self.feed = feed
        self.faults: tuple[str, ...] = ()

    def say(self, faults: Sequence[str]) -> None:
        """Keep the reasons; log them when they change."""
        told = tuple(dict.fromkeys(faults))
        if told != self.faults:
            if told:
                _log.warning("%s feed %s: %s", self.feed, self.provider, "; ".join(told))
            else:
                _log.info("%s feed %s answers again", self.feed, self.provider)
        self.faults = told
