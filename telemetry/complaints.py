"""Why a point has no reading, said once: in the log when it begins, changes or ends, and not every poll."""

from __future__ import annotations

import logging

from plant.points import PointId

_log = logging.getLogger(__name__)


class Complaints:
    """What is wrong with single points of one gateway, where the gateway itself answers."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._standing: dict[PointId, str] = {}

    def note(self, point: PointId, why: str) -> None:
        """Take what is wrong with a point now; empty where nothing is."""
        before = self._standing.pop(point, "")
        if why:
            self._standing[point] = why
        if why != before:
            if why:
                _log.warning("%s of gateway %s has no reading: %s", point, self._gateway, why)
            else:
                _log.info("%s of gateway %s is read again", point, self._gateway)
